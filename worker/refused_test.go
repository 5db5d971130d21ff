package worker

import (
	"testing"
	"time"

	peopleapi "google.golang.org/api/people/v1"
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
