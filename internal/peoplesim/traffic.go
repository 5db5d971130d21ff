package peoplesim

import (
	"slices"
	"time"
)

// user is one owner of contacts.
type user struct {
	name     string
	contacts map[string]*contact
	calls    uint64 // made since the faults were set
	flights  []*flight
	most     int // mutates that were ever in flight together
	minute   window
}

// flight is a mutate that is on its way.
type flight struct {
	start     time.Time
	followers []*flight // those that came while it was on its way
	together  int       // how many were on their way with it, itself included
}

// abandonGrace is how long after a client gave up a call the server may learn of it: over a socket that takes a moment,
// in which the client's next call is no overlap. A RoundTripper knows at once.
const abandonGrace = 100 * time.Millisecond

// depart notes that a mutate came.
func (u *user) depart(now time.Time) *flight {
	f := &flight{start: now, together: 1}
	u.most = max(u.most, 1)
	for _, other := range u.flights {
		other.followers = append(other.followers, f)
	}
	u.flights = append(u.flights, f)
	return f
}

// land notes that a mutate has its answer, or that its client gave it up, which it did up to grace ago. Whether another
// one overlapped it is known only now.
func (u *user) land(f *flight, grace time.Duration, now time.Time) {
	u.flights = slices.DeleteFunc(u.flights, func(other *flight) bool { return other == f })
	for _, other := range f.followers {
		if now.Sub(other.start) < grace {
			continue
		}
		other.together++
		u.most = max(u.most, other.together)
	}
	f.followers = nil
}
