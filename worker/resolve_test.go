package worker

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/contactrelay/contactrelay/internal/peoplesim"
)

// TestEachWayOfResolvingIsCounted makes one conflict after the other, and looks after each for what is counted.
func TestEachWayOfResolvingIsCounted(t *testing.T) {
	const two, three = "people/c2", "people/c3"
	counted := map[string]int{}
	courierWorld(t, func(t *testing.T, w *world, c *courier) {
		for _, story := range []struct {
			how  string
			tell func()
		}{
			{"chain", func() {
				c.bring("1", at(1), named("first", 1).patch())
				c.bring("2", at(2), named("second", 1).patch())
			}},
			{"superseded", func() { c.bring("0", at(0), named("older", 1).patch()) }},
			{"merged", func() {
				must(t, w.people.Touch(ann, one))
				c.bring("3", at(3), named("third", 1).patch())
			}},
			{"done", func() {
				w.hand(one, texts{"names": "fourth"})
				c.bring("4", at(4), named("fourth", 1).patch())
			}},
			{"conflict", func() {
				w.hand(one, texts{"names": "typed"})
				c.bring("5", at(5), named("fifth", 1).patch())
			}},
			{"conflict", func() { // of a replay that nothing guards
				published := time.Now()
				time.Sleep(time.Second)
				w.hand(two, texts{"names": "typed"})
				c.bring("6", at(6), replay(overwrite(two, "sixth"), "before", published))
			}},
			{"gone", func() {
				must(t, w.people.SetFaults(peoplesim.Faults{Habits: peoplesim.Habits{Gone: "stale_etag"}}))
				must(t, w.people.Delete(ann, three))
				c.bring("7", at(7), rename(three, "seventh", 1))
			}},
			{"stale_read", func() {
				w.fail(peoplesim.Fault{Kind: peoplesim.StaleRead, Rate: 1, Delay: peoplesim.Duration(300 * time.Millisecond)})
				must(t, w.people.Touch(ann, one))
				c.bring("8", at(8), edit{contact: one, set: texts{"names": "eighth"}, base: texts{"names": "typed"}, version: 7}.patch())
			}},
		} {
			story.tell()
			time.Sleep(5 * time.Second)
			counted[story.how]++
			if story.how == "stale_read" {
				counted["merged"]++ // afterwards
			}
			w.resolved(counted)
		}
	})
	if len(counted) != 7 {
		t.Errorf("%v are told of, want all seven", slices.Sorted(maps.Keys(counted)))
	}
}

func TestTheVerdictNamesTheFieldsThatWereMergedAndDropped(t *testing.T) {
	courierWorld(t, func(t *testing.T, w *world, c *courier) {
		w.hand(one, texts{"names": "newer"}) // in truth by the worker that crashed
		old := texts{"names": "old", "nicknames": "old"}
		c.bring("1", at(1), edit{contact: one, set: old, base: texts{}, version: 1}.patch())
		c.bring("2", at(2), named("newer", 1).patch())
		w.ended(Applied, AlreadyApplied)
		c.bring("0", at(0), edit{contact: one, set: old, version: 1}.patch())
		w.ended(Applied, AlreadyApplied, Superseded)
		for i, want := range map[int][]string{0: {"names", "nicknames"}, 2: {"names", "nicknames"}} {
			if got := w.settled[i].Fields; !slices.Equal(got, want) {
				t.Errorf("the verdict on message %d names %v, want %v", i+1, got, want)
			}
		}
	})
}
