package worker

import (
	"errors"
	"time"

	"github.com/contactrelay/contactrelay/internal/people"
)

// maxTogether is how often a contact goes in batch calls that fail for a reason which it may be.
const maxTogether = 2

// failed judges a batch call that failed as a whole. written is false if it failed before anything was sent.
func (c *calls) failed(parts []*part, err error, written bool) verdict {
	fact, ok := errors.AsType[*people.Error](err)
	if ok && len(fact.Contacts) > 0 {
		return c.named(parts, fact)
	}
	now, w := time.Now(), c.worker
	var v verdict
	breaks := false
	for _, p := range parts {
		if p.done || p.alone {
			continue
		}
		latest := judge(err, &p.tries, w.config, false, now)
		if ok && fact.Kind != people.Internal { // of which one contact may be the cause
			w.noteVisit(c.user, p, latest)
		}
		switch {
		case w.fuse.holds(c.user, latest, now):
			v, breaks = heldByFuse(p, latest), true
			continue
		case ok && (fact.Kind == people.ScopeMissing || fact.Kind == people.GrantRefused):
			p.parked, p.done = &latest, true // the user's fault, whatever the contact
			continue
		case latest.outcome != "" || latest.read == readConflict:
			p.separate() // one of them is at fault and the service does not say which
			continue
		case latest.read == readExhausted && w.success.any(p.tries.failing):
			p.separate() // others work: it may be this one's fault
		case latest.read == readExhausted:
			p.tries.restart() // nothing works
			breaks = breaks || fact.Kind != people.Internal
		case fact.Kind == people.Internal:
			p.suspect()
		}
		if written && unknown(fact) {
			c.doubt(c.history(p), p, now)
		}
		if latest.wait > v.wait {
			v = latest
			v.read, v.outage = readNone, w.down(fact, p.tries.failing)
		}
	}
	v.breaks = breaks && v.fact != nil
	return v
}

// named takes what a failed call says of the contacts that it names. The others "would have been" successful: whether
// they were is not known.
func (c *calls) named(parts []*part, fact *people.Error) verdict {
	for _, p := range parts {
		if p.done || p.alone {
			continue
		}
		bad, ok := fact.Contacts[p.resource]
		switch {
		case ok && bad.Kind == people.StaleEtag:
			c.differs(c.history(p), p, bad)
			continue
		case ok:
			p.separate()
			continue
		}
		p.unsure = true    // but nothing may still take effect: the call was answered
		p.tries.uncount(0) // it failed because of others
		p.suspect()        // but the service may name only the first that is at fault
	}
	return verdict{}
}

// unknown reports whether a write that met this may have taken effect.
func unknown(fact *people.Error) bool {
	switch fact.Kind {
	case people.Network, people.Unavailable, people.Internal, people.Unexpected:
		return true
	}
	return false
}

// separate makes a contact go alone, with its attempts before it.
func (p *part) separate() {
	p.alone = true
	p.tries = tries{first: p.tries.first}
}

// suspect notes that a batch call with this contact failed for a reason which it may be.
func (p *part) suspect() {
	if p.failed++; p.failed >= maxTogether {
		p.separate()
	}
}
