package worker

import (
	"testing"
	"time"

	"github.com/contactrelay/contactrelay/internal/peoplesim"
)

func TestOrderIsByPublishTimeAndThenByArrival(t *testing.T) {
	for _, test := range []struct {
		a, b order
		want bool
	}{
		{order{at(1), 9}, order{at(2), 1}, true},
		{order{at(2), 1}, order{at(1), 9}, false},
		{order{at(1), 1}, order{at(1), 2}, true},
		{order{at(1), 2}, order{at(1), 1}, false},
		{order{at(1), 1}, order{at(1), 1}, false},
		{order{at(1), 1}, order{at(1).In(time.FixedZone("", 3600)), 1}, false},
	} {
		if got := test.a.before(test.b); got != test.want {
			t.Errorf("%v before %v = %v, want %v", test.a, test.b, got, test.want)
		}
	}
}

// slowly makes the calls take so long that what is brought next finds the change before it in the lane.
func (w *world) slowly() { w.fail(latency(time.Second)) }

func TestAPublishTimeThatRunsAgainstTheDeliveryIsClampedAndCounted(t *testing.T) {
	courierWorld(t, func(t *testing.T, w *world, c *courier) {
		w.slowly()
		c.bring("1", at(3), named("first", 1).patch())
		// Published by a machine whose clock is behind. Were it an old change that comes again, its base would tell.
		c.bring("2", at(2), edit{contact: one, version: 1, set: texts{"names": "second"}, base: texts{"names": "first"}}.patch())
		c.bring("3", at(2), edit{contact: contactName(2), set: texts{"names": "CRM"}, version: 1}.patch())
		time.Sleep(5 * time.Second)
		w.ended(Applied, Applied, Applied)
		w.holds(one, texts{"names": "second"})
		if got := w.worker.Tally().Inversions; got != 1 {
			t.Errorf("%d inversions, want the one of the same contact", got)
		}
	})
}

func TestAChangeThatMayBeOldWritesOverNothingUnlessItsBaseIsThere(t *testing.T) {
	courierWorld(t, func(t *testing.T, w *world, c *courier) {
		w.slowly()
		c.bring("1", at(3), named("first", 1).patch())
		c.bring("2", at(2), named("second", 1).patch())
		time.Sleep(8 * time.Second)
		w.ended(Applied, DeadLettered)
		w.holds(one, texts{"names": "first"})
	})
}

func TestAReplayIsNotClamped(t *testing.T) {
	courierWorld(t, func(t *testing.T, w *world, c *courier) {
		w.slowly()
		c.bring("2", at(2), named("new", 1).patch())
		c.bring("9", at(9), replay(named("old", 1).patch(), "1", at(1)))
		c.bring("3", at(3), nicknamed("next", 1).patch())
		time.Sleep(5 * time.Second)
		w.ended(Applied, Superseded, Applied)
		w.holds(one, texts{"names": "new", "nicknames": "next"})
		if got := w.worker.Tally().Inversions; got != 0 {
			t.Errorf("%d inversions: a replay is older than what it waits behind", got)
		}
	})
}

func TestAReplayDoesNotClampWhatComesAfterIt(t *testing.T) {
	courierWorld(t, func(t *testing.T, w *world, c *courier) {
		w.slowly()
		late := replay(named("old", 1).patch(), "7", at(7)) // its own publish time is that of the original
		c.bring("9", at(9), late)
		c.bring("5", at(5), named("older", 1).patch())
		time.Sleep(5 * time.Second)
		w.ended(Applied, Superseded)
		w.holds(one, texts{"names": "old"})
		if got := w.worker.Tally().Inversions; got != 0 {
			t.Errorf("%d inversions", got)
		}
	})
}

// TestAReturnedMessageKeepsItsNumber returns a change, has a later one of the same publish call applied, and brings
// the first again: its number is that of its first arrival.
func TestAReturnedMessageKeepsItsNumber(t *testing.T) {
	courierWorld(t, func(t *testing.T, w *world, c *courier) {
		w.fail(latency(10*time.Millisecond), peoplesim.Fault{Kind: peoplesim.UserQuota, Rate: 1, For: peoplesim.Duration(time.Second)})
		first := &held{id: "1", publish: at(1), message: named("first", 1).patch()}
		first.message.OrderingKey = ann
		w.worker.memory.giveBack(first.identity(), rank{own: order{at(1), 1}})
		w.worker.arrivals = 1
		c.bring("2", at(1), named("second", 1).patch())
		time.Sleep(2 * time.Minute)
		w.ended(Applied)
		c.bring("1", at(1), named("first", 1).patch())
		w.ended(Applied, Superseded)
		w.holds(one, texts{"names": "second"})
	})
}

// TestAReplayThatWasSettledIsKnownWhenItComesAgain though nothing is known of its original, which another worker had: the
// gate of its user need not wait for it.
func TestAReplayThatWasSettledIsKnownWhenItComesAgain(t *testing.T) {
	w := newRow().worker
	m := replay(named("old", 1).patch(), "1", at(1))
	m.OrderingKey = ann
	for _, want := range []bool{false, true} {
		h, _ := w.hold(delivery{id: "9", publish: at(9), message: m, answer: unanswered{}})
		if h.ended != want {
			t.Errorf("settled before: %v, want %v", h.ended, want)
		}
		w.memory.settle(h.identity(), Applied, h.rank)
		w.forget(h)
	}
}
