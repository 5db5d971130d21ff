package worker

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/contactrelay/contactrelay/internal/peoplesim"
	"github.com/contactrelay/contactrelay/messages"
)

// TestTheEtagOfALongBurstStaysInTheChain has more changes of a contact carry one etag than a chain has room for. The last
// is of a field that this worker has not changed: the chain alone tells that nobody else has.
func TestTheEtagOfALongBurstStaysInTheChain(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.seed(ann, 1)
		for i := range 2 * maxEtags {
			w.publish(ann, rename("people/c1", fmt.Sprint("name ", i), 1))
		}
		w.publish(ann, message(messages.Patch, map[string]any{
			"person": map[string]any{
				"resourceName": "people/c1", "nicknames": []any{map[string]any{"value": "last"}},
				"metadata": map[string]any{"sources": []any{map[string]any{"type": "CONTACT", "etag": peoplesim.SourceEtag("people/c1", 1)}}},
			},
			"updatePersonFields": "nicknames",
		}))
		w.start()
		time.Sleep(time.Minute)
		w.check(map[string]int{"applied": 2*maxEtags + 1})
		if n := w.people.Stats().Calls["people.updateContact"]["400"]; n > 0 {
			t.Errorf("%d etags were refused", n)
		}
	})
}

// TestAfterAMergeWhatItWroteNeedsNoReadToBeWrittenAgain has an edit move the etag that a burst of changes carries. The first
// is merged; the others go by the end of our own chain, though it does not hold their etag: what they change is of that chain.
func TestAfterAMergeWhatItWroteNeedsNoReadToBeWrittenAgain(t *testing.T) {
	courierWorld(t, func(t *testing.T, w *world, c *courier) {
		w.hand(one, texts{"nicknames": "typed"})
		for i, given := range []string{"first", "", "third"} {
			c.bring(fmt.Sprint(i), at(i), edit{contact: one, set: texts{"names": given}, base: seeded, version: 1}.patch())
		}
		w.ended(Applied, Applied, Applied)
		w.holds(one, texts{"names": "third", "nicknames": "typed"})
		w.resolved(map[string]int{"merged": 1, "chain": 2})
		calls := w.people.Stats().Calls
		if refused, reads := calls[peoplesim.UpdateContact]["400"], calls[peoplesim.Get]["200"]; refused != 1 || reads != 1 {
			t.Errorf("%d writes refused and %d reads, want one each", refused, reads)
		}
	})
}

// TestAfterAMergeWhatAHandEditedBeforeItIsNotOurs has our own write of a field, an edit of that, and our merge of another: the
// chain that this begins does not hold what we wrote of the first. Nor does it if a photo had ended the one before.
func TestAfterAMergeWhatAHandEditedBeforeItIsNotOurs(t *testing.T) {
	for _, photo := range []bool{false, true} {
		courierWorld(t, func(t *testing.T, w *world, c *courier) {
			want := []Outcome{Applied, Applied, DeadLettered}
			c.bring("1", at(1), named("first", 1).patch())
			if photo {
				c.bring("photo", at(1), picture(one))
				want = slices.Insert(want, 0, Applied)
			}
			w.ended(want[:len(want)-2]...)
			w.hand(one, texts{"names": "typed"})
			c.bring("2", at(2), edit{contact: one, set: texts{"nicknames": "CRM"}, base: texts{}, version: 1}.patch())
			w.ended(want[:len(want)-1]...)
			c.bring("3", at(3), named("third", 1).patch())
			time.Sleep(10 * time.Second)
			w.ended(want...)
			w.conflicts(1, "names")
			w.holds(one, texts{"names": "typed", "nicknames": "CRM"})
		})
	}
}

// TestAfterAMergeWhatIsThereIsNotWrittenASecondTime has the change behind a merge want one field as the merge found it, after
// a restart: it was made before.
func TestAfterAMergeWhatIsThereIsNotWrittenASecondTime(t *testing.T) {
	courierWorld(t, func(t *testing.T, w *world, c *courier) {
		w.hand(one, texts{"biographies": "typed"})
		c.bring("1", at(1), edit{contact: one, set: texts{"names": "first", "nicknames": ""}, base: seeded, version: 1}.patch())
		c.bring("2", at(2), edit{contact: one, set: texts{"names": "second", "nicknames": ""}, base: seeded, version: 1}.patch())
		w.ended(Applied, Applied)
		w.holds(one, texts{"names": "second", "nicknames": "", "biographies": "typed"})
		for _, write := range w.writes(one) {
			if fmt.Sprint(write.Fields) != "[names]" {
				t.Errorf("a write of %v, want names alone", write.Fields)
			}
		}
	})
}

// TestAChangeThatHasSeenAnEditBehindOurWritesGoesByItsOwnEtag has an edit follow our write of a field, and the CRM read it before
// it changes that field: it is the etag of the change that tells so, and no other.
func TestAChangeThatHasSeenAnEditBehindOurWritesGoesByItsOwnEtag(t *testing.T) {
	courierWorld(t, func(t *testing.T, w *world, c *courier) {
		c.bring("1", at(1), named("first", 1).patch())
		w.ended(Applied)
		w.hand(one, texts{"names": "typed"})
		c.bring("2", at(2), named("second", 3).patch())
		w.ended(Applied, Applied)
		w.holds(one, texts{"names": "second"})
		w.resolved(nil)
	})
}

// TestAfterAMergeWhatTheServiceFilledInIsNotWrittenASecondTime has the change behind a merge want the same, with the member that
// the service fills in, or without.
func TestAfterAMergeWhatTheServiceFilledInIsNotWrittenASecondTime(t *testing.T) {
	short, full := map[string]any{"givenName": "first"}, map[string]any{"givenName": "first", "unstructuredName": "first"}
	for _, names := range [][2]map[string]any{{short, full}, {full, short}} {
		courierWorld(t, func(t *testing.T, w *world, c *courier) {
			w.hand(one, texts{"nicknames": "typed"})
			for i, name := range names {
				person := named("", 1).person()
				person["names"] = []any{name}
				body := map[string]any{"person": person, "updatePersonFields": "names", "base": seeded.person(one)}
				c.bring(fmt.Sprint(i), at(i), message(messages.Patch, body))
			}
			w.ended(Applied, AlreadyApplied)
			if n := len(w.writes(one)); n != 1 {
				t.Errorf("%d writes, want one", n)
			}
		})
	}
}

// TestTheEndOfAChainThatAReadHasRefutedIsNotSent has two edits follow our write, and the CRM read the first: the read that comes
// of its change shows that the chain does not go on.
func TestTheEndOfAChainThatAReadHasRefutedIsNotSent(t *testing.T) {
	courierWorld(t, func(t *testing.T, w *world, c *courier) {
		c.bring("1", at(1), named("first", 1).patch())
		w.ended(Applied)
		w.hand(one, texts{"names": "typed"})
		w.hand(one, texts{"names": "typed again"})
		c.bring("2", at(2), named("second", 3).patch())
		w.ended(Applied, DeadLettered)
		c.bring("3", at(3), named("third", 3).patch())
		w.ended(Applied, DeadLettered, DeadLettered)
		if refused := w.people.Stats().Calls[peoplesim.UpdateContact]["400"]; refused != 1 {
			t.Errorf("%d writes refused, want that of the first change after the edits alone", refused)
		}
	})
}
