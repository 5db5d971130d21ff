package main

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"os"
	"slices"

	"go.opentelemetry.io/contrib/detectors/gcp"
	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// place is what this process is and where it runs, as what it sends says so. Google's metadata server is asked for the
// latter, which can take seconds where it does not answer: nobody waits for that but an export.
type place struct {
	known    *resource.Resource // without asking
	found    chan struct{}      // closed when the next is set
	resource *resource.Resource
	enough   chan struct{} // closed when nobody waits for that any more
}

// onGoogle are variables of which one is set wherever Google runs containers: pools of workers, services and jobs of Cloud
// Run, GKE; and the one that says where a metadata server is. Without any of them nothing is asked: a question would go to
// an address of the local network that may be anybody's.
var onGoogle = []string{workerPoolName, "K_SERVICE", "CLOUD_RUN_JOB", "KUBERNETES_SERVICE_HOST", "GCE_METADATA_HOST"}

// findPlace begins to find out where this runs. The variables OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES come before
// whatever is found.
func findPlace(ctx context.Context, project string, log *slog.Logger) *place {
	ctx = context.WithoutCancel(ctx) // a stop needs to know it as well
	ours := resource.WithAttributes(
		attribute.String("service.name", "contactrelay"),
		attribute.String("service.version", version()),
		attribute.String("service.instance.id", rand.Text()), // two workers must not write one series
		attribute.String("gcp.project_id", project))
	find := func(more ...resource.Option) *resource.Resource {
		r, err := resource.New(ctx, append(append([]resource.Option{ours}, more...), resource.WithFromEnv())...)
		// The versions of the names that the parts follow may differ: the names that matter are the same in all.
		if errors.Is(err, resource.ErrPartialResource) || err != nil && !errors.Is(err, resource.ErrSchemaURLConflict) {
			log.WarnContext(ctx, "not all is known of where this runs", "err", err)
		}
		return r
	}
	p := &place{known: find(), found: make(chan struct{}), enough: make(chan struct{})}
	if !slices.ContainsFunc(onGoogle, func(name string) bool { return os.Getenv(name) != "" }) {
		p.resource = p.known
		close(p.found)
		return p
	}
	go func() { // not waited for at the end: it has no limit, and the process ends
		defer close(p.found)
		detector := gcp.NewDetector()
		if os.Getenv(workerPoolName) != "" {
			detector = workerPool{}
		}
		p.resource = find(resource.WithDetectors(detector))
	}()
	return p
}

// giveUp has what is sent from now on say what is known. It must be called once at most.
func (p *place) giveUp() { close(p.enough) }

// await is where this runs, as far as it is known when ctx is done or after giveUp.
func (p *place) await(ctx context.Context) *resource.Resource {
	select {
	case <-p.found:
		return p.resource
	case <-p.enough:
		return p.known
	case <-ctx.Done():
		return p.known
	}
}

// placedMetrics says where metrics come from.
type placedMetrics struct {
	sdkmetric.Exporter
	place *place
}

// Export implements [sdkmetric.Exporter].
func (m placedMetrics) Export(ctx context.Context, all *metricdata.ResourceMetrics) error {
	return m.Exporter.Export(ctx, &metricdata.ResourceMetrics{Resource: m.place.await(ctx), ScopeMetrics: all.ScopeMetrics})
}

// placedSpans says where spans come from.
type placedSpans struct {
	sdktrace.SpanExporter
	place *place
}

// placedSpan is a span with another resource.
type placedSpan struct {
	sdktrace.ReadOnlySpan
	from *resource.Resource
}

// Resource implements [sdktrace.ReadOnlySpan].
func (s placedSpan) Resource() *resource.Resource { return s.from }

// ExportSpans implements [sdktrace.SpanExporter].
func (s placedSpans) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	placed, from := make([]sdktrace.ReadOnlySpan, len(spans)), s.place.await(ctx)
	for i, span := range spans {
		placed[i] = placedSpan{span, from}
	}
	return s.SpanExporter.ExportSpans(ctx, placed)
}
