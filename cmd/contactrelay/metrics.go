package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel/attribute"
	exporter "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/metric"
	sdk "go.opentelemetry.io/otel/sdk/metric"

	"github.com/contactrelay/contactrelay/worker"
)

// metrics are the worker's counters as OpenTelemetry has them; the exporter adds _total to their names.
type metrics struct {
	messages   metric.Int64ObservableCounter
	calls      metric.Int64ObservableCounter
	conflicts  metric.Int64ObservableCounter
	inversions metric.Int64ObservableCounter
	violations metric.Int64ObservableCounter
	paused     metric.Int64ObservableGauge
}

// newMetrics returns what answers /metrics in Prometheus' format: what tally tells at that time.
func newMetrics(tally func() worker.Tally) (http.Handler, error) {
	registry := prometheus.NewRegistry()
	reader, err := exporter.New(exporter.WithRegisterer(registry), exporter.WithoutScopeInfo(), exporter.WithoutTargetInfo())
	if err != nil {
		return nil, fmt.Errorf("prepare the metrics: %w", err)
	}
	meter := sdk.NewMeterProvider(sdk.WithReader(reader)).Meter("contactrelay")
	var errs []error
	counter := func(name, help string) metric.Int64ObservableCounter {
		c, err := meter.Int64ObservableCounter(name, metric.WithDescription(help))
		errs = append(errs, err)
		return c
	}
	paused, err := meter.Int64ObservableGauge("contactrelay_paused", metric.WithDescription("1 while nothing but probes is done, by why."))
	errs = append(errs, err)
	m := &metrics{
		paused:     paused,
		messages:   counter("contactrelay_messages", "Deliveries that ended, by how."),
		calls:      counter("contactrelay_people_calls", "Calls of the People API."),
		conflicts:  counter("contactrelay_conflicts", "Refused or outdated etags, by what became of the change."),
		inversions: counter("contactrelay_inversions", "Messages whose publish time ran against the order of delivery."),
		violations: counter("contactrelay_order_violations", "Changes that ended after a later one of their contact. Must stay 0."),
	}
	_, err = meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		m.observe(o, tally())
		return nil
	}, m.messages, m.calls, m.conflicts, m.inversions, m.violations, m.paused)
	if err := errors.Join(append(errs, err)...); err != nil {
		return nil, fmt.Errorf("prepare the metrics: %w", err)
	}
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{}), nil
}

// observe tells the counts.
func (m *metrics) observe(o metric.Observer, t worker.Tally) {
	for e, n := range t.Settled {
		o.ObserveInt64(m.messages, int64(n), metric.WithAttributes(attribute.String("type", e.Type),
			attribute.String("outcome", string(e.Outcome)), attribute.String("reason", string(e.Reason))))
	}
	calls := map[[2]string]int{}
	for c, n := range t.Calls {
		calls[[2]string{c.Method, c.Code}] += n // of whatever type of message
	}
	for c, n := range calls {
		o.ObserveInt64(m.calls, int64(n), metric.WithAttributes(attribute.String("method", c[0]), attribute.String("code", c[1])))
	}
	for how, n := range t.Conflicts {
		o.ObserveInt64(m.conflicts, int64(n), metric.WithAttributes(attribute.String("resolution", how)))
	}
	o.ObserveInt64(m.inversions, int64(t.Inversions))
	o.ObserveInt64(m.violations, int64(t.OrderViolations))
	for cause := range t.Pauses {
		now := int64(0)
		if cause == t.Paused {
			now = 1
		}
		o.ObserveInt64(m.paused, now, metric.WithAttributes(attribute.String("cause", cause)))
	}
}
