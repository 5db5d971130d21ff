package peoplesim

import (
	"context"
	"time"
)

// unknownMethod counts the calls to paths that are none.
const unknownMethod = "unknown"

// Calls counts calls by method and code: an HTTP status, or "reset", "lost" (closed in place of the answer) or
// "abandoned" (the client gave up).
type Calls map[string]map[string]int64

func (t Calls) add(method, code string, n int64) {
	if t[method] == nil {
		t[method] = make(map[string]int64)
	}
	t[method][code] += n
}

// Stats are counts since the start or the last reset.
type Stats struct {
	Calls    Calls `json:"calls"` // that have ended
	Units    Units `json:"units"` // of quota, spent
	Users    int   `json:"users"` // known, with or without contacts
	Contacts int   `json:"contacts"`
	Writes   int64 `json:"writes"`  // of contacts, those by hand included
	Pending  int   `json:"pending"` // writes that are still to take effect though their clients are gone
	// MaxOverlap is the largest number of mutates of one user that were in flight together: 1 if they never overlapped.
	MaxOverlap int `json:"maxOverlap"`
	// Overlapped are the users of whom more than one were, with the number.
	Overlapped map[string]int `json:"overlapped,omitempty"`
}

func (s *Sim) count(method, code string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tally.add(method, code, 1)
}

// Await blocks until the counts hold, or ctx is done, and returns them; the error is ctx's. holds is called with the
// simulator locked and must not call it.
func (s *Sim) Await(ctx context.Context, holds func(Stats) bool) (st Stats, err error) {
	err = s.mu.Await(ctx, func() (done bool, again time.Time) {
		st = s.stats()
		if len(s.pending) > 0 {
			again = s.pending[0].due // nobody else may look by then
		}
		return holds(st), again
	})
	return st, err
}

// Stats gives the counts.
func (s *Sim) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stats()
}

// stats is what Stats gives. Callers hold mu.
func (s *Sim) stats() Stats {
	s.settle(time.Now())
	st := Stats{
		Calls: make(Calls), Units: s.meter.total, Users: len(s.users),
		Writes: s.audit.len(), Pending: len(s.pending), Overlapped: make(map[string]int),
	}
	for method, codes := range s.tally {
		for code, n := range codes {
			st.Calls.add(method, code, n)
		}
	}
	for _, u := range s.users {
		st.MaxOverlap = max(st.MaxOverlap, u.most)
		if u.most > 1 {
			st.Overlapped[u.name] = u.most
		}
		for name, k := range u.contacts {
			if k.deleted.IsZero() && name == k.name {
				st.Contacts++
			}
		}
	}
	return st
}

// MaxOverlap gives the largest number of mutates of a user that were in flight together; 0 if there were none.
func (s *Sim) MaxOverlap(user string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u := s.users[user]; u != nil {
		return u.most
	}
	return 0
}

// Audit gives every write in the order in which they took effect, after the one whose Seq is given: 0 gives all.
func (s *Sim) Audit(after int64) []Write {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle(time.Now())
	return s.audit.after(after, &s.discovery.fields)
}
