package ordering

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"
)

// small gives the lanes little room, and as many calls as there are lanes.
func small(items, bytes int) func(*Config[*item]) {
	return func(c *Config[*item]) { c.MaxItems, c.MaxBytes = items, bytes }
}

// expectPut compares how a Put stands with how it should.
func expectPut(t *testing.T, p *pending, want string) {
	t.Helper()
	if p.String() != want {
		t.Errorf("Put: %s, want %s", p, want)
	}
}

// stall makes an item wait for an hour after its first call.
func stall(_ int, it *item) { it.fails = []time.Duration{time.Hour} }

func TestPutBlocksUntilThereIsRoom(t *testing.T) {
	for _, limits := range []struct{ items, bytes int }{{4, 1000}, {1000, 4}} {
		story(t, small(limits.items, limits.bytes), func(t *testing.T, d *desk) {
			for i := range 4 {
				d.put(t, fmt.Sprint(i), &item{id: "1", work: time.Duration(i+1) * tick})
			}
			p := d.later(t.Context(), "b", &item{id: "1"})
			pass(tick - 1)
			expectPut(t, p, "blocks")
			pass(1)
			expectPut(t, p, "taken after 100ms")
		})
	}
}

func TestPutsThatWaitForRoomAreServedInTheOrderOfTheirComing(t *testing.T) {
	story(t, small(1000, 10), func(t *testing.T, d *desk) {
		d.put(t, "a", &item{id: "1", bytes: 6, work: tick})
		d.put(t, "b", &item{id: "1", bytes: 3, work: 2 * tick})
		large := d.later(t.Context(), "c", &item{id: "large", bytes: 8, work: tick})
		tiny := d.later(t.Context(), "d", &item{id: "tiny", work: tick}) // there would be room for it
		pass(0)
		expectPut(t, large, "blocks")
		expectPut(t, tiny, "blocks")
		pass(2 * tick)
		expectPut(t, large, "taken after 200ms")
		expectPut(t, tiny, "taken after 200ms")
	})
}

func TestPutGivesUpWithItsContextAndLetsTheNextIn(t *testing.T) {
	story(t, small(1000, 10), func(t *testing.T, d *desk) {
		d.put(t, "a", &item{id: "1", bytes: 6, work: time.Minute})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		large := d.later(ctx, "b", &item{id: "large", bytes: 8})
		follower := d.later(t.Context(), "b", &item{id: "follower", work: tick})
		other := d.later(t.Context(), "c", &item{id: "other", work: 2 * tick})
		pass(time.Second)
		expectPut(t, large, "context deadline exceeded after 1s")
		expectPut(t, follower, "taken after 1s")
		expectPut(t, other, "taken after 1s")
		if err := d.tryPut(ctx, "d", &item{id: "1"}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Put with a context that is done = %v, although there is room", err)
		}
		pass(time.Minute)
		d.expect(t, "released", &d.released, "b/follower c/other a/1")
	})
}

func TestAnItemLargerThanAllRoomComesInAlone(t *testing.T) {
	story(t, small(10, 100), func(t *testing.T, d *desk) {
		d.put(t, "big", &item{id: "1", bytes: 5000, work: time.Second})
		p := d.later(t.Context(), "small", &item{id: "1", work: time.Second})
		big := d.later(t.Context(), "big", &item{id: "2", bytes: 5000, work: time.Second})
		pass(time.Minute)
		expectPut(t, p, "taken after 1s")
		expectPut(t, big, "taken after 2s")
	})
}

func TestAWorkingLaneWithAQuarterHoldsUpItsOwnPutsOnly(t *testing.T) {
	for _, limits := range []struct{ items, bytes int }{{40, 1000}, {1000, 40}} {
		story(t, small(limits.items, limits.bytes), func(t *testing.T, d *desk) {
			d.put(t, "hot", ids(10, func(_ int, it *item) { it.work = tick })...)
			own := d.later(t.Context(), "hot", &item{id: "own"})
			next := d.later(t.Context(), "hot", &item{id: "next"})
			d.put(t, "b", ids(9, func(_ int, it *item) { it.work = tick })...)
			expectPut(t, own, "blocks")
			pass(tick)
			expectPut(t, own, "taken after 100ms")
			expectPut(t, next, "blocks")
			pass(tick)
			expectPut(t, next, "taken after 200ms")
			pass(time.Minute)
			d.expect(t, "returned", &d.returned, "")
		})
	}
}

func TestAPutThatItsLaneHeldUpKeepsItsPlaceBeforeLaterOnes(t *testing.T) {
	story(t, small(8, 1000), func(t *testing.T, d *desk) {
		d.put(t, "hot", ids(2, func(_ int, it *item) { it.work = tick })...)
		own := d.later(t.Context(), "hot", &item{id: "own", work: tick})
		for i := range 6 {
			d.put(t, fmt.Sprint(i), &item{id: "1", work: time.Minute})
		}
		other := d.later(t.Context(), "other", &item{id: "1", work: tick})
		pass(tick)
		expectPut(t, own, "taken after 100ms")
		expectPut(t, other, "blocks")
		pass(time.Minute)
	})
}

func TestAWorkingLaneIsNotReturnedForItsSizeAndWhenItWaitsItTakesMore(t *testing.T) {
	story(t, small(12, 1000), func(t *testing.T, d *desk) {
		d.put(t, "a", &item{id: "1", work: tick, fails: []time.Duration{tick}}, &item{id: "2", work: tick}, &item{id: "3", work: tick})
		p := d.later(t.Context(), "a", &item{id: "4"})
		pass(3*tick - 1)
		expectPut(t, p, "blocks")
		pass(time.Minute)
		d.expect(t, "calls", &d.calls, "a: 1, a: 2, a: 1, a: 3, a: 4")
		expectPut(t, p, "taken after 300ms")
		d.put(t, "b", ids(6, func(_ int, it *item) { it.contacts = []string{"x"}; stall(0, it) })[:1]...)
		pass(0)
		d.put(t, "b", ids(6, func(_ int, it *item) { it.contacts = []string{"x"} })[1:]...) // it waits: more than a quarter
		d.expect(t, "returned", &d.returned, "")
	})
}

func TestTheNewestOfTheFullestWaitingLaneGoBackOverHalf(t *testing.T) {
	for _, limits := range []struct{ items, bytes int }{{20, 1000}, {1000, 20}} {
		story(t, small(limits.items, limits.bytes), func(t *testing.T, d *desk) {
			d.put(t, "a", ids(1, stall)...)
			d.put(t, "b", ids(1, stall)...)
			d.put(t, "works", ids(4, func(_ int, it *item) { it.work = time.Hour })...)
			pass(0)
			touches := func(contact string) func(int, *item) {
				return func(_ int, it *item) { it.contacts = []string{contact} }
			}
			d.put(t, "a", ids(6, touches("1"))[1:]...)
			d.put(t, "b", ids(4, touches("1"))[1:]...)
			d.expect(t, "returned up to half", &d.returned, "")
			d.put(t, "b", &item{id: "5", contacts: []string{"1"}})
			d.expect(t, "returned over half", &d.returned, "a/6")
			d.put(t, "c", &item{id: "1", bytes: 3, work: tick, fails: []time.Duration{time.Hour}})
			d.expect(t, "returned while the newcomer works", &d.returned, "a/6")
			pass(tick)
			want := "a/6 a/5"
			if limits.bytes == 20 {
				want = "a/6 a/3 a/4 a/5" // in the order of the lane
			}
			d.expect(t, "returned when it waits", &d.returned, want)
			pass(time.Hour)
		})
	}
}

func TestFinishedItemsGoBackWithTheUnfinishedOnesBeforeThem(t *testing.T) {
	story(t, small(8, 1000), func(t *testing.T, d *desk) {
		d.put(t, "a", &item{id: "1", fails: []time.Duration{time.Hour}})
		pass(0)
		for _, it := range []*item{{id: "2", fails: []time.Duration{time.Hour}}, {id: "3"}, {id: "4"}} {
			d.put(t, "a", it)
			pass(0)
		}
		d.expect(t, "finished ones count as items", &d.returned, "")
		d.put(t, "b", &item{id: "1", fails: []time.Duration{2 * time.Hour}}, &item{id: "2", fails: []time.Duration{2 * time.Hour}})
		pass(0)
		d.expect(t, "returned", &d.returned, "a/3 a/4")
		d.expect(t, "released", &d.released, "")
		pass(time.Hour)
		d.expect(t, "released", &d.released, "a/1 a/2")
	})
}

func TestAPutToAWaitingLaneNeverBlocksForWhatWaits(t *testing.T) {
	story(t, small(8, 80), func(t *testing.T, d *desk) {
		for i := range 100 { // nothing ever works for longer than a moment
			it := &item{id: fmt.Sprint(i), contacts: []string{"x"}, bytes: 1 + i*7%100, fails: slices.Repeat([]time.Duration{time.Hour}, 1000)}
			p := d.later(t.Context(), fmt.Sprint(i%3), it)
			if got := p.String(); got != "taken after 0s" && got != ErrGate.Error()+" after 0s" {
				t.Fatalf("Put of item %d with %d bytes: %s", i, it.bytes, got)
			}
			audit(t, d.Lanes)
		}
	})
}

func TestALargeItemDoesNotStandOutsideForWhatWaits(t *testing.T) {
	story(t, small(100, 100), func(t *testing.T, d *desk) {
		d.put(t, "a", &item{id: "1", bytes: 20, fails: []time.Duration{time.Hour}})
		pass(0)
		d.put(t, "a", &item{id: "2", contacts: []string{"1"}, bytes: 20})
		d.put(t, "b", &item{id: "1", bytes: 24, work: tick})
		large := d.later(t.Context(), "c", &item{id: "large", bytes: 80, work: tick})
		behind := d.later(t.Context(), "d", &item{id: "behind", work: tick})
		d.expect(t, "returned for the large one", &d.returned, "a/2")
		pass(tick)
		expectPut(t, large, "taken after 100ms")
		expectPut(t, behind, "blocks")
		pass(tick)
		expectPut(t, behind, "taken after 200ms")
		d.expect(t, "returned", &d.returned, "a/2")
		pass(time.Hour)
	})
}

func TestWhilePausedNothingGoesBackAndPutBlocksForRoomOnly(t *testing.T) {
	story(t, small(20, 1000), func(t *testing.T, d *desk) {
		d.put(t, "a", ids(1, stall)...)
		d.put(t, "hot", ids(5, func(_ int, it *item) { it.work = time.Minute })...)
		own := d.later(t.Context(), "hot", &item{id: "own"})
		pass(0)
		expectPut(t, own, "blocks")
		d.Pause()
		pass(0)
		expectPut(t, own, "taken after 0s")
		d.put(t, "a", ids(14, func(_ int, it *item) { it.contacts = []string{"1"} })[1:]...)
		full := d.later(t.Context(), "b", &item{id: "1"})
		pass(10 * time.Minute)
		expectPut(t, full, "taken after 1m0s") // the call that ran has ended
		d.expect(t, "returned", &d.returned, "")
		d.Resume()
		pass(0)
		d.expect(t, "returned", &d.returned, "a/11 a/12 a/13 a/14")
		pass(time.Hour)
	})
}

func TestThousandsOfPutsThatBlockAreLetInOneByOne(t *testing.T) {
	story(t, small(4, 1000), func(t *testing.T, d *desk) {
		const n = 3000
		var all []*pending
		for i := range n {
			all = append(all, d.later(t.Context(), fmt.Sprint(i%1500), &item{id: fmt.Sprint(i), work: tick}))
		}
		audit(t, d.Lanes)
		pass(n * tick)
		if done, _, _ := d.sums(); done != n {
			t.Errorf("%d of %d done", done, n)
		}
		for i := 1; i < n; i++ {
			if i%1500 != 0 && all[i].took < all[i-1].took {
				t.Fatalf("Put %d was let in after %v, before Put %d after %v", i, all[i].took, i-1, all[i-1].took)
			}
		}
	})
}
