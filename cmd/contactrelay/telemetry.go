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
	"google.golang.org/grpc/credentials"

	"github.com/contactrelay/contactrelay/worker"
)

// telemetry sends metrics and traces by OTLP, as far as they are asked for. It delays nothing: connections are made, and
// it is found out where this runs, while the worker works.
type telemetry struct {
	settings *exportSettings
	log      *slog.Logger
	place    *place
	stopped  chan time.Time           // has room for one: when the context was done
	metrics  *sdkmetric.MeterProvider // nil: not sent
	traces   *sdktrace.TracerProvider // nil: not made
}

// links is how many messages a span can be linked to: more than the 200 of a batch call. The SDK's default is 128.
const links = 256

// open begins to send traces; close ends it. project is where this runs if nothing else tells.
func (e *exportSettings) open(ctx context.Context, project string, log *slog.Logger) (*telemetry, error) {
	t := &telemetry{settings: e, log: log, stopped: make(chan time.Time, 1)}
	if !e.metrics && !e.traces {
		return t, nil
	}
	context.AfterFunc(ctx, func() { t.stopped <- time.Now() })
	hearOpenTelemetry(log)
	t.place = findPlace(ctx, project, log)
	if !e.traces {
		return t, nil
	}
	to, err := otlptracegrpc.New(ctx, otlptracegrpc.WithDialOption(dialOptions(e.tracesBearer)...))
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

// dialOptions are those of a connection; bearer is nil if it needs no token.
func dialOptions(bearer credentials.PerRPCCredentials) []grpc.DialOption {
	if bearer == nil {
		return nil
	}
	return []grpc.DialOption{grpc.WithPerRPCCredentials(bearer)}
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
func (t *telemetry) count(ctx context.Context, tally func() worker.Tally) error {
	if !t.settings.metrics {
		return nil
	}
	to, err := otlpmetricgrpc.New(ctx, otlpmetricgrpc.WithDialOption(dialOptions(t.settings.metricsBearer)...))
	if err != nil {
		return fmt.Errorf("prepare the metrics: %w", err)
	}
	reader := sdkmetric.NewPeriodicReader(placedMetrics{to, t.place}, sdkmetric.WithProducer(newCounts(tally)))
	t.metrics = sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
	return nil
}

// What was not sent yet is sent within flushLimit, and not longer than a stop may take: the worker ends within 800 ms of
// the drain, and the process within a second.
const (
	flushLimit     = 3 * time.Second
	exitAfterDrain = 950 * time.Millisecond
)

// close sends what was not sent yet, the last counts with it, and blocks until that is done or its time is over. drain is
// the worker's.
func (t *telemetry) close(ctx context.Context, drain time.Duration) {
	by := time.Now().Add(flushLimit)
	if t.place != nil && ctx.Err() != nil {
		if last := (<-t.stopped).Add(drain + exitAfterDrain); last.Before(by) {
			by = last
		}
	}
	ctx, cancel := context.WithDeadline(context.WithoutCancel(ctx), by)
	defer cancel()
	if t.place != nil {
		defer time.AfterFunc(time.Until(by)/2, t.place.giveUp).Stop() // the other half is for sending
	}
	var closing sync.WaitGroup
	var unsent [2]error
	if t.metrics != nil {
		closing.Go(func() { unsent[0] = t.metrics.Shutdown(ctx) })
	}
	if t.traces != nil {
		closing.Go(func() { unsent[1] = t.traces.Shutdown(ctx) })
	}
	closing.Wait()
	if err := errors.Join(unsent[:]...); err != nil {
		t.log.WarnContext(ctx, "not all metrics and traces were sent", "err", err)
	}
}
