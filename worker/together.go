package worker

import (
	"context"
	"errors"
	"time"

	peopleapi "google.golang.org/api/people/v1"

	"github.com/contactrelay/contactrelay/internal/people"
)

// maxTogether is how often a contact goes in batch calls that fail for a reason which it may be.
const maxTogether = 2

// together changes several contacts with one mask and one kind of guard in one call. What was changed is done
// afterwards. When the call fails, the contacts that it names go alone, where conflicts are resolved; whether the others
// were changed is not known, so they are read back before they are sent again. The verdict is what the rest waits for.
func (c *calls) together(ctx context.Context, parts []*part) verdict {
	now := time.Now()
	for _, p := range parts {
		p.tries.begin(now)
	}
	contacts, err := c.prepare(ctx, parts)
	if err == nil && (len(contacts) == 0 || c.worker.stopped.Load()) {
		return verdict{}
	}
	sent := err == nil
	var results map[string]people.Result
	if sent {
		err = c.timed(ctx, "people.batchUpdateContacts", func(ctx context.Context) (err error) {
			results, err = c.worker.contacts.BatchUpdate(ctx, c.user, contacts, parts[0].mask, answerRead)
			return err
		})
	}
	if err == nil {
		c.worker.succeeded(c.user)
		c.sort(parts, results)
		return verdict{}
	}
	if interrupted(ctx) {
		return verdict{}
	}
	return c.failed(parts, err, sent)
}

// prepare reads the contacts that must be read before they are sent: those that write over what they find, for their
// etags, and those of a call with an unknown outcome. It returns what is to be sent; what proves to be applied is done.
func (c *calls) prepare(ctx context.Context, parts []*part) (map[string]*peopleapi.Person, error) {
	contacts := map[string]*peopleapi.Person{}
	var read []string
	for _, p := range parts {
		contacts[p.resource] = p.person
		if p.latest || p.unsure {
			read = append(read, p.resource)
		}
	}
	if len(read) == 0 {
		return contacts, nil
	}
	var found map[string]people.Result
	err := c.timed(ctx, "people.getBatchGet", func(ctx context.Context) (err error) {
		found, err = c.worker.contacts.GetBatch(ctx, c.user, read, readBack(parts[0].mask))
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, p := range parts {
		if !p.latest && !p.unsure {
			continue
		}
		current := found[p.resource]
		switch {
		case current.Err != nil || current.Person == nil:
			p.separate()
			delete(contacts, p.resource)
		case same(p.person, current.Person, p.mask, inOrder):
			p.done, p.already = true, !p.unsure
			delete(contacts, p.resource)
		case p.latest:
			contacts[p.resource] = guarded(p.person, sourceEtag(current.Person))
		}
		p.unsure = false
	}
	return contacts, nil
}

// sort takes what an answered call says of each contact. A 200 does not prove that each was changed: one that the
// answer leaves out, or gives an error, goes alone.
func (c *calls) sort(parts []*part, results map[string]people.Result) {
	for _, p := range parts {
		if p.done || p.alone {
			continue
		}
		if r, ok := results[p.resource]; ok && r.Err == nil {
			p.done = true
			continue
		}
		p.separate()
		p.doubt()
	}
}

// failed judges a batch call that failed as a whole. sent is false if it failed before anything was sent.
func (c *calls) failed(parts []*part, err error, sent bool) verdict {
	fact, ok := errors.AsType[*people.Error](err)
	if ok && len(fact.Contacts) > 0 {
		return c.named(parts, fact)
	}
	now, w := time.Now(), c.worker
	var v verdict
	for _, p := range parts {
		if p.done || p.alone {
			continue
		}
		latest := judge(err, &p.tries, w.config, false, now)
		switch {
		case ok && (fact.Kind == people.ScopeMissing || fact.Kind == people.GrantRefused):
			p.parked, p.done = latest, true // the user's fault, whatever the contact
			continue
		case latest.outcome != "" || latest.read == readConflict:
			p.separate() // one of them is at fault and the service does not say which
			continue
		case latest.read == readExhausted && w.success.any(p.tries.failing):
			p.separate() // others work: it may be this one's fault
		case latest.read == readExhausted:
			p.tries.restart() // nothing works
		case fact.Kind == people.Internal:
			p.suspect()
		}
		if sent && unknown(fact) {
			p.doubt()
		}
		if latest.wait > v.wait {
			v = latest
			v.read, v.outage = readNone, w.down(fact, p.tries.failing)
		}
	}
	return v
}

// named takes what a failed call says of the contacts that it names. The others "would have been" successful: whether
// they were is not known.
func (c *calls) named(parts []*part, fact *people.Error) verdict {
	for _, p := range parts {
		if p.done || p.alone {
			continue
		}
		if _, bad := fact.Contacts[p.resource]; bad {
			p.separate()
			continue
		}
		p.doubt()
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

// doubt notes that a call may have changed the contact.
func (p *part) doubt() { p.unsure, p.doubted = true, true }

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
