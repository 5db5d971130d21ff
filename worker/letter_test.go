package worker

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"

	"github.com/contactrelay/contactrelay/deadletter"
	"github.com/contactrelay/contactrelay/internal/peoplesim"
	"github.com/contactrelay/contactrelay/internal/pubsubsim"
	"github.com/contactrelay/contactrelay/messages"
)

// badMessage is a message that ends as a dead letter before any call.
type badMessage struct {
	name   string
	m      messages.Message
	reason deadletter.Reason
	fields []string
}

func badMessages() []badMessage {
	patchOf := func(text string) messages.Message {
		return messages.Message{Attributes: map[string]string{"ce-type": string(messages.Patch)}, Data: []byte(text)}
	}
	unknown := patchOf("{}")
	unknown.Attributes["ce-type"] = "contactrelay.delete.v1"
	return []badMessage{
		{"unparseable JSON", patchOf(`{"person":`), deadletter.Malformed, nil},
		{"empty body", patchOf(""), deadletter.Malformed, nil},
		{"not UTF-8", patchOf("{\"person\":{\"resourceName\":\"people/\xff\"}}"), deadletter.Malformed, nil},
		{"nested 100,000 deep", patchOf(strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000)), deadletter.Malformed, nil},
		{"trailing data", patchOf(string(rename("people/c1", "x", 1).Data) + "{}"), deadletter.Malformed, nil},
		{"unknown type", unknown, deadletter.UnsupportedType, []string{"ce-type"}},
		{"unknown name", patchOf(`{"person":{"resourceName":"people/c1","name":"x"},"updatePersonFields":"names"}`), deadletter.Invalid, []string{"person.name"}},
		{"wrong type", patchOf(`{"person":{"resourceName":7},"updatePersonFields":"names"}`), deadletter.Invalid, []string{"person.resourceName"}},
		{"no etag", patchOf(`{"person":{"resourceName":"people/c1"},"updatePersonFields":"names"}`), deadletter.Invalid, nil},
	}
}

func TestABadMessageIsParkedWholeAndTheNextOneApplied(t *testing.T) {
	for _, bad := range badMessages() {
		bubble(t, func(t *testing.T, w *world) {
			w.seed(ann, 1)
			w.publish(ann, bad.m, rename("people/c1", "next", 1))
			w.start()
			time.Sleep(time.Second)
			w.check(map[string]int{string(bad.reason): 1, "applied": 1})
			letters := w.letters()
			if len(letters) != 1 {
				t.Fatalf("%s: %d letters", bad.name, len(letters))
			}
			l := letters[0]
			if l.Reason != bad.reason || string(l.Original.Data) != string(bad.m.Data) || l.Original.OrderingKey != ann {
				t.Errorf("%s: letter %q of %q with %d bytes, want %q with all %d", bad.name, l.Reason, l.Original.OrderingKey, len(l.Original.Data), bad.reason, len(bad.m.Data))
			}
			if bad.fields != nil && !slices.Equal(l.Fields, bad.fields) {
				t.Errorf("%s: fields %q, want %q", bad.name, l.Fields, bad.fields)
			}
		})
	}
}

func TestAMessageWithoutAUserIsInvalid(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.publish("", rename("people/c1", "x", 1), rename("people/c1", "y", 1))
		w.start()
		time.Sleep(time.Second)
		w.check(map[string]int{"invalid": 2})
	})
}

func TestWhatTheServiceSaysDecidesTheReason(t *testing.T) {
	for _, test := range []struct {
		name   string
		fault  peoplesim.Fault
		m      messages.Message
		reason deadletter.Reason
	}{
		{"deleted", peoplesim.Fault{}, rename("people/c99", "x", 1), deadletter.NotFound},
		{"not a contact", peoplesim.Fault{}, rename("people/me", "x", 1), deadletter.Rejected},
		{"etag differs", peoplesim.Fault{}, rename("people/c1", "x", 7), deadletter.EtagConflict},
		{"forbidden", peoplesim.Fault{Kind: peoplesim.Forbidden, Rate: 1}, rename("people/c1", "x", 1), deadletter.Forbidden},
		{"scope missing", peoplesim.Fault{Kind: peoplesim.ScopeMissing, Rate: 1}, rename("people/c1", "x", 1), deadletter.UserUnauthorized},
		{"500 for ever", peoplesim.Fault{Kind: peoplesim.Internal, Rate: 1}, rename("people/c1", "x", 1), deadletter.RetriesExhausted},
	} {
		bubble(t, func(t *testing.T, w *world) {
			w.seed(ann, 1)
			w.seed(ben, 1)
			if test.fault.Kind != "" {
				test.fault.Users = []string{ann}
				w.fail(test.fault)
			}
			w.publish(ann, test.m)
			w.start()
			time.Sleep(10 * time.Millisecond)
			w.publish(ben, rename("people/c1", "works", 1))
			time.Sleep(time.Minute)
			w.check(map[string]int{string(test.reason): 1, "applied": 1})
			if l := w.letters(); len(l) != 1 || l[0].Reason != test.reason || l[0].Attempts == 0 || l[0].FirstAttempt.IsZero() {
				t.Errorf("%s: letters %+v", test.name, l)
			}
		})
	}
}

func TestAConflictNamesTheFieldsAndTheCurrentEtag(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.seed(ann, 1)
		w.publish(ann, rename("people/c1", "x", 7))
		w.start()
		time.Sleep(4 * time.Second)
		l := w.letters()[0]
		if want := peoplesim.SourceEtag("people/c1", 1); l.CurrentEtag != want || !slices.Equal(l.Fields, []string{"names"}) || l.HTTPStatus != 400 || l.APIStatus != "FAILED_PRECONDITION" {
			t.Errorf("letter says etag %q, fields %q, %d %s; want %q, names, 400 FAILED_PRECONDITION", l.CurrentEtag, l.Fields, l.HTTPStatus, l.APIStatus, want)
		}
	})
}

func TestADeletedContactThatAnswersStaleEtagIsNotFound(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.seed(ann, 1)
		must(t, w.people.SetFaults(peoplesim.Faults{Habits: peoplesim.Habits{Gone: "stale_etag"}}))
		must(t, w.people.Delete(ann, "people/c1"))
		w.publish(ann, rename("people/c1", "x", 1))
		w.start()
		time.Sleep(time.Second)
		w.check(map[string]int{"not_found": 1})
	})
}

func TestAMissingContactThatAnswers500ForEverIsTriedThreeTimes(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		must(t, w.people.SetFaults(peoplesim.Faults{Habits: peoplesim.Habits{Gone: "internal"}}))
		w.seed(ann, 2)
		must(t, w.people.Delete(ann, "people/c1"))
		w.publish(ann, rename("people/c1", "x", 1))
		w.start()
		time.Sleep(10 * time.Millisecond)
		w.publish(ann, rename("people/c2", "works", 1))
		time.Sleep(time.Minute)
		w.check(map[string]int{"retries_exhausted": 1, "applied": 1})
		if n := w.people.Stats().Calls["people.updateContact"]["500"]; n != 3 {
			t.Errorf("%d calls, want 3", n)
		}
	})
}

func TestALetterIsConfirmedBeforeTheAckAndTheCallIsNotRepeated(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.seed(ann, 1)
		must(t, w.broker.SetFaults(pubsubsim.Faults{PublishLost: 1}))
		faults := w.broker.Faults()
		faults.PublishLost = 0
		must(t, w.broker.SetFaults(faults))
		w.publish(ann, rename("people/c99", "x", 1), rename("people/c1", "next", 1))
		faults.PublishLost = 1
		must(t, w.broker.SetFaults(faults))
		w.start()
		time.Sleep(10 * time.Minute)
		if got, want := w.outcomes(), map[string]int{"applied": 1}; !maps.Equal(got, want) {
			t.Fatalf("settled without a confirmed letter: %v, want %v: the other contact's change", got, want)
		}
		if n := len(w.backlog(changes)); n != 2 {
			t.Fatalf("%d messages in the subscription, want both: acks leave in the order of the lane", n)
		}
		if got := w.worker.Faults()["dead_letters"]; got == "" {
			t.Error("the worker is ready though no dead letter can be published")
		}
		faults.PublishLost = 0
		must(t, w.broker.SetFaults(faults))
		time.Sleep(2 * time.Minute)
		w.check(map[string]int{"not_found": 1, "applied": 1})
		if n := w.people.Stats().Calls["people.updateContact"]["404"]; n != 1 {
			t.Errorf("the call was made %d times", n)
		}
		if len(w.worker.Faults()) != 0 {
			t.Errorf("still unready: %v", w.worker.Faults())
		}
	})
}

func TestUsersThatAreNotAllowedAreForbidden(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.seed(ann, 1)
		w.config.AllowUsers = []string{"example.org"}
		w.publish(ann, rename("people/c1", "x", 1))
		w.start()
		time.Sleep(time.Second)
		w.check(map[string]int{"forbidden": 1})
		if n := len(w.people.Stats().Calls); n != 0 {
			t.Error("the service was called for a user who is not allowed")
		}
	})
}

func TestAnErrorOfTheClientNamesNoUser(t *testing.T) {
	err := discreet(fmt.Errorf("publish: %w", pubsub.ErrPublishingPaused{OrderingKey: ann}))
	if strings.Contains(err.Error(), ann) {
		t.Errorf("%v names the user", err)
	}
	if other := errors.New("no permission"); discreet(other) != other {
		t.Error("another error is changed")
	}
}
