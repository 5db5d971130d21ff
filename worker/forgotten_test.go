package worker

import (
	"fmt"
	"testing"
)

// fillMemory settles as many other messages as the worker remembers.
func (w *world) fillMemory() {
	for i := range maxSettled {
		w.worker.memory.settle(digestOf(ben, fmt.Sprint("other ", i)), Applied, rank{own: order{number: int64(i)}})
	}
}

// fillHistories has the worker deal with as many other contacts as it remembers.
func (w *world) fillHistories() {
	for i := range maxHistories {
		w.worker.histories.of(ben, contactName(i))
	}
}

func TestAMessageThatIsForgottenIsMadeAgainWithoutHarm(t *testing.T) {
	courierWorld(t, func(t *testing.T, w *world, c *courier) {
		m := named("CRM", 1).patch()
		c.bring("1", at(1), m)
		w.ended(Applied)
		w.fillMemory()
		if _, known := w.worker.memory.outcome(digestOf(ann, "message:1")); known {
			t.Fatal("the message is remembered: the test shows nothing")
		}
		c.bring("1", at(1), m)
		w.ended(Applied, Applied)
		w.holds(one, texts{"names": "CRM"})
		for _, write := range w.writes(one) {
			if write.Hash != w.writes(one)[0].Hash {
				t.Errorf("the contact was written with another value: %s", write.Values)
			}
		}
	})
}

func TestAForgottenMessageDoesNotOverwriteWhatAPersonTypedSince(t *testing.T) {
	for _, m := range []edit{named("CRM", 1), {contact: one, set: texts{"names": "CRM"}, base: seeded, version: 1}} {
		courierWorld(t, func(t *testing.T, w *world, c *courier) {
			c.bring("1", at(1), m.patch())
			w.ended(Applied)
			w.hand(one, texts{"names": "typed"})
			w.fillMemory()
			c.bring("1", at(1), m.patch())
			w.ended(Applied, DeadLettered)
			w.holds(one, texts{"names": "typed"})
		})
	}
}

// TestAContactThatIsForgottenIsTreatedAsByANewWorker: without base a change that carries an etag from before our write
// becomes a letter, with base it is merged; nothing is lost or overwritten.
func TestAContactThatIsForgottenIsTreatedAsByANewWorker(t *testing.T) {
	for _, test := range []struct {
		second edit
		want   Outcome
		names  string
	}{
		{named("second", 1), DeadLettered, "first"},
		{edit{contact: one, set: texts{"names": "second"}, base: texts{"names": "first"}, version: 1}, Applied, "second"},
		{named("second", 0), Applied, "second"},
	} {
		courierWorld(t, func(t *testing.T, w *world, c *courier) {
			c.bring("1", at(1), named("first", 1).patch())
			w.ended(Applied)
			w.fillHistories()
			c.bring("2", at(2), test.second.patch())
			w.ended(Applied, test.want)
			w.holds(one, texts{"names": test.names})
		})
	}
}

func TestTheContactsUsedLastAreRemembered(t *testing.T) {
	hs := newHistories()
	for i := range maxHistories + 10 {
		h := hs.of(ann, contactName(i))
		h.settled(order{at(1), int64(i)}, "names", print{})
		hs.of(ann, contactName(0)) // used all the time
	}
	for _, i := range []int{0, 11, maxHistories + 9} { // these first: to look for one that is forgotten costs another
		if !hs.of(ann, contactName(i)).knows([]string{"names"}) {
			t.Errorf("contact %d is forgotten", i)
		}
	}
	for _, i := range []int{1, 10} {
		if hs.of(ann, contactName(i)).knows([]string{"names"}) {
			t.Errorf("contact %d is remembered, with %d others", i, maxHistories)
		}
	}
}

func TestHistoriesKeepToTheirBytes(t *testing.T) {
	hs := newHistories()
	for i := range maxHistories {
		h := hs.of(ann, contactName(i))
		for f := range 10 {
			h.settled(order{at(1), int64(i)}, fmt.Sprint("field", f), print{})
		}
		hs.weigh(ann, contactName(i))
		if hs.bytes > maxHistoryBytes {
			t.Fatalf("%d bytes after %d contacts, want %d at most", hs.bytes, i, maxHistoryBytes)
		}
	}
	if hs.lru.Len() == maxHistories {
		t.Errorf("all %d contacts are remembered: the test shows nothing", hs.lru.Len())
	}
	if !hs.of(ann, contactName(maxHistories-1)).knows([]string{"field9"}) {
		t.Error("the contact used last is forgotten")
	}
}

func TestAContactCountsWithWhatItsLastChangeLeft(t *testing.T) {
	courierWorld(t, func(t *testing.T, w *world, c *courier) {
		c.bring("1", at(1), named("CRM", 1).patch())
		w.ended(Applied)
		counted := w.worker.histories.bytes
		if size := w.worker.histories.of(ann, one).size(); counted != size {
			t.Errorf("%d bytes are counted, want the %d of the only contact", counted, size)
		}
	})
}
