package worker

import (
	"sync"
	"time"

	"github.com/contactrelay/contactrelay/internal/people"
)

// recent is how far back the calls of other contacts tell whose fault a failure is, and wellShare the share of them
// that may fail in the same way if it is the message's.
const (
	recent    = time.Minute
	wellShare = 0.2
	// triedAgain is how long a contact that failed counts as called lately: it is tried again within 2 minutes, the longest
	// wait after a failure, and a call.
	triedAgain = 3 * time.Minute
	// lookBack is how far back they tell it of a contact that is held for so long: at night, when little happens, two that
	// fail for ever are the most of what was called in any minute. The failures of an outage are forgotten after it.
	lookBack = 6 * time.Hour
	// maxTraffic bounds the contacts that are kept. More than that were called within recent only if nearly all is well.
	maxTraffic = 100_000
	// heldFor is how long a contact is remembered as held that is not called any more.
	heldFor = time.Hour
)

// traffic is what became lately of the calls of each contact. Safe for concurrent use.
type traffic struct {
	mu       sync.Mutex // guards the fields below
	contacts map[contactOf]visit
	swept    time.Time
}

// contactOf names a contact: two users may have contacts of one name.
type contactOf struct{ user, resource string }

// visit is when a contact was called last and when it failed last, in either way. One that failed once lately counts as
// failing though a later call succeeded: of those that are tried often enough all succeed in the end.
type visit struct {
	called, trouble, refused time.Time
	held                     time.Time // since when: its attempts were used up, and the fault was the service's
}

// trouble reports whether a fact is one that a service has which is not well, whatever is asked of it.
func trouble(fact *people.Error) bool {
	if fact == nil {
		return false
	}
	switch fact.Kind {
	case people.Network, people.Unavailable, people.Internal, people.TokenFailed, people.Unexpected, people.Unauthenticated:
		return true
	}
	return false
}

func newTraffic() *traffic { return &traffic{contacts: map[contactOf]visit{}} }

// note takes down what a call of a contact came to.
func (t *traffic) note(c contactOf, fact *people.Error, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sweep(now)
	v, known := t.contacts[c]
	v.called = now
	switch {
	case !trouble(fact):
		v.held = time.Time{}
		if !known && len(t.contacts) >= maxTraffic {
			return
		}
	case fact.Kind == people.Unauthenticated:
		v.refused = now
	default:
		v.trouble = now
	}
	t.contacts[c] = v
}

// sweep forgets the contacts that tell nothing any more. Callers hold mu.
func (t *traffic) sweep(now time.Time) {
	if now.Sub(t.swept) < recent {
		return
	}
	t.swept = now
	kept := now.Add(-triedAgain)
	for _, v := range t.contacts {
		if !v.held.IsZero() && v.held.Before(kept) {
			kept = v.held
		}
	}
	kept = latest(kept, now.Add(-lookBack))
	if len(t.contacts) > maxTraffic/2 {
		kept = now.Add(-triedAgain) // so many need no look back, and must leave room for those that come
	}
	for c, v := range t.contacts {
		if v.called.Before(kept) && (v.held.IsZero() || now.Sub(v.called) >= heldFor) {
			delete(t.contacts, c)
		}
	}
}

// latest is the later of two times.
func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// forget drops a contact.
func (t *traffic) forget(c contactOf) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.contacts, c)
}

// hold notes that the attempts of a contact were used up through the service's fault, and returns since when they are.
func (t *traffic) hold(c contactOf, now time.Time) (since time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	v := t.contacts[c]
	if v.held.IsZero() {
		v.held, v.called = now, now
		t.contacts[c] = v
	}
	return latest(v.held, now.Add(-lookBack))
}

// others counts the contacts that were called since then, save one, and those of them that failed like it. Those that fail
// like it are called still.
func (t *traffic) others(c contactOf, like people.Kind, since, now time.Time) (called, failing int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for other, v := range t.contacts {
		if other == c {
			continue
		}
		failed := v.trouble
		if like == people.Unauthenticated {
			failed = v.refused
		}
		switch {
		case failed.After(since), failed.Equal(v.called) && now.Sub(failed) < triedAgain:
			called++
			failing++
		case v.called.After(since):
			called++
		}
	}
	return called, failing
}

// well reports whether so few of the other contacts fail that it is not the service's fault.
func well(called, failing int) bool {
	return float64(failing) < wellShare*float64(called) || failing == 0
}
