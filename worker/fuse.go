package worker

import (
	"sync"
	"time"

	"github.com/contactrelay/contactrelay/deadletter"
)

const (
	// fuseUsers is after how many users in a row with a letter of the service's making, and no call that succeeds, the
	// fault counts as everybody's.
	fuseUsers = 5
	// vouchedFor is how long a user's letters are believed after a call of another user succeeded.
	vouchedFor = time.Minute
	// maxVouched is from how many of them on those are forgotten whose time is over.
	maxVouched = 10_000
)

// fuse keeps a fault that concerns everybody, but says that it is each user's own, from making a dead letter of every
// message: a domain's policy, a scope that all grants lack, an endpoint that is not the service. Safe for concurrent use.
type fuse struct {
	mu      sync.Mutex           // guards the fields below
	row     map[string]bool      // users whose letters had no success of another user since
	vouched map[string]time.Time // users of whom another's success has told that the fault is theirs, and until when
}

func newFuse() *fuse {
	return &fuse{row: map[string]bool{}, vouched: map[string]time.Time{}}
}

// counts reports whether a verdict is one that may be everybody's: the service's word on a message that can be decoded
// and on a contact that nobody else changed.
func (v verdict) counts() bool {
	switch v.reason {
	case deadletter.Forbidden, deadletter.NotFound, deadletter.Rejected, deadletter.UserUnauthorized:
		return v.fact != nil
	}
	return false
}

// holds reports whether a letter has to wait until a call of another user succeeds.
func (f *fuse) holds(user string, v verdict, now time.Time) bool {
	if !v.counts() {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if now.Before(f.vouched[user]) {
		return false
	}
	f.row[user] = true
	return len(f.row) >= fuseUsers
}

// succeeded notes that a write of a user was answered well: the service works, so the letters of all others are theirs.
func (f *fuse) succeeded(user string, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for other := range f.row {
		if other != user {
			f.vouched[other] = now.Add(vouchedFor)
		}
	}
	clear(f.row)
	delete(f.vouched, user)
	if len(f.vouched) > maxVouched {
		for other, until := range f.vouched {
			if now.After(until) {
				delete(f.vouched, other)
			}
		}
	}
}
