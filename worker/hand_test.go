package worker

import (
	"testing"
	"time"

	"github.com/contactrelay/contactrelay/internal/peoplesim"
	"github.com/contactrelay/contactrelay/messages"
)

// The sequences in which a chain of etags that is one write too long would overrule a person. In each the last change
// carries an etag from before the person's edit and no base: it must become a letter, and the edit stand.

func TestAMergeAfterAHandEditDoesNotLetAChangeFromBeforeAllOverwriteIt(t *testing.T) {
	courierWorld(t, func(t *testing.T, w *world, c *courier) {
		c.bring("1", at(1), named("CRM", 1).patch())
		w.ended(Applied)
		w.hand(one, texts{"nicknames": "typed"})
		c.bring("2", at(2), edit{contact: one, set: texts{"urls": "CRM"}, base: texts{}, version: 1}.patch())
		w.ended(Applied, Applied)
		c.bring("3", at(3), nicknamed("CRM", 1).patch())
		w.ended(Applied, Applied, DeadLettered)
		w.conflicts(1, "nicknames")
		w.holds(one, texts{"names": "CRM", "nicknames": "typed", "urls": "CRM"})
		w.resolved(map[string]int{"merged": 1, "conflict": 1})
	})
}

func TestAMergeOfOneFieldDoesNotFreeAnother(t *testing.T) {
	courierWorld(t, func(t *testing.T, w *world, c *courier) {
		c.bring("1", at(1), named("first", 1).patch())
		w.ended(Applied)
		w.hand(one, texts{"nicknames": "typed"})
		c.bring("2", at(2), named("second", 2).patch())
		w.ended(Applied, Applied)
		c.bring("3", at(3), nicknamed("CRM", 2).patch())
		w.ended(Applied, Applied, DeadLettered)
		w.conflicts(1, "nicknames")
		w.holds(one, texts{"names": "second", "nicknames": "typed"})
	})
}

func TestALatestWriteOverAForeignEditDoesNotLetAChangeFromBeforeItThrough(t *testing.T) {
	courierWorld(t, func(t *testing.T, w *world, c *courier) {
		c.bring("1", at(1), named("first", 1).patch())
		w.ended(Applied)
		w.hand(one, texts{"names": "typed", "nicknames": "typed"})
		c.bring("2", at(2), named("second", 0).patch())
		w.ended(Applied, Applied)
		w.holds(one, texts{"names": "second"}) // it asked for that
		c.bring("3", at(3), nicknamed("CRM", 1).patch())
		w.ended(Applied, Applied, DeadLettered)
		w.conflicts(1, "nicknames")
		c.bring("4", at(4), named("third", 1).patch()) // what it changes is our own
		w.ended(Applied, Applied, DeadLettered, Applied)
		w.holds(one, texts{"names": "third", "nicknames": "typed"})
	})
}

func TestAPhotoAfterAHandEditDoesNotLetAChangeFromBeforeItThrough(t *testing.T) {
	for _, keeps := range []bool{false, true} {
		courierWorld(t, func(t *testing.T, w *world, c *courier) {
			must(t, w.people.SetFaults(peoplesim.Faults{Habits: peoplesim.Habits{PhotoKeepsEtag: keeps}}))
			c.bring("1", at(1), named("first", 1).patch())
			w.ended(Applied)
			w.hand(one, texts{"nicknames": "typed"})
			c.bring("2", at(2), picture(one))
			w.ended(Applied, Applied)
			c.bring("3", at(3), nicknamed("CRM", 1).patch())
			w.ended(Applied, Applied, DeadLettered)
			w.conflicts(1, "nicknames")
			w.holds(one, texts{"names": "first", "nicknames": "typed"})
		})
	}
}

// TestAHandEditBetweenAReadAndOurPhotoIsNotOverwritten has the worker read and merge, a person type, and the photo of
// the worker move the etag last: what it read before is not what the photo was put on.
func TestAHandEditBetweenAReadAndOurPhotoIsNotOverwritten(t *testing.T) {
	for _, keeps := range []bool{false, true} {
		courierWorld(t, func(t *testing.T, w *world, c *courier) {
			must(t, w.people.SetFaults(peoplesim.Faults{Habits: peoplesim.Habits{PhotoKeepsEtag: keeps}}))
			must(t, w.people.Touch(ann, one))
			c.bring("1", at(1), edit{contact: one, set: texts{"names": "first"}, base: seeded, version: 1}.patch())
			w.ended(Applied) // merged: version 2 was read, 3 is ours
			w.hand(one, texts{"nicknames": "typed"})
			c.bring("2", at(2), picture(one))
			w.ended(Applied, Applied)
			c.bring("3", at(3), nicknamed("CRM", 3).patch())
			c.bring("4", at(4), nicknamed("CRM", 2).patch())
			w.ended(Applied, Applied, DeadLettered, DeadLettered)
			w.conflicts(2, "nicknames")
			w.holds(one, texts{"names": "first", "nicknames": "typed"})
		})
	}
}

func TestAConflictOfOneFieldKeepsTheWholeChangeFromBeingMade(t *testing.T) {
	courierWorld(t, func(t *testing.T, w *world, c *courier) {
		w.hand(one, texts{"nicknames": "typed"})
		c.bring("1", at(1), edit{
			contact: one, set: texts{"names": "CRM", "nicknames": "CRM"}, base: seeded, version: 1,
		}.patch())
		w.ended(DeadLettered)
		w.conflicts(1, "nicknames")
		w.holds(one, texts{"names": "Seed", "nicknames": "typed"})
	})
}

// TestAHandEditWhileAMergeIsOnItsWayIsNotOverwritten edits the contact between the worker's read and the write that follows it.
func TestAHandEditWhileAMergeIsOnItsWayIsNotOverwritten(t *testing.T) {
	courierWorld(t, func(t *testing.T, w *world, c *courier) {
		must(t, w.people.Touch(ann, one))
		c.bring("1", at(1), edit{contact: one, set: texts{"names": "CRM"}, base: seeded, version: 1}.patch())
		time.Sleep(25 * time.Millisecond) // 10 ms for the refused write, 10 for the read: the merge is under way
		w.hand(one, texts{"names": "typed"})
		w.ended(DeadLettered)
		w.conflicts(1, "names")
		w.holds(one, texts{"names": "typed"})
	})
}

// TestABatchMessageWithBaseMergesAndConflictsByContact has one contact edited in the field of the change, one in another, and one
// not at all.
func TestABatchMessageWithBaseMergesAndConflictsByContact(t *testing.T) {
	for name, habits := range map[string]peoplesim.Habits{
		"all named": {}, "first named": {FirstErrorOnly: true}, "good ones applied": {PartialBatch: true},
	} {
		courierWorld(t, func(t *testing.T, w *world, c *courier) {
			must(t, w.people.SetFaults(peoplesim.Faults{Habits: habits}))
			w.hand(contactName(1), texts{"names": "typed"})
			w.hand(contactName(2), texts{"nicknames": "typed"})
			var edits []edit
			for i := range 3 {
				edits = append(edits, edit{contact: contactName(i + 1), set: texts{"names": "CRM"}, base: seeded, version: 1})
			}
			c.bring("1", at(1), together(edits...))
			w.ended(DeadLettered)
			w.holds(contactName(1), texts{"names": "typed"})
			w.holds(contactName(2), texts{"names": "CRM", "nicknames": "typed"})
			w.holds(contactName(3), texts{"names": "CRM"})
			letters := w.letters()
			if len(letters) != 1 || letters[0].Split != "1 of 3" || letters[0].CurrentEtag != peoplesim.SourceEtag(contactName(1), 2) {
				t.Errorf("%s: letters %+v, want one about the first contact", name, letters)
			}
			if n := len(w.writes(contactName(3))); n != 1 {
				t.Errorf("%s: the untouched contact was written %d times", name, n)
			}
		})
	}
}

// namedOnThePersonsEtag is a change of the first contact by a producer that sends back the person.etag of what it read.
func namedOnThePersonsEtag(t *testing.T, w *world, given string) messages.Message {
	t.Helper()
	read, err := w.worker.contacts.Get(t.Context(), ann, one, readBack([]string{"names"}))
	must(t, err)
	p := texts{"names": given}.person(one)
	p["etag"] = read.Etag
	p["metadata"] = map[string]any{"sources": []any{map[string]any{"type": "CONTACT"}}}
	return message(messages.Patch, map[string]any{"person": p, "updatePersonFields": "names"})
}

// TestAPersonEtagGuardsAsASourceEtagDoes has a producer that sends back the person.etag of what it read.
func TestAPersonEtagGuardsAsASourceEtagDoes(t *testing.T) {
	courierWorld(t, func(t *testing.T, w *world, c *courier) {
		first := namedOnThePersonsEtag(t, w, "first")
		second := namedOnThePersonsEtag(t, w, "second")
		third := namedOnThePersonsEtag(t, w, "third")
		c.bring("1", at(1), first)
		c.bring("2", at(2), second)
		w.ended(Applied, Applied)
		w.resolved(map[string]int{"chain": 1})
		w.hand(one, texts{"names": "typed"})
		c.bring("3", at(3), third)
		w.ended(Applied, Applied, DeadLettered)
		w.conflicts(1, "names")
		w.holds(one, texts{"names": "typed"})
	})
}
