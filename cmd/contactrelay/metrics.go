package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	exporter "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/contactrelay/contactrelay/worker"
)

// counts tells what a worker has counted, in OpenTelemetry's terms and from the beginning, to whatever reads it: a scrape
// of /metrics, an export. It implements [sdk.Producer].
type counts struct {
	tally func() worker.Tally
	since time.Time
}

// newCounts returns the counts of a worker that starts now.
func newCounts(tally func() worker.Tally) *counts { return &counts{tally: tally, since: time.Now()} }

// Produce returns the counts up to now.
func (c *counts) Produce(context.Context) ([]metricdata.ScopeMetrics, error) {
	s := &series{since: c.since, now: time.Now()}
	s.of(c.tally())
	return []metricdata.ScopeMetrics{{
		Scope:   instrumentation.Scope{Name: "contactrelay", Version: version()},
		Metrics: s.all,
	}}, nil
}

// handler answers /metrics in Prometheus' format.
func (c *counts) handler() (http.Handler, error) {
	registry := prometheus.NewRegistry()
	reader, err := exporter.New(exporter.WithRegisterer(registry), exporter.WithProducer(c),
		exporter.WithoutScopeInfo(), exporter.WithoutTargetInfo())
	if err != nil {
		return nil, fmt.Errorf("prepare the metrics: %w", err)
	}
	sdk.NewMeterProvider(sdk.WithReader(reader)) // without one, the reader answers nothing
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{}), nil
}
