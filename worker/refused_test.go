package worker

import (
	"testing"
	"time"

	peopleapi "google.golang.org/api/people/v1"

	"github.com/contactrelay/contactrelay/internal/peoplesim"
	"github.com/contactrelay/contactrelay/messages"
)

// TestAChangeWhoseEtagWasRefusedJoinsNoBatch lets others come while a conflict waits for what may explain it.
func TestAChangeWhoseEtagWasRefusedJoinsNoBatch(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.config.BatchMin = 2
		w.seed(ann, 10)
		must(t, w.people.HandEdit(ann, "people/c1", &peopleapi.Person{Names: []*peopleapi.Name{{GivenName: "typed"}}}, "names"))
		w.fail(latency(100 * time.Millisecond))
		w.start()
		w.publish(ann, rename("people/c1", "refused", 1))
		time.Sleep(2150 * time.Millisecond) // it is judged again from 2.2 s on
		for i := range 9 {
			w.publish(ann, rename(contactName(i+2), "together", 1)) // the first alone, the others after it at 2.25 s
		}
		time.Sleep(time.Minute)
		w.check(map[string]int{"applied": 9, "etag_conflict": 1})
		if calls := w.people.Stats().Calls["people.batchUpdateContacts"]; calls["400"] > 0 || calls["200"] != 1 {
			t.Errorf("batch calls %v, want one that succeeds", calls)
		}
	})
}

// TestTheContactsOfAMessageWaitSideBySide sends a batch message all of whose contacts were changed by hand: each waits for
// what may explain that, none behind another.
func TestTheContactsOfAMessageWaitSideBySide(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		const n = 20
		w.seed(ann, n)
		contacts := map[string]any{}
		for i := range n {
			name := contactName(i + 1)
			must(t, w.people.HandEdit(ann, name, &peopleapi.Person{Names: []*peopleapi.Name{{GivenName: "typed"}}}, "names"))
			contacts[name] = map[string]any{
				"names":    []any{map[string]any{"givenName": "refused"}},
				"metadata": map[string]any{"sources": []any{map[string]any{"type": "CONTACT", "etag": peoplesim.SourceEtag(name, 1)}}},
			}
		}
		w.fail(latency(10 * time.Millisecond))
		w.publish(ann, message(messages.Batch, map[string]any{"contacts": contacts, "updateMask": "names"}))
		w.start()
		time.Sleep(3 * time.Second)
		w.check(map[string]int{"etag_conflict": 1})
		if n := w.people.Stats().Calls["people.get"]["200"]; n != 40 {
			t.Errorf("%d reads, want two of each contact", n)
		}
	})
}
