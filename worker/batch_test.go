package worker

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/contactrelay/contactrelay/deadletter"
	"github.com/contactrelay/contactrelay/internal/peoplesim"
	"github.com/contactrelay/contactrelay/messages"
)

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
