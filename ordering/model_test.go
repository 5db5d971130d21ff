package ordering

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

var (
	seeds   = flag.Int("seeds", 2000, "how many seeds the model test runs")
	oneSeed = flag.Int("seed", -1, "the only seed that the model test runs")
)

// TestWhateverHappensEveryItemIsDoneInOrder drives the lanes from a small model of the service, with random arrivals,
// contacts, groups, failures, waits, pauses, losses and stops, and budgets small enough to be hit.
func TestWhateverHappensEveryItemIsDoneInOrder(t *testing.T) {
	first, n := 0, *seeds
	if *oneSeed >= 0 {
		first, n = *oneSeed, 1
	}
	var sum tallies
	for seed := first; seed < first+n && !t.Failed(); seed++ {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, uint64(seed))
			w.run()
			sum.add(w.tallies)
		})
		if t.Failed() {
			t.Logf("seed %d failed; run again with: go test ./ordering -run %s -seed %d", seed, t.Name(), seed)
		}
	}
	t.Logf("%d seeds: %+v", n, sum)
}

// tallies count what a run has brought about: the model test is worth as much as these.
type tallies struct {
	Calls, Together, Failed, Blocked, Returned, Finished, Refused, Stops, Pauses int
}

func (a *tallies) add(b tallies) {
	a.Calls += b.Calls
	a.Together += b.Together
	a.Failed += b.Failed
	a.Blocked += b.Blocked
	a.Returned += b.Returned
	a.Finished += b.Finished
	a.Refused += b.Refused
	a.Stops += b.Stops
	a.Pauses += b.Pauses
}

// world is one run: a service, lanes, and between them a worker as the lanes' contract describes it.
type world struct {
	t       *testing.T
	seed    uint64
	rng     *rand.Rand // for the main goroutine
	service *service
	keys    []string
	order   map[string][]*message // by key and contact, as published

	mu       sync.Mutex // guards the fields below
	lanes    *Lanes[*message]
	config   Config[*message]
	calm     bool                    // no call fails any more
	applied  map[string]int          // by key and contact, how many of order were applied
	settled  map[string]bool         // by ID: it was applied
	held     map[string]bool         // by ID: it is on its way through the lanes
	inLane   map[string][]*standing  // by key, by arrival
	gate     map[string]shut         // by key
	ajar     map[string]ajar         // by key
	came     map[string][2]time.Time // by key and stream, when something came last
	running  map[string]int          // handlers by key
	allowed  map[string]int          // by key, what Take answered last
	stopping bool                    // Stop may have been called
	tallies  tallies
}

// standing is an item that Put took or is about to take.
type standing struct {
	*message
	stream            int
	done              bool // it was applied before
	taken             bool // Put has answered so
	running, returned bool
}

// shut is what the world knows of a gate that must have closed.
type shut struct {
	head  string
	until time.Time // it cannot have opened by itself before
	count int       // how many returns there were before: tells it from one that closed earlier
}

// ajar is what the world knows of a gate whose head has come.
type ajar struct {
	stream int
	since  time.Time // the head stood at the door
	until  time.Time // it lets everything pass from then on, or before
}

// refuses reports whether the gate may still refuse what comes on a stream: on that of the head only if something has come
// on the other, which may be missing then.
func (a ajar) refuses(stream int, came [2]time.Time) bool {
	return !time.Now().After(a.until) && (stream != a.stream || !came[1-a.stream].Before(a.since))
}

func newWorld(t *testing.T, seed uint64) *world {
	rng := dice(seed, "world")
	w := &world{
		t: t, seed: seed, rng: rng,
		order: map[string][]*message{}, applied: map[string]int{}, settled: map[string]bool{},
	}
	for i := range 1 + rng.IntN(5) {
		w.keys = append(w.keys, fmt.Sprint("k", i))
	}
	w.service = newService(seed, []int{1, 3, 10, 1000}[rng.IntN(4)], w.keys)
	w.config = Config[*message]{
		MaxItems:    []int{1, 2, 4, 8, 20, 60, 200, 200}[rng.IntN(8)],
		MaxBytes:    []int{1, 5, 20, 100, 1000, 1000}[rng.IntN(6)],
		MaxCalls:    1 + rng.IntN(4),
		GateTimeout: 90 * time.Second,
		MaxGates:    len(w.keys),
		Contacts:    func(m *message) []string { return m.contacts },
		Group:       w.group,
		Take:        w.take,
		Handle:      w.handle,
		Release:     w.release,
		Return:      w.giveBack,
	}
	return w
}

// errorf reports what is wrong, with the seed.
func (w *world) errorf(format string, args ...any) {
	w.t.Helper()
	w.t.Errorf("seed %d: %s", w.seed, fmt.Sprintf(format, args...))
}

// run publishes while everything goes wrong, lets it calm down, and sees whether all ends well.
func (w *world) run() {
	quit := w.open()
	for round := range 1 + w.rng.IntN(2) {
		published := make(chan struct{})
		go func() { defer close(published); w.publish(round) }()
		w.disturb()
		<-published
		if w.rng.IntN(2) == 0 {
			w.close(quit)
			w.service.reconnect()
			quit = w.open()
			w.tallies.Stops++
		}
	}
	w.service.calmDown()
	w.mu.Lock()
	w.calm = true
	w.mu.Unlock()
	for deadline := time.Now().Add(6 * time.Hour); !w.service.settled() && time.Now().Before(deadline); {
		time.Sleep(5 * time.Second)
		w.audit()
	}
	synctest.Wait()
	w.audit()
	if !w.service.settled() {
		w.errorf("not everything was done six hours after the last fault")
	}
	for id, messages := range w.order {
		if w.applied[id] != len(messages) {
			w.errorf("contact %s: %d of %d applied", id, w.applied[id], len(messages))
		}
	}
	if w.rng.IntN(2) == 0 { // else what is left is seen before a stop
		time.Sleep(10 * time.Minute)
		if items, bytes, lanes := w.lanes.Held(); items+bytes+lanes != 0 {
			w.errorf("still held: %d items, %d bytes, %d lanes", items, bytes, lanes)
		}
	}
	w.close(quit)
}

// open starts a worker: lanes, and a goroutine for each key and stream, since the client hands the messages of a key on
// a stream over one after the other.
func (w *world) open() (quit func()) {
	w.lanes = New(w.config)
	w.held, w.inLane, w.gate = map[string]bool{}, map[string][]*standing{}, map[string]shut{}
	w.ajar = map[string]ajar{}
	w.came = map[string][2]time.Time{}
	w.running, w.allowed, w.stopping = map[string]int{}, map[string]int{}, false
	ctx, cancel := context.WithCancel(context.Background())
	var feeding sync.WaitGroup
	for _, key := range w.keys {
		for stream := range 2 {
			feeding.Go(func() {
				for n := 0; ; n++ {
					m, ok := w.service.take(ctx.Done(), key, stream)
					if !ok {
						return
					}
					w.dawdle(key, stream, n)
					w.receive(ctx, m, stream)
				}
			})
		}
	}
	return func() { cancel(); feeding.Wait() }
}

// dawdle lets a while pass before a delivery is handed over. No two streams do so at the same instant: what comes first
// is not left to chance.
func (w *world) dawdle(key string, stream, n int) {
	const apart = time.Millisecond / 2
	whole := time.Now().Truncate(time.Millisecond).Add(time.Duration(stream) * apart)
	while := time.Duration(1+dice(w.seed, "hand", key, stream, n).IntN(20)) * time.Millisecond
	time.Sleep(time.Until(whole.Add(while)))
}

// close stops a worker, with its lanes or its deliveries first, and sees that nothing is left in it.
func (w *world) close(quit func()) {
	w.mu.Lock()
	w.stopping = true
	w.mu.Unlock()
	if w.rng.IntN(2) == 0 {
		quit()
	}
	w.lanes.Stop()
	quit()
	w.lanes.mu.Lock()
	defer w.lanes.mu.Unlock()
	w.mu.Lock()
	defer w.mu.Unlock()
	l := w.lanes
	if l.budget.held != (load{}) || len(l.lanes)+l.running+l.ready.len()+len(l.doors)+l.line.len() != 0 {
		w.errorf("stopped lanes hold %+v, %d lanes, %d handlers, %d doors", l.budget.held, len(l.lanes), l.running, len(l.doors))
	}
	for key, list := range w.inLane {
		if list = slices.DeleteFunc(list, func(s *standing) bool { return s.returned }); len(list) > 0 {
			w.errorf("key %s: %s was neither released nor returned", key, list[0].id)
		}
	}
}

func (w *world) publish(round int) {
	rng := dice(w.seed, "publish", round)
	contacts := 1 + rng.IntN(20)
	for i := range 20 + rng.IntN(60) {
		key := w.keys[rng.IntN(len(w.keys))]
		if rng.IntN(3) > 0 {
			key = w.keys[0] // a hot one
		}
		m := &message{key: key, group: []string{"", "g", "g", "g", "h"}[rng.IntN(5)], bytes: rng.IntN(4)}
		m.id = fmt.Sprint(key, "-", round, "-", i)
		if rng.IntN(20) == 0 {
			m.bytes = rng.IntN(w.config.MaxBytes*3/2 + 1)
		}
		for range []int{0, 1, 1, 1, 1, 2, 5}[rng.IntN(7)] {
			m.contacts = append(m.contacts, fmt.Sprint("c", rng.IntN(contacts)))
		}
		w.mu.Lock()
		for _, c := range unique(m.contacts) {
			w.order[key+"/"+c] = append(w.order[key+"/"+c], m)
		}
		w.mu.Unlock()
		w.service.publish(m)
		if rng.IntN(4) == 0 {
			time.Sleep(time.Duration(rng.IntN(3000)) * time.Millisecond)
		}
	}
}

func unique(names []string) []string {
	names = slices.Clone(names)
	slices.Sort(names)
	return slices.Compact(names)
}

// disturb pauses and audits for a while.
func (w *world) disturb() {
	for range w.rng.IntN(40) {
		time.Sleep(time.Duration(w.rng.IntN(4000)) * time.Millisecond)
		w.audit()
		switch w.rng.IntN(12) {
		case 0:
			w.lanes.Pause()
			w.tallies.Pauses++
			w.audit()
		case 1, 2, 3:
			w.lanes.Resume()
			w.audit()
		case 4:
			w.lanes.Limit(w.rng.IntN(5))
			w.audit()
		}
	}
	w.lanes.Limit(5)
	w.lanes.Resume()
	w.audit()
}

// audit holds the bookkeeping of the lanes to what they hold.
func (w *world) audit() {
	if !w.t.Failed() { // once is enough
		audit(w.t, w.lanes)
	}
}
