package main

import (
	"context"
	"io"
	"log/slog"
	"runtime"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/trace"
)

// cloudLog writes lines of JSON as Cloud Logging reads them: with severity, the trace of the context, where an error was
// logged, and panics so that Error Reporting finds them.
//
// https://cloud.google.com/logging/docs/structured-logging#special-payload-fields and
// https://cloud.google.com/error-reporting/docs/formatting-error-messages
type cloudLog struct {
	slog.Handler        // writes the JSON
	project      string // of the traces; empty: not known
}

func newCloudLog(w io.Writer, level slog.Level, project string) slog.Handler {
	return cloudLog{slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: cloudField}), project}
}

// reportedError is the type of a line that is an error event.
const reportedError = "type.googleapis.com/google.devtools.clouderrorreporting.v1beta1.ReportedErrorEvent"

// Handle implements [slog.Handler].
func (l cloudLog) Handle(ctx context.Context, r slog.Record) error {
	r = r.Clone() // the record may be shared
	if r.Level >= slog.LevelError {
		r.AddAttrs(sourceLocation(r.PC))
		if panicked, stack := panicIn(r); stack != "" {
			r.AddAttrs(slog.String("@type", reportedError), slog.String("stack_trace", crashText(panicked, stack)),
				slog.Any("serviceContext", map[string]string{"service": "contactrelay", "version": version()}))
		}
	}
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		name := span.TraceID().String()
		if l.project != "" {
			name = "projects/" + l.project + "/traces/" + name
		}
		r.AddAttrs(slog.String("logging.googleapis.com/trace", name),
			slog.String("logging.googleapis.com/spanId", span.SpanID().String()),
			slog.Bool("logging.googleapis.com/trace_sampled", span.IsSampled()))
	}
	return l.Handler.Handle(ctx, r)
}

// WithAttrs implements [slog.Handler].
func (l cloudLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	l.Handler = l.Handler.WithAttrs(attrs)
	return l
}

// WithGroup implements [slog.Handler].
func (l cloudLog) WithGroup(name string) slog.Handler {
	l.Handler = l.Handler.WithGroup(name)
	return l
}

// sourceLocation is where a line was logged.
func sourceLocation(pc uintptr) slog.Attr {
	frame, _ := runtime.CallersFrames([]uintptr{pc}).Next()
	return slog.Any("logging.googleapis.com/sourceLocation", map[string]string{
		"file": frame.File, "line": strconv.Itoa(frame.Line), "function": frame.Function,
	})
}

// The attributes with which a panic is logged.
const (
	attrPanic = "panic"
	attrStack = "stack"
)

// panicIn is the panic that a line is about.
func panicIn(r slog.Record) (panicked, stack string) {
	r.Attrs(func(a slog.Attr) bool {
		switch a.Key {
		case attrPanic:
			panicked = a.Value.String()
		case attrStack:
			stack = a.Value.String()
		}
		return true
	})
	return panicked, stack
}

// crashText is a panic as the runtime would have written it, the one text in Go that Error Reporting takes for a stack. What
// recovered it is cut off, or all panics would look like one.
func crashText(panicked, stack string) string {
	head, frames, ok := strings.Cut(stack, "\npanic(")
	if ok {
		goroutine, _, _ := strings.Cut(head, "\n")
		rest := strings.SplitN(frames, "\n", 3) // the arguments of panic, its place, what called it
		stack = goroutine + "\n" + rest[len(rest)-1]
	}
	return "panic: " + panicked + "\n\n" + stack
}

// cloudField gives the fields of a line the names that Cloud Logging looks for.
func cloudField(groups []string, a slog.Attr) slog.Attr {
	if len(groups) > 0 {
		return a
	}
	switch a.Key {
	case slog.LevelKey:
		level, _ := a.Value.Any().(slog.Level)
		return slog.String("severity", severity(level))
	case slog.MessageKey:
		a.Key = "message"
	case attrStack:
		return slog.Attr{} // it is in stack_trace
	}
	if a.Value.Kind() == slog.KindDuration {
		return slog.Float64(a.Key, a.Value.Duration().Seconds())
	}
	return a
}

// severity is Cloud Logging's word for a level.
func severity(l slog.Level) string {
	switch {
	case l >= slog.LevelError:
		return "ERROR"
	case l >= slog.LevelWarn:
		return "WARNING"
	case l >= slog.LevelInfo:
		return "INFO"
	}
	return "DEBUG"
}
