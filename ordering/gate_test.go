package ordering

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"
)

// overfull makes the lane of the key wait and give back its sixth item: the limit is 10, half of it 5. Those that
// stay are done after the given time.
func overfull(t *testing.T, d *desk, key string, wait time.Duration) {
	t.Helper()
	d.put(t, key, &item{id: "1", fails: []time.Duration{wait}})
	pass(0)
	d.put(t, key, ids(6, func(_ int, it *item) { it.contacts = []string{"1"} })[1:]...)
	of := only(d, &d.returned, key)
	d.expect(t, "returned", &of, key+"/6")
}

func expectGate(t *testing.T, d *desk, key string, it *item, closed bool) {
	t.Helper()
	if err := d.tryPut(t.Context(), key, it); errors.Is(err, ErrGate) != closed || err != nil && !closed {
		t.Errorf("Put(%s/%s) = %v, want ErrGate: %v", key, it.id, err, closed)
	}
}

func TestAGateIsClosedUntilTheFirstReturnedItemComesAgain(t *testing.T) {
	story(t, small(10, 1000), func(t *testing.T, d *desk) {
		overfull(t, d, "a", time.Minute)
		expectGate(t, d, "a", &item{id: "7"}, true)
		expectGate(t, d, "b", &item{id: "7"}, false)
		pass(80 * time.Second)
		if s := d.Snapshot(0); s.Gates != 1 {
			t.Errorf("%d gates are closed, want 1", s.Gates)
		}
		expectGate(t, d, "a", &item{id: "8"}, true) // the lane is gone and the gate is not
		expectGate(t, d, "a", &item{id: "6"}, false)
		expectGate(t, d, "a", &item{id: "7"}, false)
		pass(0)
		d.expect(t, "calls since", &d.calls, "a: 1, b: 7, a: 1, a: 2, a: 3, a: 4, a: 5, a: 6, a: 7")
	})
}

func TestAGateWhoseItemDoesNotComeOpensAfterItsTime(t *testing.T) {
	story(t, small(10, 1000), func(t *testing.T, d *desk) {
		overfull(t, d, "a", time.Minute)
		pass(84 * time.Second)
		expectGate(t, d, "a", &item{id: "7"}, true)
		pass(time.Second)
		expectGate(t, d, "a", &item{id: "7"}, false)
	})
}

func TestAGateDoesNotOpenByItselfInTheMidstOfAWave(t *testing.T) {
	story(t, small(10, 1000), func(t *testing.T, d *desk) {
		overfull(t, d, "a", time.Minute)
		pass(85*time.Second - 1)
		expectGate(t, d, "a", &item{id: "7"}, true)
		pass(1)
		expectGate(t, d, "a", &item{id: "8"}, true) // or it would overtake 7, which comes again
		pass(2 * time.Second)
		expectGate(t, d, "a", &item{id: "7"}, false)
		expectGate(t, d, "a", &item{id: "8"}, false)
	})
}

func TestAGateOpensByItselfInTheEndWhateverComes(t *testing.T) {
	story(t, small(10, 1000), func(t *testing.T, d *desk) {
		overfull(t, d, "a", time.Minute)
		begin, refused := time.Now(), 0
		for d.tryPut(t.Context(), "a", &item{id: "7"}) != nil {
			refused++
			pass(tick)
		}
		if took := time.Since(begin); took < 89*time.Second || took > 90*time.Second {
			t.Errorf("the gate opened after %v and %d items that it refused, want 90s", took, refused)
		}
	})
}

func TestAGateMovesToAnOlderItemThatGoesBackLater(t *testing.T) {
	story(t, small(10, 1000), func(t *testing.T, d *desk) {
		overfull(t, d, "a", 140*time.Second)
		pass(time.Minute)
		d.put(t, "b", ids(2, stall)...)
		pass(0)
		d.expect(t, "returned", &d.returned, "a/6 a/4 a/5")
		expectGate(t, d, "a", &item{id: "6"}, true)
		pass(85*time.Second - 1) // its time has begun anew
		expectGate(t, d, "a", &item{id: "5"}, true)
		expectGate(t, d, "a", &item{id: "4"}, false)
		expectGate(t, d, "a", &item{id: "5"}, false)
		pass(2 * time.Hour)
	})
}

func TestBehindTheHeadOnlyItsStreamPassesUntilTheOthersAreQuiet(t *testing.T) {
	story(t, small(10, 1000), func(t *testing.T, d *desk) {
		overfull(t, d, "a", time.Second)
		pass(time.Minute)
		expectGate(t, d, "a", &item{id: "7", stream: 1}, true)
		expectGate(t, d, "a", &item{id: "6", stream: 2}, false)
		expectGate(t, d, "a", &item{id: "8", stream: 1}, true) // the old stream still had it: 7 comes again on the new one
		pass(time.Second - 1)
		expectGate(t, d, "a", &item{id: "9", stream: 1}, true)
		expectGate(t, d, "a", &item{id: "7", stream: 2}, false)
		pass(time.Second)
		expectGate(t, d, "a", &item{id: "8", stream: 1}, false) // it moved there for good
	})
}

// noRoomForTheHead closes the gate of a, and leaves no room for its head, 6, for so long: the limit is 100 bytes.
func noRoomForTheHead(t *testing.T, d *desk, long time.Duration) {
	t.Helper()
	overfull(t, d, "a", time.Second)
	pass(time.Second)
	d.put(t, "b", &item{id: "1", bytes: 100, work: long})
}

// headPasses closes the gate of a and has its head, 6, pass on stream 2.
func headPasses(t *testing.T, d *desk) {
	t.Helper()
	overfull(t, d, "a", time.Second)
	pass(time.Minute)
	expectGate(t, d, "a", &item{id: "6", stream: 2}, false)
}

func TestNothingOvertakesWhatWasRefusedBehindTheHeadAndIsLate(t *testing.T) {
	story(t, small(10, 1000), func(t *testing.T, d *desk) {
		headPasses(t, d)
		expectGate(t, d, "a", &item{id: "7", stream: 1}, true) // which the service does not learn
		pass(10 * time.Second)
		expectGate(t, d, "a", &item{id: "8", stream: 1}, true)
		expectGate(t, d, "a", &item{id: "8", stream: 2}, true)
		pass(50 * time.Second) // its lease has run out
		expectGate(t, d, "a", &item{id: "7", stream: 0}, false)
		expectGate(t, d, "a", &item{id: "8", stream: 0}, false)
		pass(time.Second)
		expectGate(t, d, "a", &item{id: "9", stream: 1}, false)
	})
}

func TestWhatWasRefusedBehindTheHeadDoesNotPassWhileItsStreamStillBringsSomething(t *testing.T) {
	story(t, small(10, 1000), func(t *testing.T, d *desk) {
		headPasses(t, d)
		expectGate(t, d, "a", &item{id: "9", stream: 1}, true)
		expectGate(t, d, "a", &item{id: "9", stream: 1}, true) // a copy, before 7 and 8
		expectGate(t, d, "a", &item{id: "7", stream: 2}, false)
		pass(quiet)
		expectGate(t, d, "a", &item{id: "9", stream: 1}, false)
	})
}

func TestWhatWasRefusedBehindTheHeadAndNeverComesIsWaitedForUntilTheGateOpens(t *testing.T) {
	story(t, small(10, 1000), func(t *testing.T, d *desk) {
		headPasses(t, d)
		expectGate(t, d, "a", &item{id: "7", stream: 1}, true)
		pass(90*time.Second - 1)
		expectGate(t, d, "a", &item{id: "8", stream: 2}, true)
		pass(1)
		expectGate(t, d, "a", &item{id: "8", stream: 2}, false)
	})
}

func TestACopyOfWhatIsDoneIsNotWaitedFor(t *testing.T) {
	story(t, small(10, 1000), func(t *testing.T, d *desk) {
		headPasses(t, d)
		expectGate(t, d, "a", &item{id: "5", stream: 1, done: true}, true)
		expectGate(t, d, "a", &item{id: "7", stream: 2}, false)
		pass(quiet)
		expectGate(t, d, "a", &item{id: "8", stream: 1}, false)
	})
}

func TestAnotherStreamIsRefusedAtOnceWhileTheHeadBlocks(t *testing.T) {
	story(t, small(10, 100), func(t *testing.T, d *desk) {
		noRoomForTheHead(t, d, time.Minute)
		sixth := d.later(t.Context(), "a", &item{id: "6", stream: 2})
		expectGate(t, d, "a", &item{id: "8", stream: 1}, true)
		pass(time.Minute)
		expectPut(t, sixth, "taken after 1m0s")
	})
}

func TestAGateOutlivesItsLane(t *testing.T) {
	story(t, small(10, 1000), func(t *testing.T, d *desk) {
		overfull(t, d, "a", time.Second)
		pass(time.Minute)
		if _, _, lanes := d.Held(); lanes != 0 {
			t.Errorf("%d lanes are left", lanes)
		}
		expectGate(t, d, "a", &item{id: "7"}, true)
		expectGate(t, d, "a", &item{id: "6"}, false)
	})
}

func TestGatesAreBoundedInNumberAndTheOldestOpens(t *testing.T) {
	few := func(c *Config[*item]) { c.MaxItems, c.MaxGates, c.MaxBytes = 1000, 3, 4 }
	story(t, few, func(t *testing.T, d *desk) {
		for i := range 5 { // each waits with more than half of the bytes
			d.put(t, fmt.Sprint(i), &item{id: "1", bytes: 3, fails: []time.Duration{time.Hour}})
			pass(time.Second)
		}
		for i := range 5 {
			expectGate(t, d, fmt.Sprint(i), &item{id: "2"}, i >= 2)
			pass(0)
		}
	})
}

func TestPutsThatBlockAreRefusedWhenTheGateClosesMeanwhile(t *testing.T) {
	story(t, small(10, 100), func(t *testing.T, d *desk) {
		d.put(t, "b", &item{id: "1", bytes: 60, work: time.Minute})
		d.put(t, "a", &item{id: "1", bytes: 20, work: time.Second, fails: []time.Duration{time.Hour}})
		d.put(t, "a", &item{id: "2", contacts: []string{"1"}, bytes: 10})
		d.put(t, "c", &item{id: "1", bytes: 5, work: time.Second, fails: []time.Duration{time.Hour}})
		large := d.later(t.Context(), "d", &item{id: "1", bytes: 70, work: time.Second})
		third := d.later(t.Context(), "a", &item{id: "3", bytes: 20})
		fourth := d.later(t.Context(), "a", &item{id: "4"})
		expectPut(t, third, "blocks") // its lane works and holds more than a quarter
		pass(time.Second)
		d.expect(t, "returned", &d.returned, "a/2") // for the large one
		expectPut(t, third, ErrGate.Error()+" after 1s")
		expectPut(t, fourth, ErrGate.Error()+" after 1s")
		expectPut(t, large, "blocks")
		pass(2 * time.Hour)
	})
}

func TestItemsBehindTheOneThatOpensTheGateComeInBehindIt(t *testing.T) {
	story(t, small(10, 100), func(t *testing.T, d *desk) {
		noRoomForTheHead(t, d, time.Second)
		sixth := d.later(t.Context(), "a", &item{id: "6"})
		seventh := d.later(t.Context(), "a", &item{id: "7"})
		expectPut(t, seventh, "blocks")
		pass(time.Second)
		expectPut(t, sixth, "taken after 1s")
		expectPut(t, seventh, "taken after 1s")
		d.expect(t, "calls", &d.calls, "a: 1, a: 1, a: 2, a: 3, a: 4, a: 5, b: 1, a: 6, a: 7")
	})
}

func TestItemsBehindTheOneThatOpensTheGateAreRefusedWhenItGivesUp(t *testing.T) {
	story(t, small(10, 100), func(t *testing.T, d *desk) {
		noRoomForTheHead(t, d, time.Minute)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		sixth := d.later(ctx, "a", &item{id: "6"})
		seventh := d.later(t.Context(), "a", &item{id: "7"})
		pass(time.Second)
		expectPut(t, sixth, "context deadline exceeded after 1s")
		expectPut(t, seventh, ErrGate.Error()+" after 1s")
		pass(time.Minute)
	})
}

// TestWhatWasRefusedDoesNotComeInBeforeAHeadThatStandsAtTheDoor: the head gives up, and what stands behind it would be let in
// before it comes again.
func TestWhatWasRefusedDoesNotComeInBeforeAHeadThatStandsAtTheDoor(t *testing.T) {
	story(t, small(10, 100), func(t *testing.T, d *desk) {
		noRoomForTheHead(t, d, time.Minute)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		sixth := d.later(ctx, "a", &item{id: "6", stream: 2})
		expectGate(t, d, "a", &item{id: "7", stream: 1}, true)
		expectGate(t, d, "a", &item{id: "7", stream: 2}, true)
		pass(time.Minute)
		expectPut(t, sixth, "context deadline exceeded after 1s")
		expectGate(t, d, "a", &item{id: "7", stream: 2}, true)
		expectGate(t, d, "a", &item{id: "6", stream: 2}, false)
		expectGate(t, d, "a", &item{id: "7", stream: 2}, false)
	})
}

func TestWhatStandsAtTheDoorDoesNotOvertakeWhatIsRefusedMeanwhile(t *testing.T) {
	story(t, small(10, 100), func(t *testing.T, d *desk) {
		noRoomForTheHead(t, d, time.Minute)
		sixth := d.later(t.Context(), "a", &item{id: "6", stream: 2})
		ninth := d.later(t.Context(), "a", &item{id: "9", stream: 2})
		expectGate(t, d, "a", &item{id: "7", stream: 1}, true)
		expectGate(t, d, "a", &item{id: "7", stream: 2}, true)
		pass(time.Minute)
		expectPut(t, sixth, "taken after 1m0s")
		expectPut(t, ninth, ErrGate.Error()+" after 1m0s")
		expectGate(t, d, "a", &item{id: "7", stream: 2}, false)
		expectGate(t, d, "a", &item{id: "9", stream: 2}, false)
	})
}
