package worker

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/contactrelay/contactrelay/deadletter"
	"github.com/contactrelay/contactrelay/internal/peoplesim"
	"github.com/contactrelay/contactrelay/internal/pubsubsim"
	"github.com/contactrelay/contactrelay/messages"
)

const ann, ben = "ann@example.com", "ben@example.com"

// bubble runs a story with a world in it, in a synctest bubble.
func bubble(t *testing.T, story func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { story(t, newWorld(t, ordered)) })
}

// check compares the outcomes up to now, sees that the deliveries add up and that nothing is left in the queue.
func (w *world) check(want map[string]int) {
	w.t.Helper()
	synctest.Wait()
	if got := w.outcomes(); !maps.Equal(got, want) {
		w.t.Errorf("outcomes %v, want %v", got, want)
	}
	w.balanced()
	if left := w.backlog(changes); len(left) > 0 {
		w.t.Errorf("%d messages are left in the subscription", len(left))
	}
}

func TestAChangeIsAppliedAndAcknowledged(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.seed(ann, 1)
		w.publish(ann, rename("people/c1", "Nora", 1))
		w.start()
		time.Sleep(time.Second)
		w.check(map[string]int{"applied": 1})
		if got := w.given(ann, "people/c1"); got != "Nora" {
			t.Errorf("the contact's name is %q", got)
		}
	})
}

func TestPromiseOrderChangesOfAContactTakeEffectAsPublished(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.seed(ann, 2)
		w.fail(latency(20*time.Millisecond), peoplesim.Fault{Kind: peoplesim.Unavailable, Rate: 0.2})
		for i := range 30 {
			w.publish(ann, overwrite(contactName(1+i%2), fmt.Sprintf("v%02d", i)))
		}
		w.start()
		time.Sleep(5 * time.Minute)
		w.check(map[string]int{"applied": 30})
		var names []string
		for _, write := range w.people.Audit(0) {
			names = append(names, string(write.Values))
		}
		if !slices.IsSorted(names) || len(names) != 30 {
			t.Errorf("written in the order %v", names)
		}
	})
}

func TestPromiseOneAtATimeMutatesOfAUserNeverOverlap(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.fail(latency(100 * time.Millisecond))
		for _, user := range []string{ann, ben} {
			w.seed(user, 10)
			for i := range 10 {
				w.publish(user, rename(contactName(i+1), "x", 1))
			}
		}
		w.start()
		time.Sleep(950 * time.Millisecond)
		if got := w.outcomes()["applied"]; got != 18 {
			t.Errorf("%d changes applied after 950 ms, want 18: a user's go one after the other, two users side by side", got)
		}
		time.Sleep(250 * time.Millisecond)
		w.check(map[string]int{"applied": 20})
		if over := w.people.Stats().Overlapped; len(over) > 0 {
			t.Errorf("mutates overlapped: %v", over)
		}
	})
}

func TestPromiseOnceARedeliveryLeadsToNoSecondWrite(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.seed(ann, 20)
		must(t, w.broker.SetFaults(pubsubsim.Faults{Duplicate: 0.4, LostAck: 0.3}))
		w.fail(latency(50 * time.Millisecond))
		for i := range 20 {
			w.publish(ann, rename(contactName(i+1), "once", 1))
		}
		w.start()
		time.Sleep(30 * time.Minute)
		got := w.outcomes()
		if got["applied"] != 20 || got["duplicate"] == 0 || len(got) != 2 {
			t.Errorf("outcomes %v, want 20 applied and some duplicates", got)
		}
		if n := len(w.people.Audit(0)); n != 20 {
			t.Errorf("%d writes for 20 changes", n)
		}
		w.balanced()
	})
}

func TestAnEventPublishedTwiceIsAppliedOnce(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.seed(ann, 1)
		w.seed(ben, 1)
		m := overwrite("people/c1", "Nora")
		m.Attributes["ce-id"], m.Attributes["ce-source"] = "7", "//crm.example.com"
		w.publish(ann, m)
		w.publish(ann, m)
		w.publish(ben, m) // the same event concerns another user too
		w.start()
		time.Sleep(time.Second)
		w.check(map[string]int{"applied": 2, "duplicate": 1})
	})
}

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
			if test.fault.Kind != "" {
				w.fail(test.fault)
			}
			w.publish(ann, test.m)
			w.start()
			time.Sleep(time.Minute)
			w.check(map[string]int{string(test.reason): 1})
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
		time.Sleep(time.Second)
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
		w.publish(ann, rename("people/c1", "x", 1))
		w.start()
		time.Sleep(time.Minute)
		w.check(map[string]int{"retries_exhausted": 1})
		if n := w.people.Stats().Calls["people.updateContact"]["500"]; n != 3 {
			t.Errorf("%d calls, want 3", n)
		}
	})
}

func TestAnOutageDeadLettersNothing(t *testing.T) {
	for _, kind := range []peoplesim.Kind{peoplesim.Unavailable, peoplesim.Reset, peoplesim.BadGateway, peoplesim.ServiceDisabled, peoplesim.Revoked, peoplesim.ProjectQuota, peoplesim.AccountQuota} {
		bubble(t, func(t *testing.T, w *world) {
			for _, user := range []string{ann, ben} {
				w.seed(user, 3)
				for i := range 3 {
					w.publish(user, rename(contactName(i+1), "after", 1))
				}
			}
			outage := always(kind)
			outage.For = peoplesim.Duration(20 * time.Minute)
			w.fail(outage)
			w.start()
			time.Sleep(time.Hour)
			w.check(map[string]int{"applied": 6})
			if n := len(w.letters()); n > 0 {
				t.Errorf("%s: %d dead letters", kind, n)
			}
		})
	}
}

func TestARevokedUserIsUnauthorizedOnceOthersWork(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.seed(ann, 1)
		w.seed(ben, 200)
		w.fail(peoplesim.Fault{Kind: peoplesim.Revoked, Rate: 1, Users: []string{ann}}, latency(time.Second))
		w.publish(ann, rename("people/c1", "x", 1))
		for i := range 200 {
			w.publish(ben, rename(contactName(i+1), "x", 1))
		}
		w.start()
		time.Sleep(10 * time.Minute)
		w.check(map[string]int{"applied": 200, "user_unauthorized": 1})
	})
}

func TestAQuotaIsWaitedForAndIsNoAttempt(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.seed(ann, 1)
		w.seed(ben, 1)
		quota := peoplesim.Fault{Kind: peoplesim.UserQuota, Rate: 1, Users: []string{ann}, Calls: 12}
		w.fail(quota)
		w.publish(ann, rename("people/c1", "x", 1))
		w.publish(ben, rename("people/c1", "x", 1))
		w.start()
		time.Sleep(time.Second)
		if got := w.outcomes(); got["applied"] != 1 {
			t.Errorf("after a second: %v; the other user must not wait", got)
		}
		time.Sleep(20 * time.Minute)
		w.check(map[string]int{"applied": 2})
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, s := range w.settled {
			if s.Attempts != 1 {
				t.Errorf("%s was applied with %d attempts", s.User, s.Attempts)
			}
		}
	})
}

func TestALostAnswerLeavesTheContactAsTheChangeWantsIt(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.seed(ann, 2)
		w.fail(peoplesim.Fault{Kind: peoplesim.AnswerLost, Rate: 1, Calls: 2})
		w.publish(ann, overwrite("people/c1", "Nora"))
		w.start()
		time.Sleep(time.Minute)
		w.check(map[string]int{"applied": 1})
		if got := w.given(ann, "people/c1"); got != "Nora" {
			t.Errorf("the contact's name is %q", got)
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
		if got := w.outcomes(); len(got) != 0 {
			t.Fatalf("settled without a confirmed letter: %v", got)
		}
		if n := len(w.backlog(changes)); n != 2 {
			t.Fatalf("%d messages in the subscription, want both", n)
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

func TestPromiseCleanStopSettlesWhatAnswersInTimeAndReturnsTheRest(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.seed(ann, 3)
		w.seed(ben, 2)
		w.fail(
			peoplesim.Fault{Kind: peoplesim.Latency, Rate: 1, Users: []string{ann}, Delay: peoplesim.Duration(6 * time.Second)},
			peoplesim.Fault{Kind: peoplesim.Latency, Rate: 1, Users: []string{ben}, Delay: peoplesim.Duration(20 * time.Second)},
		)
		for i := range 3 {
			w.publish(ann, rename(contactName(i+1), "x", 1))
		}
		w.publish(ben, rename("people/c1", "x", 1), rename("people/c2", "x", 1))
		w.start()
		time.Sleep(500 * time.Millisecond)
		begin := time.Now()
		if err := w.stop(); err != nil {
			t.Errorf("Run = %v after a stop", err)
		}
		if took := time.Since(begin); took > 8*time.Second {
			t.Errorf("the stop took %v", took)
		}
		if got, want := w.outcomes(), map[string]int{"applied": 1, "returned": 4}; !maps.Equal(got, want) {
			t.Errorf("outcomes %v, want %v", got, want)
		}
		w.balanced()
		if n := len(w.backlog(changes)); n != 4 {
			t.Errorf("%d messages in the subscription, want the four that were returned", n)
		}
	})
}

func TestReceivingIsTakenUpAgainWhenItFailedForGood(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.seed(ann, 1)
		w.publish(ann, rename("people/c1", "x", 1))
		must(t, w.broker.SetFaults(pubsubsim.Faults{Receive: pubsubsim.PermissionDenied}))
		w.start()
		time.Sleep(10 * time.Minute)
		if w.worker.Faults()["receive"] == "" {
			t.Error("the worker is ready though it cannot receive")
		}
		if n := strings.Count(w.log.String(), "cannot receive"); n < 7 || n > 11 {
			t.Errorf("said so %d times in ten minutes, want about ten", n)
		}
		must(t, w.broker.SetFaults(pubsubsim.Faults{}))
		time.Sleep(2 * time.Minute)
		w.check(map[string]int{"applied": 1})
	})
}

func TestASubscriptionWithoutOrderingIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, pubsubsim.SubscriptionSettings{AckDeadline: time.Minute})
		w.publish("", rename("people/c1", "x", 1))
		w.start()
		synctest.Wait()
		if err := w.stop(); !errors.Is(err, ErrUnordered) {
			t.Errorf("Run = %v, want ErrUnordered", err)
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

// batchOf is a batch message that names the contacts with their first etags.
func batchOf(given string, contacts ...int) messages.Message {
	all := map[string]any{}
	for _, i := range contacts {
		name := contactName(i)
		all[name] = map[string]any{
			"names":    []any{map[string]any{"givenName": given}},
			"metadata": map[string]any{"sources": []any{map[string]any{"type": "CONTACT", "etag": peoplesim.SourceEtag(name, 1)}}},
		}
	}
	return message(messages.Batch, map[string]any{"contacts": all, "updateMask": "names"})
}

func TestABatchMessageIsOneCall(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.seed(ann, 200)
		var all []int
		for i := range 200 {
			all = append(all, i+1)
		}
		w.publish(ann, batchOf("together", all...))
		w.start()
		time.Sleep(time.Second)
		w.check(map[string]int{"applied": 1})
		if calls := w.people.Stats().Calls; calls["people.batchUpdateContacts"]["200"] != 1 || len(calls) != 1 {
			t.Errorf("calls %v, want one", calls)
		}
		if got := w.given(ann, "people/c200"); got != "together" {
			t.Errorf("the last contact's name is %q", got)
		}
	})
}

func TestABatchMessageLeavesOneLetterForEachReason(t *testing.T) {
	for _, habits := range []peoplesim.Habits{{}, {FirstErrorOnly: true}, {Errors: "legacy"}} {
		bubble(t, func(t *testing.T, w *world) {
			must(t, w.people.SetFaults(peoplesim.Faults{Seed: 1, Habits: habits}))
			w.seed(ann, 8)
			must(t, w.people.Delete(ann, "people/c2"))
			must(t, w.people.Delete(ann, "people/c3"))
			must(t, w.people.Touch(ann, "people/c5"))
			w.publish(ann, batchOf("together", 1, 2, 3, 4, 5, 6))
			w.start()
			time.Sleep(time.Minute)
			synctest.Wait()
			w.balanced()
			splits := map[deadletter.Reason]string{}
			bodies := map[deadletter.Reason][]string{}
			for _, l := range w.letters() {
				splits[l.Reason] = l.Split
				var body struct{ Contacts map[string]json.RawMessage }
				must(t, json.Unmarshal(l.Original.Data, &body))
				bodies[l.Reason] = slices.Sorted(maps.Keys(body.Contacts))
			}
			if want := map[deadletter.Reason]string{deadletter.NotFound: "2 of 6", deadletter.EtagConflict: "1 of 6"}; !maps.Equal(splits, want) {
				t.Errorf("%+v: letters %v, want %v", habits, splits, want)
			}
			if want := []string{"people/c2", "people/c3"}; !slices.Equal(bodies[deadletter.NotFound], want) {
				t.Errorf("%+v: the letter not_found has %v, want %v", habits, bodies[deadletter.NotFound], want)
			}
			for _, i := range []int{1, 4, 6} {
				if got := w.given(ann, contactName(i)); got != "together" {
					t.Errorf("%+v: contact %d is %q: a bad one cost it its change", habits, i, got)
				}
			}
			if tally := w.worker.Tally(); tally.Settled[Ending{"batch", DeadLettered, deadletter.EtagConflict}]+tally.Settled[Ending{"batch", DeadLettered, deadletter.NotFound}] != 1 {
				t.Errorf("%+v: the message counts as %v, want once", habits, tally.Settled)
			}
		})
	}
}

func TestABatchMessageOfWhichAllFailsIsParkedWhole(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		m := batchOf("x", 1, 2)
		w.publish(ann, m)
		w.start()
		time.Sleep(time.Second)
		w.check(map[string]int{"not_found": 1})
		if l := w.letters(); len(l) != 1 || l[0].Split != "" || string(l[0].Original.Data) != string(m.Data) {
			t.Errorf("letters %+v, want one with the body as it was", l)
		}
	})
}

func TestABatchAnswerThatOmitsContactsOrGivesThemAStatusIsNotTakenForSuccess(t *testing.T) {
	for _, kind := range []peoplesim.Kind{peoplesim.ContactStatus, peoplesim.ContactOmitted} {
		bubble(t, func(t *testing.T, w *world) {
			w.seed(ann, 5)
			w.fail(peoplesim.Fault{Kind: kind, Rate: 1, Contacts: []string{"people/c3"}, Calls: 1})
			w.publish(ann, batchOf("together", 1, 2, 3, 4, 5))
			w.start()
			time.Sleep(time.Minute)
			w.check(map[string]int{"applied": 1})
			if got := w.given(ann, "people/c3"); got != "together" {
				t.Errorf("%s: the contact is %q", kind, got)
			}
		})
	}
}

func TestPhotosAreApplied(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.seed(ann, 1)
		w.publish(ann, message(messages.Photo, map[string]any{"resourceName": "people/c1", "photoBytes": onePixel}))
		w.start()
		time.Sleep(time.Second)
		w.check(map[string]int{"applied": 1})
		if c, _ := w.people.Contact(ann, "people/c1"); c.Photo == "" {
			t.Error("the contact has no photo")
		}
	})
}

// onePixel is a PNG of one pixel.
const onePixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

func TestAPanicIsAnAttemptAndAtTheLastADeadLetter(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.seed(ann, 1)
		w.config.Attempts = 3
		w.publish(ann, rename("people/c1", "x", 1), rename("people/c1", "x", 1))
		w.panics = true
		w.start()
		time.Sleep(time.Minute)
		w.check(map[string]int{"retries_exhausted": 2})
		if n := strings.Count(w.log.String(), "panic while handling"); n != 6 {
			t.Errorf("%d panics logged, want 6", n)
		}
	})
}

func TestPromiseDiscreetLogsHoldNoValues(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.seed(ann, 3)
		w.fail(peoplesim.Fault{Kind: peoplesim.Unavailable, Rate: 0.3})
		w.publish(ann, rename("people/c1", "Sekretta", 1), rename("people/c2", "Sekretta", 9),
			messages.Message{Attributes: map[string]string{"ce-type": string(messages.Patch)}, Data: []byte(`{"Sekretta@example.com":1}`)})
		w.start()
		time.Sleep(time.Minute)
		w.check(map[string]int{"applied": 1, "etag_conflict": 1, "invalid": 1})
		for _, private := range []string{"Sekretta", ann} {
			if strings.Contains(w.log.String(), private) {
				t.Errorf("the log holds %q:\n%s", private, w.log)
			}
		}
		for _, l := range w.letters() {
			if strings.Contains(l.Detail, "Sekretta") {
				t.Errorf("the letter's detail is %q", l.Detail)
			}
		}
	})
}
