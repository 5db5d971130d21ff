// Package peoplesim is the Google People API as far as contactrelay uses it, as strict as the real one and at least as
// unkind: the ground of this project's tests and benchmarks, and the service behind `contactrelay dev`.
//
// A [Sim] serves [Get], [BatchGet], [UpdateContact], [UpdateContactPhoto] and [BatchUpdateContacts] as an
// [http.Handler], or in process as an [http.RoundTripper], which needs no socket and no goroutine and so works
// inside a testing/synctest bubble. The bearer token is the user's ID, or whatever [Config] makes of it; every user
// has contacts of their own. Each request is held against Google's discovery document. What goes wrong, when and for
// whom, is up to [Faults]; where nobody knows what the service does, [Habits] choose. Every write is recorded
// ([Sim.Audit]), and how many mutates of one user were ever in flight together ([Sim.MaxOverlap]). [Sim.Admin]
// offers all this to other processes.
//
// Stricter than the service: snake case names, doubled names, numbers in quotes are refused. Not simulated: OAuth,
// contact groups (any name is taken), other methods, formats other than JSON, and that a contact's resource name
// depends on what it holds.
package peoplesim

import (
	"fmt"
	"slices"
	"time"

	"github.com/contactrelay/contactrelay/internal/watched"
)

// Config are the settings of a Sim. The zero value is good.
type Config struct {
	AuditValues bool  // the audit keeps the values that were written
	AuditLimit  int   // the audit keeps at least this many of the last writes, at most twice as many; 0 keeps all
	MaxBody     int64 // the largest body of a request in bytes; 0 means 10 MiB
	// OutputOnly makes answers add output-only members alone. The service also fills three that a client can write:
	// names.unstructuredName, addresses.formattedValue, biographies.contentType.
	OutputOnly bool
	// Tokens tells whose a bearer token is and what it is good for. It is called at every call, from many goroutines at
	// once. Nil means that the token is the user's ID.
	Tokens func(token string) (user string, state TokenState)
}

// defaultMaxBody is the limit of Google's front end, as its error text gives it.
const defaultMaxBody = 10 << 20

// Sim is the simulated service. It is safe for concurrent use, starts nothing and needs no closing.
type Sim struct {
	config    Config
	discovery *discovery
	group     contents // the membership of a contact that names none

	mu       watched.Mutex // guards the fields below; never held over I/O or a sleep
	faults   *afflictions
	users    map[string]*user
	meter    meter
	audit    audit
	tally    Calls
	pending  []pendingWrite // by the time they fall due
	sequence int64          // of the last call
}

// pendingWrite is a mutate whose client is gone: it still takes effect, later.
type pendingWrite struct {
	due  time.Time
	call *call
}

// New makes a service without contacts and without faults.
func New(config Config) *Sim {
	if config.MaxBody == 0 {
		config.MaxBody = defaultMaxBody
	}
	d := loadDiscovery()
	return &Sim{
		config: config, discovery: d, group: defaultGroup(d),
		faults: newAfflictions(Faults{}, time.Now()), users: make(map[string]*user), tally: make(Calls),
	}
}

// SetFaults replaces the faults. Draws, periods and counts start anew. It refuses faults that make no sense, and then
// the old ones stay.
func (s *Sim) SetFaults(f Faults) error {
	if err := f.check(); err != nil {
		return fmt.Errorf("faults: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.settle(now)
	f.List = slices.Clone(f.List)
	s.faults = newAfflictions(f, now)
	for _, u := range s.users {
		u.calls = 0
	}
	return nil
}

// Faults gives the faults in force.
func (s *Sim) Faults() Faults {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.faults.Faults
	f.List = slices.Clone(f.List)
	return f
}

// Reset forgets all contacts, faults, writes and counts.
func (s *Sim) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = newAfflictions(Faults{}, time.Now())
	s.users = make(map[string]*user)
	s.meter, s.audit, s.tally, s.pending, s.sequence = meter{}, audit{}, make(Calls), nil, 0
}

// user gives the record of a user, made if need be: any token is a user.
func (s *Sim) user(name string) *user {
	u := s.users[name]
	if u == nil {
		u = &user{name: name, contacts: make(map[string]*contact)}
		s.users[name] = u
	}
	return u
}

// settle lets the pending writes that are due by now take effect. Everything that looks at the contacts calls it first.
func (s *Sim) settle(now time.Time) {
	for len(s.pending) > 0 && !s.pending[0].due.After(now) {
		p := s.pending[0]
		s.pending = s.pending[1:]
		// Nobody is there to read the answer.
		_, _ = p.call.op.perform(s, p.call, p.due)
	}
}
