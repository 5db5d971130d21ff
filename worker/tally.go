package worker

import (
	"maps"
	"sync"
	"time"

	"github.com/contactrelay/contactrelay/deadletter"
)

// Tally is what a worker has counted since it started. Deliveries equals the sum of Settled once nothing is held.
type Tally struct {
	Deliveries int
	Settled    map[Ending]int
	Calls      map[Call]int
	// Seconds is how long calls took, by method; Sizes how many contacts the batch calls had; Ages how many seconds lay
	// between the publishing and the acknowledgement of a message, duplicates left out.
	Seconds map[string]Histogram
	Sizes   Histogram
	Ages    Histogram
	// Retries is how often a message was tried and is tried again, by cause.
	Retries map[string]int
	Letters map[deadletter.Reason]int // confirmed dead letters; a message can leave several
	// Conflicts is how refused or outdated etags were resolved: chain, done, superseded, merged, stale_read, conflict, gone.
	Conflicts map[string]int
	// Outcomes is what became of the events for the outcome topic: published, retried (each publication that failed and is
	// tried again), dropped.
	Outcomes map[string]int
	// Inversions is how often publish times ran against the order of delivery.
	Inversions int
	// Paused is why nothing but probes is done now; empty if there is no such reason. Pauses is how often there was.
	Paused string
	Pauses map[string]int
	// Rate is the calls a second that the project's quota allows, as far as it was found out; 0 if nothing was refused.
	Rate float64
	// HeldMessages and HeldBytes are held now, in so many lanes that work and that can do nothing before some time has
	// passed. Closed is the users of whom what comes is returned, because something before it was.
	HeldMessages, HeldBytes  int
	Working, Waiting, Closed int
	// OrderViolations is how often a change ended after a later one of its contact; it must stay 0.
	OrderViolations int
}

// Ending is what deliveries are counted by.
type Ending struct {
	Type    string
	Outcome Outcome
	Reason  deadletter.Reason
}

// Call is what calls of the People API are counted by.
type Call struct {
	Type   string // of the message the call was made for
	Method string // the API method's name
	Code   string // the HTTP status, or "network" when no answer came
}

// Tally returns the counts up to now.
func (w *Worker) Tally() Tally {
	t, allowed := &w.tally, w.rate.now()
	paused, pauses := w.breaker.state()
	now := Tally{Paused: paused, Pauses: pauses, Rate: allowed}
	if lanes := w.lanes.Load(); lanes != nil { // they call the tally while they are locked, so it is not locked yet
		now.HeldMessages, now.HeldBytes, _ = lanes.Held()
		s := lanes.Snapshot(0)
		now.Working, now.Waiting, now.Closed = s.Working, s.Waiting, s.Gates
	}
	w.mu.Lock() // nothing is read under it: a probe asks for the counts to learn whether the locks of all work can be had
	defer w.mu.Unlock()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.copyTo(&now)
	return now
}

// copyTo copies the counts. Callers hold mu.
func (t *tally) copyTo(to *Tally) {
	to.Deliveries, to.Settled, to.Calls, to.Letters = t.deliveries, maps.Clone(t.endings), maps.Clone(t.calls), maps.Clone(t.letters)
	to.Conflicts, to.Outcomes, to.Retries = maps.Clone(t.conflicts), maps.Clone(t.outcomes), maps.Clone(t.retries)
	to.Inversions, to.OrderViolations = t.inversions, t.violations
	to.Sizes, to.Ages, to.Seconds = t.sizes.clone(), t.ages.clone(), make(map[string]Histogram, len(t.seconds))
	for method, h := range t.seconds {
		to.Seconds[method] = h.clone()
	}
}

// tally is the counters of a worker. The zero value is ready; safe for concurrent use.
type tally struct {
	mu         sync.Mutex // guards the fields below
	deliveries int
	endings    map[Ending]int
	calls      map[Call]int
	letters    map[deadletter.Reason]int
	conflicts  map[string]int
	outcomes   map[string]int
	retries    map[string]int
	seconds    map[string]*Histogram
	sizes      Histogram
	ages       Histogram
	inversions int
	violations int
}

func (t *tally) received() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.deliveries++
}

func (t *tally) settled(s Settlement) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.endings == nil {
		t.endings = map[Ending]int{}
	}
	t.endings[Ending{s.Type, s.Outcome, s.Reason}]++
}

func (t *tally) called(c Call, d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.took(c.Method, d)
	if t.calls == nil {
		t.calls = map[Call]int{}
	}
	t.calls[c]++
}

func (t *tally) parked(r deadletter.Reason) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.letters == nil {
		t.letters = map[deadletter.Reason]int{}
	}
	t.letters[r]++
}

func (t *tally) violated() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.violations++
}

func (t *tally) retried(cause string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.retries == nil {
		t.retries = map[string]int{}
	}
	t.retries[cause]++
}

func (t *tally) resolved(how string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.conflicts == nil {
		t.conflicts = map[string]int{}
	}
	t.conflicts[how]++
}

func (t *tally) announced(how string, n int) {
	if n == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.outcomes == nil {
		t.outcomes = map[string]int{}
	}
	t.outcomes[how] += n
}

func (t *tally) inverted() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.inversions++
}
