package ordering

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

const tick = 100 * time.Millisecond

func TestItemsOfOneContactGoOneAfterTheOtherInTheirOrder(t *testing.T) {
	story(t, nil, func(t *testing.T, d *desk) {
		d.put(t, "a", ids(4, func(i int, it *item) {
			it.contacts, it.group, it.work = []string{"c"}, "g", time.Duration(4-i)*tick
		})...)
		pass(time.Second)
		d.expect(t, "calls", &d.calls, "a: 1, a: 2, a: 3, a: 4")
	})
}

func TestWhatGathersDuringACallGoesTogetherInTheNext(t *testing.T) {
	story(t, nil, func(t *testing.T, d *desk) {
		d.put(t, "a", ids(6, func(_ int, it *item) { it.group, it.work = "g", tick })...)
		pass(time.Second)
		d.expect(t, "calls", &d.calls, "a: 1, a: 2 3 4 5 6")
	})
}

func TestNothingWaitsForCompany(t *testing.T) {
	story(t, nil, func(t *testing.T, d *desk) {
		for i := range 3 {
			d.put(t, "a", &item{id: fmt.Sprint(i), group: "g", work: tick})
			pass(0)
			d.expect(t, "calls at once", &d.calls, strings.Join([]string{"a: 0", "a: 1", "a: 2"}[:i+1], ", "))
			pass(time.Second)
		}
	})
}

func TestACallTakesTheGroupOfTheOldestEligibleItemByArrival(t *testing.T) {
	story(t, nil, func(t *testing.T, d *desk) {
		d.put(t, "a", &item{id: "first", work: tick})
		for _, name := range []string{"x1", "y1", "y2", "x2", "z1", "x3", "y3"} {
			d.put(t, "a", &item{id: name, group: name[:1]})
		}
		pass(time.Second)
		d.expect(t, "calls", &d.calls, "a: first, a: x1 x2 x3, a: y1 y2 y3, a: z1")
		d.expect(t, "Take was asked", &d.asked, "x 3, y 3, z 1")
	})
}

func TestItemsOfNoGroupAreHandedOverAlone(t *testing.T) {
	story(t, nil, func(t *testing.T, d *desk) {
		d.put(t, "a", &item{id: "first", work: tick})
		for _, it := range []*item{{id: "1"}, {id: "x1", group: "x"}, {id: "2"}, {id: "x2", group: "x"}} {
			d.put(t, "a", it)
		}
		pass(time.Second)
		d.expect(t, "calls", &d.calls, "a: first, a: 1, a: x1 x2, a: 2")
	})
}

func TestACallTakesAsManyContactsAsItMayAndItemsWhole(t *testing.T) {
	take := func(most int) func(*Config[*item]) {
		return func(c *Config[*item]) {
			c.Take = func(string, *item, int) int { return most }
		}
	}
	for _, c := range []struct {
		most  int
		sizes string // how many contacts each item touches
		want  string
	}{
		{2, "11111", "1 2, 3 4, 5"},
		{0, "111", "1, 2, 3"},         // at least the oldest goes
		{3, "511", "1, 2 3"},          // however large it is
		{4, "131", "1 2, 3"},          // exactly as many as may go
		{4, "1421", "1 3 4, 2"},       // one that does not fit lets others pass, which commute with it
		{4, "14441", "1, 2, 3, 4, 5"}, // but not without limit: the cost is that of what is taken
		{3, "0001", "1 2 3, 4"},       // an item that touches nothing takes the room of one
	} {
		story(t, take(c.most), func(t *testing.T, d *desk) {
			d.put(t, "a", &item{id: "first", work: tick})
			for i, size := range c.sizes {
				it := &item{id: fmt.Sprint(i + 1), group: "g", contacts: []string{}, nothing: size == '0'}
				for j := range int(size - '0') {
					it.contacts = append(it.contacts, fmt.Sprint(i, j))
				}
				d.put(t, "a", it)
			}
			pass(time.Second)
			d.expect(t, c.sizes, &d.calls, "a: first, a: "+strings.ReplaceAll(c.want, ", ", ", a: "))
		})
	}
}

func TestAnItemOfSeveralContactsWaitsForAllOfThemAndHoldsAllOfThemUp(t *testing.T) {
	story(t, nil, func(t *testing.T, d *desk) {
		d.put(t, "a",
			&item{id: "x1", contacts: []string{"x"}, group: "g", work: tick},
			&item{id: "y1", contacts: []string{"y"}, group: "g", work: tick},
			&item{id: "xy", contacts: []string{"x", "y", "x"}, group: "g", work: tick}, // a name given twice counts once
			&item{id: "x2", contacts: []string{"x"}, group: "g", work: tick},
			&item{id: "z1", contacts: []string{"z"}, group: "g", work: tick},
			&item{id: "y2", contacts: []string{"y"}, group: "g", work: tick})
		pass(time.Second)
		d.expect(t, "calls", &d.calls, "a: x1, a: y1 z1, a: xy, a: x2 y2")
		d.expect(t, "Take was asked", &d.asked, "g 1, g 2, g 2, g 2")
	})
}

func TestAnItemThatTouchesNothingCommutesWithEverything(t *testing.T) {
	story(t, nil, func(t *testing.T, d *desk) {
		d.put(t, "a", &item{id: "1", contacts: []string{"x"}, fails: []time.Duration{time.Minute}},
			&item{id: "2", nothing: true}, &item{id: "3", contacts: []string{"x"}}, &item{id: "4", nothing: true})
		pass(time.Second)
		d.expect(t, "done", &d.done, "a/2 a/4")
	})
}

func TestAPostponedItemHoldsUpItsContactsOnly(t *testing.T) {
	story(t, nil, func(t *testing.T, d *desk) {
		d.put(t, "a",
			&item{id: "bad", contacts: []string{"x", "y"}, fails: []time.Duration{time.Second, 3 * time.Second}},
			&item{id: "x", contacts: []string{"x"}}, &item{id: "y", contacts: []string{"y"}},
			&item{id: "z1", contacts: []string{"z"}}, &item{id: "z2", contacts: []string{"z"}})
		pass(time.Second - 1)
		d.expect(t, "done while it waits", &d.done, "a/z1 a/z2")
		pass(3 * time.Second)
		d.expect(t, "done before its time", &d.done, "a/z1 a/z2")
		pass(1)
		d.expect(t, "done", &d.done, "a/z1 a/z2 a/bad a/x a/y")
		d.expect(t, "calls", &d.calls, "a: bad, a: z1, a: z2, a: bad, a: bad, a: x, a: y")
	})
}

func TestAnItemThatMayGoOnAtOnceIsHandedOverAgainAsTheOldest(t *testing.T) {
	story(t, nil, func(t *testing.T, d *desk) {
		d.put(t, "a", &item{id: "1", work: tick, fails: []time.Duration{0, 0}}, &item{id: "2", work: tick})
		pass(time.Second)
		d.expect(t, "calls", &d.calls, "a: 1, a: 1, a: 1, a: 2")
	})
}

func TestAnItemThatIsDueWhileItsLaneWaitsForAPlaceIsTheOldestOfTheCall(t *testing.T) {
	story(t, func(c *Config[*item]) { c.MaxCalls = 1 }, func(t *testing.T, d *desk) {
		d.put(t, "a", &item{id: "1", work: tick, group: "g", fails: []time.Duration{tick}})
		pass(0)
		d.put(t, "b", &item{id: "1", work: time.Second})
		d.put(t, "a", &item{id: "2"})
		d.put(t, "a", &item{id: "3", group: "g"})
		pass(time.Minute)
		d.expect(t, "calls", &d.calls, "a: 1, b: 1, a: 1 3, a: 2")
	})
}

func TestTheGroupIsAskedAgainWhenAnItemIsEligibleAgain(t *testing.T) {
	alone := func(c *Config[*item]) {
		c.Group = func(it *item) string {
			if it.id == "2" && len(it.fails) == 0 {
				return "" // after it has failed
			}
			return "g"
		}
	}
	story(t, alone, func(t *testing.T, d *desk) {
		d.put(t, "a", &item{id: "1", work: tick}, &item{id: "2", work: tick, fails: []time.Duration{time.Second}}, &item{id: "3"})
		pass(tick)
		d.put(t, "a", &item{id: "long", work: 2 * time.Second})
		pass(tick)
		d.put(t, "a", &item{id: "4"})
		pass(time.Minute)
		d.expect(t, "calls", &d.calls, "a: 1, a: 2 3, a: long, a: 2, a: 4")
	})
}

func TestALaneWaitsAsLongAsTheLatestOfACallSays(t *testing.T) {
	story(t, nil, func(t *testing.T, d *desk) {
		d.put(t, "a", &item{id: "1", work: tick})
		for _, it := range []*item{{id: "2", lane: time.Second}, {id: "3", lane: time.Minute}, {id: "4", fails: []time.Duration{time.Second}}, {id: "5", contacts: []string{"2"}}} {
			it.group = "g"
			d.put(t, "a", it)
		}
		d.put(t, "b", &item{id: "1"})
		pass(tick + time.Minute - 1)
		d.put(t, "a", &item{id: "6"})
		d.expect(t, "done while the lane waits", &d.done, "b/1 a/1 a/2 a/3")
		pass(1)
		d.expect(t, "done", &d.done, "b/1 a/1 a/2 a/3 a/4 a/5 a/6")
	})
}

func TestAWaitingLaneTakesNoPlace(t *testing.T) {
	story(t, func(c *Config[*item]) { c.MaxCalls = 1 }, func(t *testing.T, d *desk) {
		d.put(t, "waits", &item{id: "1", fails: []time.Duration{time.Minute}})
		pass(0)
		d.put(t, "other", ids(10, func(_ int, it *item) { it.work = time.Millisecond })...)
		pass(time.Second)
		if done, _, _ := d.sums(); done != 10 {
			t.Errorf("%d of 10 done after a second", done)
		}
	})
}

func TestKeysGoSideBySideUpToTheLimitOfCalls(t *testing.T) {
	story(t, func(c *Config[*item]) { c.MaxCalls = 4 }, func(t *testing.T, d *desk) {
		for i := range 12 {
			d.put(t, fmt.Sprint(i), ids(2, func(_ int, it *item) { it.work = tick })...)
		}
		pass(0)
		if _, peak, _ := d.sums(); peak != 4 {
			t.Errorf("%d handlers at once, want 4", peak)
		}
		pass(6 * tick)
		if done, peak, overlaps := d.sums(); done != 24 || peak != 4 || overlaps != 0 {
			t.Errorf("%d of 24 done after six rounds, %d handlers at once, %d overlaps in a key", done, peak, overlaps)
		}
	})
}

func TestALimitHoldsForTheCallsThatBeginAfterIt(t *testing.T) {
	story(t, func(c *Config[*item]) { c.MaxCalls = 4 }, func(t *testing.T, d *desk) {
		d.Limit(2)
		for i := range 6 {
			d.put(t, fmt.Sprint(i), &item{id: "1", work: tick})
		}
		pass(0)
		if _, peak, _ := d.sums(); peak != 2 {
			t.Errorf("%d handlers at once, want 2", peak)
		}
		d.Limit(100)
		pass(0)
		if _, peak, _ := d.sums(); peak != 4 {
			t.Errorf("%d handlers at once with a limit over MaxCalls, want 4", peak)
		}
		d.Limit(0)
		pass(time.Hour)
		if done, _, _ := d.sums(); done != 4 {
			t.Errorf("%d done with no new call, want the 4 that ran", done)
		}
		d.Limit(1)
		pass(2 * tick)
		if done, _, _ := d.sums(); done != 6 {
			t.Errorf("%d of 6 done", done)
		}
	})
}

func TestLanesTakeTurns(t *testing.T) {
	story(t, func(c *Config[*item]) { c.MaxCalls = 1 }, func(t *testing.T, d *desk) {
		d.put(t, "hot", ids(3, func(_ int, it *item) { it.work = tick })...)
		d.put(t, "b", ids(2, func(_ int, it *item) { it.work = tick })...)
		d.put(t, "c", ids(1, func(_ int, it *item) { it.work = tick })...)
		pass(time.Second)
		d.expect(t, "calls", &d.calls, "hot: 1, b: 1, c: 1, hot: 2, b: 2, hot: 3")
	})
}

func TestItemsAreReleasedInTheOrderOfTheLane(t *testing.T) {
	story(t, nil, func(t *testing.T, d *desk) {
		d.put(t, "a", &item{id: "1", bytes: 10, fails: []time.Duration{time.Second}}, &item{id: "2", bytes: 20},
			&item{id: "3", bytes: 40, fails: []time.Duration{time.Minute}}, &item{id: "4", bytes: 80})
		pass(0)
		d.expect(t, "done", &d.done, "a/2 a/4")
		d.expect(t, "released behind one that waits", &d.released, "")
		if items, bytes, _ := d.Held(); items != 4 || bytes != 50 {
			t.Errorf("held %d items and %d bytes, want all 4 and the bytes of the unfinished, 50", items, bytes)
		}
		pass(time.Second)
		d.expect(t, "released", &d.released, "a/1 a/2")
		pass(time.Minute)
		d.expect(t, "released", &d.released, "a/1 a/2 a/3 a/4")
	})
}

func TestNoHandlerStartsWhileTheLanesArePaused(t *testing.T) {
	story(t, func(c *Config[*item]) { c.MaxCalls = 1 }, func(t *testing.T, d *desk) {
		d.put(t, "runs", &item{id: "1", work: tick}, &item{id: "2"})
		pass(0)
		d.Pause()
		d.put(t, "new", &item{id: "1"})
		pass(time.Hour)
		d.expect(t, "released", &d.released, "runs/1")
		d.expect(t, "calls", &d.calls, "runs: 1")
		d.Resume()
		pass(0)
		d.expect(t, "calls", &d.calls, "runs: 1, new: 1, runs: 2")
	})
}
