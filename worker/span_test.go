package worker

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/contactrelay/contactrelay/internal/peoplesim"
	"github.com/contactrelay/contactrelay/internal/pubsubsim"
	"github.com/contactrelay/contactrelay/messages"
)

// traced makes the worker record its spans.
func (w *world) traced() *tracetest.SpanRecorder {
	spans := tracetest.NewSpanRecorder()
	w.config.Tracer = sdk.NewTracerProvider(sdk.WithSpanProcessor(spans)).Tracer("test")
	return spans
}

const producersTrace = "0af7651916cd43dd8448eb211c80319c"

// sampled is a message as a producer publishes it that traces.
func sampled(m messages.Message) messages.Message {
	m.Attributes[producerTrace] = "00-" + producersTrace + "-b7ad6b7169203331-01"
	m.Attributes["googclient_tracestate"] = "crm=" + ann[:3]
	return m
}

// shown is a span with all that it tells, save when.
func shown(s sdk.ReadOnlySpan) string {
	var text strings.Builder
	fmt.Fprint(&text, s.Name(), " ", s.Status().Code, " ", s.Status().Description, s.SpanContext().TraceState().String())
	for _, a := range s.Attributes() {
		fmt.Fprintf(&text, " %s=%s", a.Key, a.Value.String())
	}
	for _, e := range s.Events() {
		fmt.Fprintf(&text, " %s", e.Name)
	}
	return text.String()
}

func TestTheSpansOfAMessageTellItsWayInItsProducersTraceAndNothingOfAPerson(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		spans := w.traced()
		w.seed(ann, 1)
		w.fail(peoplesim.Fault{Kind: peoplesim.Unavailable, Rate: 1, Calls: 1}, latency(time.Second))
		w.publish(ann, sampled(rename("people/c1", "Nora", 1)))
		w.publish(ann, sampled(rename("people/c9", "Nobody", 1)))
		w.start()
		time.Sleep(time.Minute)
		synctest.Wait()

		counts := map[string]int{}
		for _, s := range spans.Ended() {
			counts[s.Name()]++
			if s.SpanContext().TraceID().String() != producersTrace || !s.Parent().IsValid() {
				t.Errorf("%s is not in the producer's trace", s.Name())
			}
			if text := shown(s); strings.Contains(text, "ann") || strings.Contains(text, "Nora") || strings.Contains(text, "Nobody") {
				t.Errorf("a span tells of a person: %s", text)
			}
			switch took := s.EndTime().Sub(s.StartTime()); {
			case strings.HasPrefix(s.Name(), "people.") && took != time.Second:
				t.Errorf("%s took %v, want the latency of a second", s.Name(), took)
			case s.Name() == spanReceive && took != 0:
				t.Errorf("receiving took %v", took)
			}
		}
		if counts[spanProcess] != 2 || counts[spanReceive] != 2 || counts[spanSettle] != 2 || counts[spanLetter] != 1 ||
			counts[spanLane] < 3 || counts["people.updateContact"] < 3 {
			t.Errorf("spans %v", counts)
		}
		failed := slices.IndexFunc(spans.Ended(), func(s sdk.ReadOnlySpan) bool {
			return s.Name() == spanProcess && s.Status().Code == codes.Error && s.Status().Description == "not_found"
		})
		if failed < 0 {
			t.Error("no span of a message tells that it became a letter, and why")
		}
	})
}

func TestWithoutATracerTheProducersTraceIsKnownForTheLog(t *testing.T) {
	h := &held{message: sampled(rename("people/c1", "x", 1))}
	h.span = (&Worker{}).openSpan(h)
	if got := h.span.SpanContext().TraceID().String(); got != producersTrace || h.recording() {
		t.Errorf("trace %s, recording %v", got, h.recording())
	}
}

func TestEverySpanEndsWhateverBecomesOfItsMessage(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		spans := w.traced()
		w.seed(ann, 1)
		must(t, w.broker.SetFaults(pubsubsim.Faults{Duplicate: 1}))
		w.fail(always(peoplesim.UserQuota))
		w.publish(ann, rename("people/c1", "x", 1), rename("people/c1", "y", 1))
		w.start()
		time.Sleep(time.Second)
		must(t, w.stop())
		begun, ended := len(spans.Started()), len(spans.Ended())
		if begun != ended || begun < 4 {
			t.Errorf("%d spans began, %d ended", begun, ended)
		}
		outcomes := map[string]int{}
		for _, s := range spans.Ended() {
			if s.Name() == spanProcess {
				_, outcome, _ := strings.Cut(shown(s), "contactrelay.outcome=")
				outcomes[strings.Fields(outcome)[0]]++
			}
		}
		if outcomes["returned"] != 2 || outcomes["duplicate"] == 0 || len(outcomes) != 2 {
			t.Errorf("spans of messages that were delivered twice and returned: %v", outcomes)
		}
	})
}
