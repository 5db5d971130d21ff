package worker

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/contactrelay/contactrelay/internal/peoplesim"
)

// latestOf is a batch message that asks for latest, of so many contacts.
func latestOf(n int, given string) (edits []edit) {
	for i := range n {
		edits = append(edits, edit{contact: contactName(i + 1), set: texts{"names": given}})
	}
	return edits
}

func TestLatestReadsManyContactsInOneCall(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.config.BatchMin = 2
		w.contacts(50, seeded)
		for i := range 50 {
			w.hand(contactName(i+1), texts{"names": "typed"})
		}
		w.publish(ann, together(latestOf(50, "CRM")...))
		w.start()
		time.Sleep(time.Second)
		w.check(map[string]int{"applied": 1})
		for i := range 50 {
			w.holds(contactName(i+1), texts{"names": "CRM"})
		}
		calls := w.people.Stats().Calls
		if len(calls) != 2 || calls[peoplesim.BatchGet]["200"] != 1 || calls[peoplesim.BatchUpdateContacts]["200"] != 1 {
			t.Errorf("calls %v, want one read and one write", calls)
		}
	})
}

func TestLatestPatchesThatGoTogetherAreReadInOneCall(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.config.BatchMin = 2
		w.contacts(50, seeded)
		w.fail(latency(10 * time.Millisecond))
		w.start()
		for _, e := range latestOf(50, "CRM") {
			w.publish(ann, e.patch())
		}
		time.Sleep(time.Second)
		w.check(map[string]int{"applied": 50})
		calls := w.people.Stats().Calls // the first goes alone, and the others gather meanwhile
		for method, want := range map[string]int64{
			peoplesim.Get: 1, peoplesim.UpdateContact: 1, peoplesim.BatchGet: 1, peoplesim.BatchUpdateContacts: 1,
		} {
			if calls[method]["200"] != want {
				t.Errorf("calls %v, want one of each", calls)
			}
		}
	})
}

func TestLatestWritesNothingWhereTheContactHoldsIt(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.contacts(3, seeded)
		w.hand(contactName(2), texts{"names": "CRM"})
		w.publish(ann, together(latestOf(3, "CRM")...))
		w.publish(ann, edit{contact: contactName(2), set: texts{"names": "CRM"}}.patch())
		w.start()
		time.Sleep(time.Second)
		w.check(map[string]int{"applied": 1, "already_applied": 1})
		for i, want := range []int{1, 0, 1} {
			if n := len(w.writes(contactName(i + 1))); n != want {
				t.Errorf("contact %d was written %d times, want %d", i+1, n, want)
			}
		}
	})
}

// TestALatestWriteIsGuardedByWhatItRead: the etag that was just read guards it, and it is read anew, so that
// the other fields of the contact are never those of before.
func TestALatestWriteIsGuardedByWhatItRead(t *testing.T) {
	courierWorld(t, func(t *testing.T, w *world, c *courier) {
		c.bring("1", at(1), named("CRM", 0).patch())
		time.Sleep(15 * time.Millisecond) // the read is answered, the write is not
		w.hand(one, texts{"names": "typed", "nicknames": "typed"})
		w.ended(Applied)
		w.holds(one, texts{"names": "CRM", "nicknames": "typed"})
		if calls := w.people.Stats().Calls; calls[peoplesim.UpdateContact]["400"] != 1 || calls[peoplesim.Get]["200"] != 2 {
			t.Errorf("calls %v, want a refused write and a second read", calls)
		}
	})
}

// TestTwoLatestChangesThatComeAgainAfterACrashAreNotMadeAgain has the newer one explain the contact to the older.
func TestTwoLatestChangesThatComeAgainAfterACrashAreNotMadeAgain(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.contacts(3, seeded)
		w.makeTwice(
			together(latestOf(3, "first")...), together(latestOf(3, "second")...), // with one read each
			nicknamed("first", 0).patch(), nicknamed("second", 0).patch(),
		)
		w.check(map[string]int{"applied": 4, "superseded": 2, "already_applied": 2})
		for i, want := range []int{4, 2, 2} {
			w.holds(contactName(i+1), texts{"names": "second"})
			if n := len(w.writes(contactName(i + 1))); n != want {
				t.Errorf("contact %d was written %d times, want %d", i+1, n, want)
			}
		}
		w.holds(one, texts{"nicknames": "second"})
	})
}

// inTurns is a service one of whose two copies lags behind: every other batch of reads goes to that.
type inTurns struct {
	w     *world
	reads int
}

func (s *inTurns) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, ":batchGet") {
		s.w.fail(latency(10 * time.Millisecond))
		if s.reads++; s.reads%2 == 1 {
			s.w.fail(latency(10*time.Millisecond), readBehind(1))
		}
	}
	return s.w.people.RoundTrip(r)
}

// TestReadsThatContradictEachOtherDoNotKeepALatestBatchFromBeingSent has each read show as wanted the field that the other
// does not.
func TestReadsThatContradictEachOtherDoNotKeepALatestBatchFromBeingSent(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.contacts(3, texts{"names": "New"})
		var edits []edit
		for i := range 3 {
			w.hand(contactName(i+1), texts{"names": "Seed", "nicknames": "Nick"})
			edits = append(edits, edit{contact: contactName(i + 1), set: texts{"names": "New", "nicknames": "Nick"}})
		}
		service := &inTurns{w: w}
		w.transport = service
		w.publish(ann, together(edits...))
		w.start()
		time.Sleep(10 * time.Second)
		w.check(map[string]int{"applied": 1})
		for _, e := range edits {
			w.holds(e.contact, e.set)
		}
		if service.reads > 2 {
			t.Errorf("%d batches of reads, want 2 at most", service.reads)
		}
	})
}

// TestAnEtagThatABatchReadAndDidNotSendIsNotPast has it read again with others of what was left of its mask, and that read
// lag behind.
func TestAnEtagThatABatchReadAndDidNotSendIsNotPast(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.contacts(2, texts{"names": "New", "nicknames": "Nick"})
		var edits []edit
		for i := range 2 {
			w.hand(contactName(i+1), texts{"names": "Seed"})
			edits = append(edits, edit{contact: contactName(i + 1), set: texts{"names": "New", "nicknames": "Nick"}})
		}
		second := readBehind(1)
		second.Skip = 1
		w.fail(second)
		w.publish(ann, together(edits...))
		w.start()
		time.Sleep(time.Second)
		w.publish(ann, edit{contact: one, set: texts{"names": "Later"}}.patch())
		time.Sleep(time.Second)
		w.check(map[string]int{"already_applied": 1, "applied": 1})
		w.holds(one, texts{"names": "Later"})
	})
}
