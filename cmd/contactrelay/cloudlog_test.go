package main

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"
)

// logged is the one line that log leaves in Cloud Logging's format.
func logged(t *testing.T, log func(*slog.Logger)) map[string]any {
	t.Helper()
	var out bytes.Buffer
	log((&logSettings{LogFormat: "auto", LogLevel: "info"}).logger(&out, "my-project"))
	line := map[string]any{}
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatalf("%v in %q", err, out.String())
	}
	return line
}

func TestALineHasTheFieldsThatCloudLoggingReads(t *testing.T) {
	span := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{15: 1}, SpanID: trace.SpanID{7: 2}, TraceFlags: trace.FlagsSampled})
	ctx := trace.ContextWithSpanContext(t.Context(), span)
	line := logged(t, func(log *slog.Logger) {
		log.With("user", "u").WarnContext(ctx, "settled", "duration", 1500*time.Millisecond)
	})
	if _, err := time.Parse(time.RFC3339Nano, line["time"].(string)); err != nil {
		t.Error(err)
	}
	for name, want := range map[string]any{
		"severity": "WARNING", "message": "settled", "user": "u", "duration": 1.5,
		"logging.googleapis.com/trace":          "projects/my-project/traces/00000000000000000000000000000001",
		"logging.googleapis.com/spanId":         "0000000000000002",
		"logging.googleapis.com/trace_sampled":  true,
		"logging.googleapis.com/sourceLocation": nil, "@type": nil, "level": nil, "msg": nil,
	} {
		if line[name] != want {
			t.Errorf("%s = %v, want %v", name, line[name], want)
		}
	}
}

func TestAnErrorTellsWhereItWasLogged(t *testing.T) {
	line := logged(t, func(log *slog.Logger) { log.ErrorContext(context.Background(), "wrong") })
	place, _ := line["logging.googleapis.com/sourceLocation"].(map[string]any)
	file, _ := place["file"].(string)
	function, _ := place["function"].(string)
	if line["severity"] != "ERROR" || !strings.HasSuffix(file, "cloudlog_test.go") || place["line"] == "0" || !strings.Contains(function, "TestAnError") {
		t.Errorf("severity %v, logged at %v", line["severity"], place)
	}
	if line["@type"] != nil || line["logging.googleapis.com/trace"] != nil {
		t.Errorf("%v has more than it should", line)
	}
}

func TestAPanicIsLoggedAsErrorReportingReadsIt(t *testing.T) {
	line := logged(t, func(log *slog.Logger) {
		defer func() {
			log.Error("panic while handling messages", "panic", recover(), "stack", string(debug.Stack()))
		}()
		fails(nil)
	})
	service, _ := line["serviceContext"].(map[string]any)
	if line["@type"] != reportedError || service["service"] != "contactrelay" || service["version"] != version() {
		t.Errorf("@type %v, service context %v", line["@type"], service)
	}
	stack, _ := line["stack_trace"].(string)
	head, frames, _ := strings.Cut(stack, "\n\n")
	goroutine, rest, _ := strings.Cut(frames, "\n")
	first, _, _ := strings.Cut(rest, "\n")
	if !strings.HasPrefix(head, "panic: assignment to entry in nil map") || !strings.HasPrefix(goroutine, "goroutine ") || !strings.Contains(first, ".fails(") {
		t.Errorf("the stack begins with\n%.400s", stack)
	}
	if line["stack"] != nil {
		t.Error("the stack stands there twice")
	}
}

//go:noinline
func fails(counts map[string]int) { counts["x"] = 1 }
