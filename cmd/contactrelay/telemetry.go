package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/time/rate"
	"google.golang.org/grpc"

	"github.com/contactrelay/contactrelay/worker"
)

// telemetry sends metrics and traces by OTLP, as far as they are asked for. It delays nothing: connections are made, and
// it is found out where this runs, while the worker works.
type telemetry struct {
	place   *place
	options []grpc.DialOption
	metrics *sdkmetric.MeterProvider // nil: not sent
	traces  *sdktrace.TracerProvider // nil: not made
}

// links is how many messages a span can be linked to: more than the 200 of a batch call. The SDK's default is 128.
const links = 256

// open begins to send traces; close ends it. project is where this runs if nothing else tells.
func (e *exportSettings) open(ctx context.Context, project string, log *slog.Logger) (*telemetry, error) {
	t := &telemetry{}
	if !e.metrics && !e.traces {
		return t, nil
	}
	hearOpenTelemetry(log)
	t.place = findPlace(ctx, project, log)
	if e.bearer != nil {
		t.options = append(t.options, grpc.WithPerRPCCredentials(e.bearer))
	}
	if !e.traces {
		return t, nil
	}
	to, err := otlptracegrpc.New(ctx, otlptracegrpc.WithDialOption(t.options...))
	if err != nil {
		return nil, fmt.Errorf("prepare the traces: %w", err)
	}
	limits := sdktrace.NewSpanLimits()
	limits.LinkCountLimit = links
	t.traces = sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(placedSpans{to, t.place}), sdktrace.WithRawSpanLimits(limits),
		sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(e.TraceRatio))))
	return t, nil
}

// hearOpenTelemetry sends what the SDK has to say to the log. It has no other way than through globals of its own, which
// would write lines of their own format.
func hearOpenTelemetry(log *slog.Logger) {
	paced := rate.Sometimes{Interval: time.Minute}
	otel.SetLogger(logr.FromSlogHandler(log.Handler()).V(8)) // its errors alone: the rest falls below debug
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		paced.Do(func() { log.Warn("metrics or traces cannot be sent", "err", err) })
	}))
}

// tracer makes spans; nil if there are to be none.
func (t *telemetry) tracer() trace.Tracer {
	if t.traces == nil {
		return nil
	}
	return t.traces.Tracer("github.com/contactrelay/contactrelay", trace.WithInstrumentationVersion(version()))
}

// count begins to send what a worker counts, if that is asked for: once a minute, or as OTEL_METRIC_EXPORT_INTERVAL says.
func (e *exportSettings) count(ctx context.Context, t *telemetry, tally func() worker.Tally) error {
	if !e.metrics {
		return nil
	}
	to, err := otlpmetricgrpc.New(ctx, otlpmetricgrpc.WithDialOption(t.options...))
	if err != nil {
		return fmt.Errorf("prepare the metrics: %w", err)
	}
	reader := sdkmetric.NewPeriodicReader(placedMetrics{to, t.place}, sdkmetric.WithProducer(newCounts(tally)))
	t.metrics = sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
	return nil
}

// close sends what was not sent yet, the last counts with it, and blocks until that is done or the time has come.
func (t *telemetry) close(ctx context.Context, by time.Time) error {
	ctx, cancel := context.WithDeadline(context.WithoutCancel(ctx), by)
	defer cancel()
	var closing sync.WaitGroup
	var unsent [2]error
	if t.metrics != nil {
		closing.Go(func() { unsent[0] = t.metrics.Shutdown(ctx) })
	}
	if t.traces != nil {
		closing.Go(func() { unsent[1] = t.traces.Shutdown(ctx) })
	}
	closing.Wait()
	return errors.Join(unsent[:]...)
}
