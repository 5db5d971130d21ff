package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"

	metricscollector "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	tracecollector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// collector receives by OTLP.
type collector struct {
	address string

	mu        sync.Mutex // guards the fields below
	spans     []*tracepb.Span
	metrics   []*metricspb.ResourceMetrics // the last export
	resources []map[string]string          // of every export
	tokens    []string                     // that came with it
	all       strings.Builder              // everything, as JSON
}

// collect starts a collector; it ends with the test.
func collect(t *testing.T, options ...grpc.ServerOption) *collector {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	c := &collector{address: l.Addr().String()}
	server := grpc.NewServer(options...)
	tracecollector.RegisterTraceServiceServer(server, spanCollector{collector: c})
	metricscollector.RegisterMetricsServiceServer(server, metricCollector{collector: c})
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	t.Cleanup(func() { server.Stop(); <-served })
	return c
}

type spanCollector struct {
	tracecollector.UnimplementedTraceServiceServer
	collector *collector
}

func (s spanCollector) Export(ctx context.Context, r *tracecollector.ExportTraceServiceRequest) (*tracecollector.ExportTraceServiceResponse, error) {
	c := s.collector
	c.mu.Lock()
	defer c.mu.Unlock()
	c.took(ctx, r)
	for _, from := range r.ResourceSpans {
		c.resources = append(c.resources, attributes(from.Resource.Attributes))
		for _, scope := range from.ScopeSpans {
			c.spans = append(c.spans, scope.Spans...)
		}
	}
	return &tracecollector.ExportTraceServiceResponse{}, nil
}

type metricCollector struct {
	metricscollector.UnimplementedMetricsServiceServer
	collector *collector
}

func (m metricCollector) Export(ctx context.Context, r *metricscollector.ExportMetricsServiceRequest) (*metricscollector.ExportMetricsServiceResponse, error) {
	c := m.collector
	c.mu.Lock()
	defer c.mu.Unlock()
	c.took(ctx, r)
	for _, from := range r.ResourceMetrics {
		c.resources = append(c.resources, attributes(from.Resource.Attributes))
	}
	c.metrics = r.ResourceMetrics
	return &metricscollector.ExportMetricsServiceResponse{}, nil
}

// took keeps what came. Callers hold mu.
func (c *collector) took(ctx context.Context, r proto.Message) {
	in, _ := metadata.FromIncomingContext(ctx)
	c.tokens = append(c.tokens, in.Get("authorization")...)
	text, err := protojson.Marshal(r)
	if err != nil {
		panic(err)
	}
	c.all.Write(text)
}

// attributes are those with a text, or a number as one.
func attributes(all []*commonpb.KeyValue) map[string]string {
	texts := map[string]string{}
	for _, a := range all {
		if texts[a.Key] = a.Value.GetStringValue(); texts[a.Key] == "" {
			texts[a.Key] = fmt.Sprint(a.Value.GetIntValue())
		}
	}
	return texts
}

// named is the spans of a name so far.
func (c *collector) named(name string) (spans []*tracepb.Span) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.spans {
		if s.Name == name {
			spans = append(spans, s)
		}
	}
	return spans
}

// counted is a counter of the last export: the sum of its series, by a label.
func (c *collector) counted(metric, label string) map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	counts := map[string]int{}
	for _, from := range c.metrics {
		for _, scope := range from.ScopeMetrics {
			for _, m := range scope.Metrics {
				if m.Name != metric {
					continue
				}
				for _, p := range m.GetSum().GetDataPoints() {
					counts[attributes(p.Attributes)[label]] += int(p.GetAsInt())
				}
			}
		}
	}
	return counts
}

// text is everything that came.
func (c *collector) text() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.all.String()
}

// logLine reads a line of the log.
func logLine(t *testing.T, text string) map[string]any {
	t.Helper()
	line := map[string]any{}
	if err := json.Unmarshal([]byte(text), &line); err != nil {
		t.Fatalf("%v in %q", err, text)
	}
	return line
}
