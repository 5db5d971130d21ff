package ordering

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// item is what the tests put: where it stands in its key, and how often it wants to be handed over again.
type item struct {
	key     string
	seq     int
	retries int
	work    time.Duration
	pause   time.Duration
}

// desk is a handler that keeps a record of what happened to every item.
type desk struct {
	mu       sync.Mutex
	done     map[string][]int // by key, in order of finishing
	returned map[string][]int
	at       map[string]time.Duration // when "key/seq" was finished
	start    time.Time
	inKey    map[string]int
	running  int
	peak     int
	overlaps int
}

func newDesk() *desk {
	return &desk{done: map[string][]int{}, returned: map[string][]int{}, at: map[string]time.Duration{}, inKey: map[string]int{}, start: time.Now()}
}

func (d *desk) lanes(items, bytes, calls int) *Lanes[*item] {
	return New(Config[*item]{MaxItems: items, MaxBytes: bytes, MaxCalls: calls, Handle: d.handle, Return: d.giveBack})
}

func (d *desk) handle(key string, it *item) time.Time {
	d.mu.Lock()
	d.inKey[key]++
	d.running++
	d.peak = max(d.peak, d.running)
	if d.inKey[key] > 1 {
		d.overlaps++
	}
	d.mu.Unlock()

	time.Sleep(it.work)

	d.mu.Lock()
	defer d.mu.Unlock()
	d.inKey[key]--
	d.running--
	if it.retries > 0 {
		it.retries--
		return time.Now().Add(it.pause)
	}
	d.done[key] = append(d.done[key], it.seq)
	d.at[fmt.Sprintf("%s/%d", key, it.seq)] = time.Since(d.start)
	return time.Time{}
}

func (d *desk) giveBack(key string, it *item) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.returned[key] = append(d.returned[key], it.seq)
}

// finished and givenBack read the record of a key, with the lock that the handlers write it under.
func (d *desk) finished(key string) []int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.done[key])
}

func (d *desk) givenBack(key string) []int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.returned[key])
}

// sums reads how many handlers ever ran at once, how often two ran in one key, and how many keys have finished items.
func (d *desk) sums() (peak, overlaps, keys int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.peak, d.overlaps, len(d.done)
}

func put(t *testing.T, l *Lanes[*item], it *item) {
	t.Helper()
	if err := l.Put(t.Context(), it.key, 1, it); err != nil {
		t.Fatalf("Put(%s/%d) = %v", it.key, it.seq, err)
	}
}

func TestItemsOfAKeyAreHandledOneAtATimeAndInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		l := d.lanes(1000, 1000, 8)
		for i := range 20 {
			put(t, l, &item{key: "a", seq: i, work: time.Duration(20-i) * time.Millisecond})
		}
		time.Sleep(time.Second)
		synctest.Wait()
		want := make([]int, 20)
		for i := range want {
			want[i] = i
		}
		if _, overlaps, _ := d.sums(); !slices.Equal(d.finished("a"), want) || overlaps != 0 {
			t.Errorf("handled %v with %d overlaps, want 0..19 with none", d.finished("a"), overlaps)
		}
	})
}

func TestDifferentKeysAreWorkedOnSideBySideUpToTheLimitOfCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		l := d.lanes(1000, 1000, 4)
		for i := range 12 {
			put(t, l, &item{key: fmt.Sprint(i), work: 100 * time.Millisecond})
		}
		synctest.Wait()
		if peak, _, _ := d.sums(); peak != 4 {
			t.Errorf("%d handlers at once, want 4", peak)
		}
		time.Sleep(301 * time.Millisecond)
		synctest.Wait()
		if _, _, got := d.sums(); got != 12 {
			t.Errorf("%d of 12 keys done after three rounds of four", got)
		}
	})
}

func TestAWaitingLaneTakesNoCallAndHoldsUpNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		l := d.lanes(1000, 1000, 1)
		put(t, l, &item{key: "waits", seq: 0, retries: 1, pause: time.Minute, work: time.Millisecond})
		put(t, l, &item{key: "waits", seq: 1, work: time.Millisecond})
		for i := range 10 {
			put(t, l, &item{key: "other", seq: i, work: time.Millisecond})
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if len(d.finished("other")) != 10 || len(d.finished("waits")) != 0 {
			t.Fatalf("after a second: other %v, waits %v; want ten and none", d.finished("other"), d.finished("waits"))
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if want := []int{0, 1}; !slices.Equal(d.finished("waits"), want) {
			t.Errorf("the waiting lane handled %v, want %v", d.finished("waits"), want)
		}
	})
}

func TestALongLaneTakesTurnsWithTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		l := d.lanes(10_000, 10_000, 1)
		for i := range 1000 {
			put(t, l, &item{key: "hot", seq: i, work: 10 * time.Millisecond})
		}
		put(t, l, &item{key: "lone", work: 10 * time.Millisecond})
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := d.at["lone/0"]; got > 50*time.Millisecond {
			t.Errorf("the lone item was done after %v, behind the hot lane", got)
		}
	})
}

func TestPutBlocksUntilThereIsRoom(t *testing.T) {
	for _, limits := range []struct{ items, bytes int }{{3, 1000}, {1000, 3}} {
		synctest.Test(t, func(t *testing.T) {
			d := newDesk()
			l := d.lanes(limits.items, limits.bytes, 1)
			for i := range 3 {
				put(t, l, &item{key: "a", seq: i, work: 100 * time.Millisecond})
			}
			before := time.Now()
			put(t, l, &item{key: "b"})
			if got := time.Since(before); got != 100*time.Millisecond {
				t.Errorf("limits %v: the fourth Put took %v, want 100ms", limits, got)
			}
			time.Sleep(time.Second)
			synctest.Wait()
		})
	}
}

func TestPutGivesUpWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		l := d.lanes(1, 10, 1)
		put(t, l, &item{key: "a", work: time.Minute})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := l.Put(ctx, "b", 1, &item{key: "b"}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Put = %v, want deadline exceeded", err)
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		put(t, l, &item{key: "c"}) // the room is whole again
		synctest.Wait()
		if len(d.finished("b")) != 0 || len(d.finished("c")) != 1 {
			t.Errorf("done %v, want a and c", d.done)
		}
	})
}

func TestAnItemLargerThanAllTheRoomComesInAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		l := d.lanes(10, 100, 2)
		if err := l.Put(t.Context(), "big", 5000, &item{key: "big", work: time.Second}); err != nil {
			t.Fatal(err)
		}
		before := time.Now()
		put(t, l, &item{key: "small"})
		if got := time.Since(before); got != time.Second {
			t.Errorf("the small one came in after %v, want 1s", got)
		}
		synctest.Wait()
	})
}

func TestStopReturnsAtOnceWhatNoHandlerWorksOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		l := d.lanes(1000, 1000, 2)
		put(t, l, &item{key: "waiting", seq: 0, retries: 1, pause: time.Hour})
		put(t, l, &item{key: "waiting", seq: 1})
		synctest.Wait()
		for i := range 3 {
			put(t, l, &item{key: "running", seq: i, work: 5 * time.Second})
		}
		put(t, l, &item{key: "failing", seq: 0, retries: 1, pause: time.Second, work: 5 * time.Second})
		put(t, l, &item{key: "failing", seq: 1})
		put(t, l, &item{key: "queued", seq: 0})
		synctest.Wait()

		stopped := make(chan time.Duration, 1)
		begin := time.Now()
		go func() { l.Stop(); stopped <- time.Since(begin) }()
		synctest.Wait()
		for key, want := range map[string][]int{"waiting": {0, 1}, "running": {1, 2}, "failing": {1}, "queued": {0}} {
			if !slices.Equal(d.givenBack(key), want) {
				t.Errorf("%s: returned at once %v, want %v", key, d.givenBack(key), want)
			}
		}
		if took := <-stopped; took != 5*time.Second {
			t.Errorf("Stop took %v, want the 5s of the running call", took)
		}
		if !slices.Equal(d.finished("running"), []int{0}) || !slices.Equal(d.givenBack("failing"), []int{1, 0}) {
			t.Errorf("running finished %v, failing returned %v; want [0] and [1 0]", d.finished("running"), d.givenBack("failing"))
		}
		if err := l.Put(t.Context(), "late", 1, &item{}); !errors.Is(err, ErrStopped) {
			t.Errorf("Put after Stop = %v, want ErrStopped", err)
		}
		if items, lanes := l.Held(); items != 0 || lanes != 0 {
			t.Errorf("still held: %d items in %d lanes", items, lanes)
		}
	})
}

func TestALaneIsGoneWhenItIsEmpty(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		l := d.lanes(1000, 1000, 8)
		for i := range 500 {
			put(t, l, &item{key: fmt.Sprint(i)})
		}
		synctest.Wait()
		if items, lanes := l.Held(); items != 0 || lanes != 0 {
			t.Errorf("%d items and %d lanes are left", items, lanes)
		}
	})
}

// TestRandomItemsAreEachFinishedOrReturnedOnce runs random arrivals, retries and a stop against the invariants
// of the package comment.
func TestRandomItemsAreEachFinishedOrReturnedOnce(t *testing.T) {
	for seed := range uint64(300) {
		synctest.Test(t, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 1))
			d := newDesk()
			maxItems, maxCalls := 1+rng.IntN(20), 1+rng.IntN(4)
			stopAfter := time.Duration(rng.IntN(400)) * time.Millisecond
			l := d.lanes(maxItems, 1+rng.IntN(40), maxCalls)
			ctx, cancel := context.WithCancel(t.Context())
			put := map[string]int{}
			feeding := make(chan struct{})
			go func() {
				defer close(feeding)
				for range 100 {
					it := &item{key: fmt.Sprint(rng.IntN(5)), work: time.Duration(rng.IntN(5)) * time.Millisecond}
					if rng.IntN(4) == 0 {
						it.retries, it.pause = 1+rng.IntN(2), time.Duration(rng.IntN(20))*time.Millisecond
					}
					it.seq = put[it.key]
					if l.Put(ctx, it.key, 1+rng.IntN(5), it) != nil {
						return
					}
					put[it.key]++
					if items, _ := l.Held(); items > maxItems {
						t.Errorf("seed %d: %d items held, limit %d", seed, items, maxItems)
					}
				}
			}()
			time.Sleep(stopAfter)
			cancel()
			l.Stop()
			<-feeding
			if peak, overlaps, _ := d.sums(); overlaps != 0 || peak > maxCalls {
				t.Errorf("seed %d: %d overlaps in a key, %d calls at once of %d", seed, overlaps, peak, maxCalls)
			}
			for key, n := range put {
				if !slices.IsSorted(d.finished(key)) {
					t.Errorf("seed %d: key %s was handled in the order %v", seed, key, d.finished(key))
				}
				all := slices.Concat(d.finished(key), d.givenBack(key))
				slices.Sort(all)
				if len(slices.Compact(slices.Clone(all))) != n || len(all) != n {
					t.Errorf("seed %d: key %s: %d put, done %v, returned %v", seed, key, n, d.finished(key), d.givenBack(key))
				}
			}
		})
	}
}
