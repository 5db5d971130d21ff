package worker

import (
	"context"
	"time"

	peopleapi "google.golang.org/api/people/v1"

	"github.com/contactrelay/contactrelay/internal/people"
)

// write makes the change of one contact, guarded by the etag that it carries, or by the end of our own chain if the etag
// lies in that. A change without an etag, and one whose etag was refused, must be judged by a read first.
func (c *calls) write(ctx context.Context, h *history, p *part) verdict {
	switch {
	case p.photo:
		return c.photograph(ctx, h, p)
	case p.latest, p.refusal != nil:
		return verdict{read: readConflict}
	case h.outdated(p.guard(h)):
		p.refusal = knownRefusal()
		return verdict{read: readConflict}
	}
	guard := p.guard(h)
	v := c.send(ctx, h, p, guard, false)
	switch {
	case v.read == readConflict:
		p.refusal = v.fact
	case v.outcome == Applied && guard != p.etag:
		c.worker.tally.resolved("chain")
	}
	return v
}

// send writes the fields of a part, guarded by an etag that was read just before or not, and notes what became of them.
func (c *calls) send(ctx context.Context, h *history, p *part, guard etag, justRead bool) verdict {
	if c.worker.stopped.Load() {
		return verdict{}
	}
	p.sent = guard
	var answer *peopleapi.Person
	err := c.timed(ctx, "people.updateContact", func(ctx context.Context) (err error) {
		answer, err = c.worker.contacts.Update(ctx, c.user, guarded(p.said().person, guard), p.mask(), p.asked.read())
		return err
	})
	if err == nil {
		p.wrote(h, guard, answer)
		return verdict{outcome: Applied}
	}
	return c.missed(ctx, h, p, err, justRead)
}

// missed judges a write that was not answered well.
func (c *calls) missed(ctx context.Context, h *history, p *part, err error, justRead bool) verdict {
	if interrupted(ctx) {
		return verdict{}
	}
	now := time.Now()
	v := judge(err, &p.tries, c.worker.config, justRead, now)
	switch {
	case v.fact == nil:
	case v.fact.Kind == people.StaleEtag:
		h.refused(p.sent)
	case unknown(v.fact):
		c.doubt(h, p, now)
	}
	return v
}

// wrote notes that the service answered a write of a part's fields well.
func (p *part) wrote(h *history, guard etag, answer *peopleapi.Person) {
	unseen := p.latest || p.refusal != nil || guard != p.etag && !h.chain.has(p.etag)
	h.wrote(guard, sightOf(answer))
	for _, field := range p.wanting() {
		h.written(p.order(), field, p.print(field))
	}
	p.shown = nil
	p.found.written = true
	p.left = left{sourceEtag(answer), unseen, p.asked.cut(answer)}
}

// doubt notes that a write may have taken effect, or still may.
func (c *calls) doubt(h *history, p *part, now time.Time) {
	late := now.Add(c.worker.config.CallTimeout)
	p.unsure = true
	if p.photo || p.latest {
		h.late, h.lateBy = late, p.order()
	}
	if !p.photo {
		h.open, h.openTo = p.sent, late
	}
}

// lateFor is how long a photo or a change with latest waits for one before it whose outcome is not known: that may
// still take effect, and would undo this one.
func (h *history) lateFor(p *part, now time.Time) time.Duration {
	if !p.photo && !p.latest || h.lateBy == p.order() {
		return 0
	}
	return max(0, h.late.Sub(now))
}

// photograph sends a photo, which no etag guards. Once one was sent without an answer, the contact may have been changed
// by that.
func (c *calls) photograph(ctx context.Context, h *history, p *part) verdict {
	if !p.unsure && p.mayBeOld(h, p.fields) {
		current, v := c.look(ctx, h, p, answerRead)
		switch {
		case current == nil:
			return v
		case changedSince(current, p) && !h.decided(p, sourceEtag(current)):
			return c.overtaken(p, current)
		}
	}
	if c.worker.stopped.Load() {
		return verdict{}
	}
	photo := p.said().photo
	p.prints = map[string]print{photoField: printText(photo)}
	var answer *peopleapi.Person
	err := c.timed(ctx, "people.updateContactPhoto", func(ctx context.Context) (err error) {
		answer, err = c.worker.contacts.UpdatePhoto(ctx, c.user, p.resource, photo, p.asked.read())
		return err
	})
	if err != nil {
		return c.missed(ctx, h, p, err, false)
	}
	seen := sightOf(answer)
	h.chain.photographed(seen.etag)
	h.saw(seen)
	p.settle(h, p.fields)
	p.found.written = true
	p.left = left{seen.etag, true, p.asked.cut(answer)}
	return verdict{outcome: Applied}
}
