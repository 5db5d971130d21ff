package peoplesim

import (
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"time"
)

// fate is what the faults hold for one call. It is settled when the call arrives.
type fate struct {
	delay    time.Duration
	verdict  *Fault // decides the answer, if not nil
	stale    *Fault // the read lags
	moved    bool   // the etags move first
	legacy   bool   // the style of an error body
	contacts map[string]*Fault
}

// afflictions are the faults in force, and what they have done.
type afflictions struct {
	Faults
	since time.Time
	armed []armed
}

// armed is a fault with its sets and counters.
type armed struct {
	Fault
	users    map[string]bool
	contacts map[string]bool
	passed   int
	struck   int
}

func newAfflictions(f Faults, now time.Time) *afflictions {
	a := &afflictions{Faults: f, since: now}
	for _, l := range f.List {
		a.armed = append(a.armed, armed{Fault: l, users: setOf(l.Users), contacts: setOf(l.Contacts)})
	}
	return a
}

func setOf(names []string) map[string]bool {
	set := make(map[string]bool, len(names))
	for _, n := range names {
		set[n] = true
	}
	return set
}

// draw settles the fate of a call, which is the user's n-th; overlapping says that another mutate of the user is in
// flight.
func (a *afflictions) draw(c *call, n uint64, overlapping bool, now time.Time) fate {
	h := fnv.New64a()
	h.Write([]byte(c.user))
	random := rand.New(rand.NewPCG(a.Seed^h.Sum64(), n))
	f := fate{legacy: a.legacy(c, random)}
	for i := range a.armed {
		l := &a.armed[i]
		seed := random.Uint64() // one a fault, so that what one draws does not depend on whether another is in force
		if !l.concerns(c, now.Sub(a.since)) || l.Kind == TooConcurrent && !overlapping {
			continue
		}
		own := rand.New(rand.NewPCG(seed, 0))
		if l.perContact(c.method) {
			l.strikeContacts(&f, c, own)
		} else if l.strikes(own) {
			f.suffer(&l.Fault, own)
		}
	}
	return f
}

func (a *afflictions) legacy(c *call, random *rand.Rand) bool {
	mixed := random.IntN(2) == 0
	asked := c.query.Get("$.xgafv")
	switch {
	case asked == "1", asked == "2":
		return asked == "1"
	case a.Habits.Errors == "plain", a.Habits.Errors == "legacy":
		return a.Habits.Errors == "legacy"
	}
	return mixed
}

// concerns reports whether a fault is in force for a call.
func (l *armed) concerns(c *call, age time.Duration) bool {
	switch {
	case age < time.Duration(l.From), l.For > 0 && age >= time.Duration(l.From+l.For):
		return false
	case len(l.Methods) > 0 && !slices.Contains(l.Methods, c.method.name):
		return false
	case len(l.users) > 0 && !l.users[c.user]:
		return false
	}
	return len(l.contacts) == 0 || slices.ContainsFunc(c.contacts(), func(name string) bool { return l.contacts[name] })
}

// perContact reports whether a fault strikes the contacts of a call one by one.
func (l *armed) perContact(m *method) bool {
	switch l.Kind {
	case ContactStatus, ContactOmitted, ContactRenamed:
		return true
	case Forbidden:
		return len(l.contacts) > 0 && (m.name == BatchUpdateContacts || m.name == BatchGet)
	}
	return false
}

// strikes draws, and counts.
func (l *armed) strikes(random *rand.Rand) bool {
	hit := random.Float64() < l.Rate
	if l.passed < l.Skip {
		l.passed++
		return false
	}
	if !hit || l.Calls > 0 && l.struck >= l.Calls {
		return false
	}
	l.struck++
	return true
}

func (l *armed) strikeContacts(f *fate, c *call, random *rand.Rand) {
	if l.Kind != Forbidden && c.method.name != BatchUpdateContacts {
		return
	}
	for _, name := range c.contacts() {
		if len(l.contacts) > 0 && !l.contacts[name] || f.contacts[name] != nil || !l.strikes(random) {
			continue
		}
		if f.contacts == nil {
			f.contacts = make(map[string]*Fault)
		}
		f.contacts[name] = &l.Fault
	}
}

// suffer adds a fault that struck.
func (f *fate) suffer(l *Fault, random *rand.Rand) {
	switch l.Kind {
	case Latency:
		f.delay += time.Duration(l.Delay)
		if l.Jitter > 0 {
			f.delay += time.Duration(random.Int64N(int64(l.Jitter)))
		}
	case StaleRead:
		f.stale = l
	case EtagMoved:
		f.moved = true
	default:
		if f.verdict == nil {
			f.verdict = l
		}
	}
}

// writes reports whether a mutate of this fate happens.
func (f *fate) writes() bool {
	return f.verdict == nil || f.verdict.Applied || f.verdict.Kind == AnswerLost
}

// refused reports whether the call is turned away before it counts against a quota.
func (f *fate) refused() bool {
	if f.verdict == nil {
		return false
	}
	switch f.verdict.Kind {
	case Reset, UserQuota, ProjectQuota, AccountQuota, TooConcurrent, ServiceDisabled, ScopeMissing, Revoked:
		return true
	}
	return false
}
