package ordering

import (
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"
)

func TestALaneIsGoneWhenItIsEmptyAndKeysThatAreDoneLeaveNothing(t *testing.T) {
	fates := map[string]Fate{"finished": {Finished: true}, "returned": {Again: time.Now().Add(time.Hour)}}
	for name, fate := range fates {
		l := New(Config[int]{
			MaxItems: 1, MaxBytes: 10, MaxCalls: 2, GateTimeout: time.Minute, MaxGates: 10,
			Contacts: func(int) []string { return []string{"c"} },
			Group:    func(int) string { return "g" },
			Take:     func(string, int, int) int { return 200 },
			Handle:   func(string, []int) []Fate { return []Fate{fate} },
			Release:  func(string, int) {},
			Return:   func(string, int) {}, // at once: half of one item is none
		})
		before := heapInUse()
		for i := range 50_000 {
			if err := l.Put(t.Context(), Arrival[int]{Key: fmt.Sprint("key ", i), ID: "1", Bytes: 1, Item: i}); err != nil {
				t.Fatal(err)
			}
		}
		for lanes := 1; lanes > 0; _, _, lanes = l.Held() {
			runtime.Gosched()
		}
		audit(t, l)
		if grown := heapInUse() - before; grown > 100_000 {
			t.Errorf("keys that were %s leave %d bytes", name, grown)
		}
		l.Stop()
	}
}

// heapInUse measures the memory that is reachable.
func heapInUse() int {
	runtime.GC()
	runtime.GC() // what finalizers held
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

func TestAnItemCostsLittleMemoryBesidesItself(t *testing.T) {
	const n = 20_000
	for _, c := range []struct {
		shape    string
		lane     func(i int) string
		contacts func(i int) string
		limit    int
	}{
		{"one lane, a contact each", func(int) string { return "a" }, func(i int) string { return contactName(i) }, 500},
		{"one lane, one contact", func(int) string { return "a" }, func(int) string { return contactName(0) }, 500},
		{"a lane each", contactName, contactName, 1500},
	} {
		names := make([]string, n) // belong to the items
		for i := range names {
			names[i] = contactName(i)
		}
		before := heapInUse()
		l := New(Config[int]{
			MaxItems: 4 * n, MaxBytes: 4 * n, MaxCalls: 1, GateTimeout: time.Minute, MaxGates: 10,
			Contacts: func(i int) []string { return []string{c.contacts(i)} },
			Group:    func(int) string { return "g" },
			Return:   func(string, int) {},
		})
		l.Pause()
		for i := range n {
			if err := l.Put(t.Context(), Arrival[int]{Key: c.lane(i), ID: names[i], Bytes: 1, Item: i}); err != nil {
				t.Fatal(err)
			}
		}
		each := (heapInUse() - before) / n
		t.Logf("%s: %d bytes an item", c.shape, each)
		if each > c.limit {
			t.Errorf("%s: %d bytes an item, limit %d", c.shape, each, c.limit)
		}
		runtime.KeepAlive(names)
		l.Stop()
	}
}

func contactName(i int) string { return fmt.Sprint("people/c", 1_000_000+i) }

func TestATimerThatComesTooLateDoesNothing(t *testing.T) {
	story(t, nil, func(t *testing.T, d *desk) {
		d.put(t, "a", &item{id: "1", fails: []time.Duration{time.Second}})
		pass(0)
		d.Lanes.mu.Lock()
		old := d.lanes["a"]
		d.Lanes.mu.Unlock()
		pass(time.Second)
		d.put(t, "a", &item{id: "2", work: time.Minute}) // a new lane
		d.wake(old)                                      // as if it had waited for the lock since its time came
		d.put(t, "a", &item{id: "3"})
		pass(time.Hour)
		d.expect(t, "done", &d.done, "a/1 a/2 a/3")
	})
}

func TestASnapshotShowsTheLanesThatAreStuckLongest(t *testing.T) {
	story(t, nil, func(t *testing.T, d *desk) {
		begin := time.Now()
		d.put(t, "old", &item{id: "1", fails: []time.Duration{time.Hour}}, &item{id: "2"})
		pass(time.Second)
		d.put(t, "works", &item{id: "1", work: time.Hour})
		pass(time.Second)
		d.put(t, "quota", &item{id: "1", work: tick, lane: time.Hour}, &item{id: "2"})
		pass(time.Second)
		d.put(t, "new", &item{id: "1", fails: []time.Duration{time.Hour}})
		pass(time.Second)

		s := d.Snapshot(3)
		want := []Stuck{
			{Key: "old", ID: "1", Items: 2, Since: begin, Until: begin.Add(time.Hour), Why: "fails"},
			{Key: "works", ID: "1", Items: 1, Since: begin.Add(time.Second)},
			{Key: "quota", ID: "2", Items: 1, Since: begin.Add(2*time.Second + tick), Until: begin.Add(2*time.Second + tick + time.Hour), Why: "lane"},
		}
		if s.Working != 1 || s.Waiting != 3 || s.Gates != 0 || !slices.Equal(s.Stuck, want) {
			t.Errorf("Snapshot = %+v, want %+v", s, want)
		}
		if s := d.Snapshot(0); s.Working != 1 || s.Waiting != 3 || len(s.Stuck) != 0 {
			t.Errorf("Snapshot(0) = %+v", s)
		}
		pass(2 * time.Hour)
		if s := d.Snapshot(10); s.Working != 0 || s.Waiting != 0 || len(s.Stuck) != 0 {
			t.Errorf("Snapshot of empty lanes = %+v", s)
		}
	})
}

func TestWhatOfAContactIsUnfinishedIsToldNewestFirst(t *testing.T) {
	story(t, nil, func(t *testing.T, d *desk) {
		d.put(t, "a", ids(5, func(i int, it *item) {
			it.contacts, it.work = []string{[]string{"c", "d"}[i%2]}, tick
		})...)
		pass(tick + tick/2) // the first of c is finished, the second item runs
		for some, want := range []string{"5", "5", "53"} {
			got := ""
			d.Unfinished("a", "c", func(it *item) bool { got += it.id; return len(got) < some })
			if got != want {
				t.Errorf("asked for %d: %q, want %q", some, got, want)
			}
		}
		d.Unfinished("a", "x", func(*item) bool { t.Error("nobody touches x"); return true })
		d.Unfinished("b", "c", func(*item) bool { t.Error("there is no lane b"); return true })
		pass(time.Second)
	})
}
