package worker

import (
	"fmt"
	"testing"
	"time"
)

// editedMeanwhile has a CRM read 100 contacts, a person edit them in one field, and the CRM change their names.
func editedMeanwhile(t *testing.T, field string, base texts, story func(t *testing.T, w *world)) {
	eachSize(t, func(t *testing.T, w *world) {
		w.contacts(100, seeded)
		for i := range 100 {
			contact := contactName(i + 1)
			w.hand(contact, texts{field: "typed"})
			w.publish(ann, edit{contact: contact, set: texts{"names": "CRM"}, base: base, version: 1}.patch())
		}
		w.start()
		w.drain(10 * time.Minute)
		story(t, w)
	})
}

func TestPromiseHandsOffAnEditOfAnotherFieldIsMergedWithBase(t *testing.T) {
	editedMeanwhile(t, "nicknames", seeded, func(t *testing.T, w *world) {
		w.check(map[string]int{"applied": 100})
		w.resolved(map[string]int{"merged": 100})
		for i := range 100 {
			w.holds(contactName(i+1), texts{"names": "CRM", "nicknames": "typed"})
		}
	})
}

func TestPromiseHandsOffAnEditOfTheSameFieldIsAConflictWithBase(t *testing.T) {
	editedMeanwhile(t, "names", seeded, func(t *testing.T, w *world) {
		w.check(map[string]int{"etag_conflict": 100})
		w.resolved(map[string]int{"conflict": 100})
		w.conflicts(100, "names")
		for i := range 100 {
			w.holds(contactName(i+1), texts{"names": "typed"})
		}
	})
}

func TestPromiseHandsOffAnyEditIsAConflictWithoutBase(t *testing.T) {
	for _, field := range []string{"names", "nicknames"} {
		editedMeanwhile(t, field, nil, func(t *testing.T, w *world) {
			w.check(map[string]int{"etag_conflict": 100})
			w.conflicts(100, "names")
			for i := range 100 {
				w.holds(contactName(i+1), texts{field: "typed"})
				if n := len(w.writes(contactName(i + 1))); n > 0 {
					t.Errorf("%s was written %d times", contactName(i+1), n)
				}
			}
		})
	}
}

func TestPromiseHandsOffAFieldThatBaseLeavesOutWasEmpty(t *testing.T) {
	editedMeanwhile(t, "names", texts{}, func(t *testing.T, w *world) {
		w.check(map[string]int{"etag_conflict": 100})
	})
}

// TestPromiseHandsOffAHandThatTypesDuringABurstIsNotOverruled has a person edit every contact at some point of the CRM's burst, half
// of them in the field that the CRM writes, with a worker that dies in between. What they typed in that field stands
// from then on, and in the other in any case.
func TestPromiseHandsOffAHandThatTypesDuringABurstIsNotOverruled(t *testing.T) {
	for _, b := range []burst{{contacts: 40}, {contacts: 40, base: true}, {contacts: 40, photo: true}} {
		eachSize(t, func(t *testing.T, w *world) {
			w.contacts(b.contacts, seeded)
			w.fail(latency(20 * time.Millisecond))
			b.publish(w)
			w.start()
			for i := range b.contacts {
				time.Sleep(13 * time.Millisecond)
				field := "nicknames"
				if i%2 == 0 {
					field = "names"
				}
				w.hand(contactName(i+1), texts{field: fmt.Sprint("typed", i)})
				if i == b.contacts/2 {
					w.crash()
					w.start()
				}
			}
			w.drain(30 * time.Minute)
			if left := len(w.backlog(changes)); left > 0 {
				t.Errorf("%+v: %d messages are left", b, left)
			}
			for i := range b.contacts {
				if i%2 == 0 {
					w.holds(contactName(i+1), texts{"names": fmt.Sprint("typed", i)})
				} else {
					w.holds(contactName(i+1), texts{"nicknames": fmt.Sprint("typed", i)})
				}
				if i%2 == 1 && b.base {
					w.holds(contactName(i+1), texts{"names": "v3"})
				}
			}
		})
	}
}
