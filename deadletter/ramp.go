package deadletter

import (
	"slices"
	"sync"
)

// Ramp is a replay in steps that grow: 1, 5, 25, 125 … letters. After each step one waits for what comes back.
type Ramp struct {
	// MaxFailures is how many letters may come back with the reason that they had before.
	MaxFailures int

	mu      sync.Mutex          // guards the fields below
	sent    map[origin][]*Entry // and not come back
	open    int
	came    int
	same    int
	changed chan struct{} // closed and made anew when a letter comes back
}

// origin is what a letter and the one that its replay leaves have in common.
type origin struct {
	user, message string
	replays       int // of the later one
}

// NewRamp returns a ramp that begins.
func NewRamp(maxFailures int) *Ramp {
	return &Ramp{MaxFailures: maxFailures, sent: map[origin][]*Entry{}, changed: make(chan struct{})}
}

// Steps are the sizes of the steps for so many letters.
func Steps(letters int) (sizes []int) {
	for size := 1; letters > 0; size *= 5 {
		sizes = append(sizes, min(size, letters))
		letters -= size
	}
	return sizes
}

// Sent notes that an entry is being replayed. Safe for concurrent use, as all methods.
func (r *Ramp) Sent(e *Entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	from := origin{e.Original.OrderingKey, e.Original.MessageID, e.Replays + 1}
	r.sent[from] = append(r.sent[from], e)
	r.open++
}

// Arrived takes a letter that has come since the ramp began, and reports whether it is what a replay of it left.
func (r *Ramp) Arrived(e *Entry) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	from := origin{e.Original.OrderingKey, e.Original.MessageID, e.Replays}
	for i, before := range r.sent[from] {
		if !before.shares(e) {
			continue
		}
		r.sent[from] = append(r.sent[from][:i:i], r.sent[from][i+1:]...)
		r.open--
		r.came++
		if before.Reason == e.Reason {
			r.same++
		}
		close(r.changed)
		r.changed = make(chan struct{})
		return true
	}
	return false
}

// shares reports whether two letters of one message are about the same: those of a batch message are about different
// contacts.
func (e *Entry) shares(other *Entry) bool {
	if len(e.Contacts) == 0 || len(other.Contacts) == 0 {
		return true
	}
	return slices.ContainsFunc(other.Contacts, e.concerns)
}

// State tells how many replayed letters have not come back, how many have, and how many of those with the same reason.
// changed is closed when another one comes.
func (r *Ramp) State() (open, came, same int, changed <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.open, r.came, r.same, r.changed
}

// Failed reports whether more came back with the same reason than may.
func (r *Ramp) Failed() bool {
	_, _, same, _ := r.State()
	return same > r.MaxFailures
}
