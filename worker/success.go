package worker

import (
	"sync"
	"time"

	"github.com/contactrelay/contactrelay/internal/people"
)

// successes is whose calls succeeded last: it tells a user's fault from everybody's. The zero value is ready; safe
// for concurrent use.
type successes struct {
	mu    sync.Mutex // guards the fields below
	last  success
	other success // the last one of a user that is not last's
}

// success is a call that began then: one that was under way when the service ceased to work tells nothing.
type success struct {
	user string
	at   time.Time
}

// since reports whether the call began at that time or later.
func (s success) since(t time.Time) bool { return !s.at.IsZero() && !s.at.Before(t) }

// note remembers that a call of the user succeeded that began then.
func (s *successes) note(user string, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last.user != user {
		s.other = s.last
	}
	s.last = success{user, at}
}

// ofAnother reports whether a call of another user succeeded since then.
func (s *successes) ofAnother(user string, since time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	newest := s.last
	if newest.user == user {
		newest = s.other
	}
	return newest.since(since)
}

// any reports whether any call succeeded since then: one for another contact, if a change has failed since then.
func (s *successes) any(since time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last.since(since)
}

// down reports whether the service may be down as far as a failure tells, since the contact began to fail: no call at
// all has succeeded meanwhile.
func (w *Worker) down(fact *people.Error, failing time.Time) bool {
	switch fact.Kind {
	case people.Network, people.Unavailable, people.TokenFailed, people.Unexpected:
		return !w.success.any(failing)
	}
	return false
}
