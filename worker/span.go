package worker

import (
	"context"
	"slices"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/contactrelay/contactrelay/internal/people"
)

// The spans of a message: "process" from its delivery to its answer, in the trace that its producer began, and in it
// "receive", "lane" for each time that it waited for room, its turn or the end of a wait, the calls by their methods,
// "dead letter" and "settle". A call for several messages is one span, in the trace of the first and linked both ways to
// all.
//
// The client's own spans are not used: they hold the ordering key, which is a user, and go to a global of theirs.
const (
	spanProcess = "process"
	spanReceive = "receive"
	spanLane    = "lane"
	spanLetter  = "dead letter"
	spanSettle  = "settle"
)

// producerTrace is the attribute in which Pub/Sub's clients send the trace of a publication. It is the only thing that is
// read of what they may send: tracestate and baggage are free text.
const producerTrace = "googclient_traceparent"

// carrier reads that attribute.
type carrier map[string]string

// Get implements [propagation.TextMapCarrier], as do Set and Keys.
func (c carrier) Get(name string) string {
	if name == "traceparent" {
		return c[producerTrace]
	}
	return ""
}

func (c carrier) Set(string, string) {}

func (c carrier) Keys() []string { return []string{"traceparent"} }

// openSpan returns the span of a delivery. It records nothing where no spans are made, and still tells the producer's
// trace then.
func (w *Worker) openSpan(h *held) trace.Span {
	ctx := propagation.TraceContext{}.Extract(context.Background(), carrier(h.message.Attributes))
	if w.config.Tracer == nil {
		return trace.SpanFromContext(ctx)
	}
	_, span := w.config.Tracer.Start(ctx, spanProcess, trace.WithSpanKind(trace.SpanKindConsumer), trace.WithTimestamp(h.arrived))
	if span.IsRecording() {
		span.SetAttributes(attribute.String("messaging.system", "gcp_pubsub"), attribute.String("messaging.message.id", h.id),
			attribute.String("contactrelay.type", h.kind), attribute.String("contactrelay.contact", h.contact()))
		span.AddEvent("published", trace.WithTimestamp(h.publish))
	}
	return span
}

// closeSpan ends the span of a message.
func (h *held) closeSpan(s Settlement) {
	if !h.recording() {
		return
	}
	h.span.SetAttributes(attribute.String("contactrelay.outcome", string(s.Outcome)), attribute.Int("contactrelay.attempts", s.Attempts))
	if s.Outcome == DeadLettered {
		h.span.SetStatus(codes.Error, string(s.Reason))
	}
	h.span.End()
}

func (h *held) recording() bool { return h.span != nil && h.span.IsRecording() }

// traced is ctx in the trace of the message.
func (h *held) traced(ctx context.Context) context.Context {
	if h.span == nil {
		return ctx
	}
	return trace.ContextWithSpan(ctx, h.span)
}

// phase adds a span of what went on with a message from a time until now.
func (w *Worker) phase(h *held, name string, from time.Time, err error) {
	if !h.recording() {
		return
	}
	_, span := w.config.Tracer.Start(h.traced(context.Background()), name, trace.WithTimestamp(from))
	if err != nil {
		span.SetStatus(codes.Error, "failed") // its text can hold anything
	}
	span.End()
}

// callSpan begins the span of a call for the contacts of some messages. end ends it.
func (w *Worker) callSpan(ctx context.Context, method string, about []*part) (in context.Context, end func(code string, fact *people.Error)) {
	var links []trace.Link
	var messages []*held
	for _, p := range about {
		if h := p.message; h.recording() && !slices.Contains(messages, h) {
			messages = append(messages, h)
			links = append(links, trace.Link{SpanContext: h.span.SpanContext()})
		}
	}
	if len(messages) == 0 {
		return ctx, func(string, *people.Error) {}
	}
	if len(messages) == 1 {
		links = nil // it is the parent
	}
	in, span := w.config.Tracer.Start(messages[0].traced(ctx), method, trace.WithSpanKind(trace.SpanKindClient),
		trace.WithLinks(links...), trace.WithAttributes(attribute.Int("contactrelay.contacts", len(about))))
	if len(messages) > 1 {
		for _, h := range messages {
			h.span.AddLink(trace.Link{SpanContext: span.SpanContext()})
		}
	}
	return in, func(code string, fact *people.Error) {
		if status, err := strconv.Atoi(code); err == nil {
			span.SetAttributes(attribute.Int("http.response.status_code", status))
		}
		if fact != nil {
			span.SetAttributes(attribute.String("error.type", fact.Kind.String()))
			span.SetStatus(codes.Error, "")
		}
		span.End()
	}
}
