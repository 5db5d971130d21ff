package worker

import (
	"context"
	"time"

	peopleapi "google.golang.org/api/people/v1"

	"github.com/contactrelay/contactrelay/deadletter"
	"github.com/contactrelay/contactrelay/internal/people"
)

// read is what a read of the contact must show.
func (p *part) read() people.Read {
	if p.photo {
		return answerRead
	}
	return readBack(p.wanting())
}

// look reads a contact. Without one, or with one as it was before, the verdict says what follows from that. When the
// attempts are used up, a time alone is no proof any more that it is as it was before: it is taken for what it shows.
func (c *calls) look(ctx context.Context, h *history, p *part, read people.Read) (*peopleapi.Person, verdict) {
	var person *peopleapi.Person
	err := c.timed(ctx, "people.get", func(ctx context.Context) (err error) {
		person, err = c.worker.contacts.Get(ctx, c.user, p.resource, read)
		return err
	})
	seen := sightOf(person)
	h.saw(seen)
	if err == nil && h.stale(seen) {
		v := c.again(p)
		if v.read != readExhausted || h.past.has(etag{value: seen.etag}) {
			return nil, v
		}
		h.newest = seen // that times of changes never run backwards is not documented
		p.tries.restart()
	}
	switch {
	case err == nil:
		p.stale = waits{}
		return person, verdict{}
	case interrupted(ctx):
		return nil, verdict{}
	}
	v := judge(err, &p.tries, c.worker.config, true, time.Now())
	if v.reason == deadletter.NotFound {
		c.worker.tally.resolved("gone")
	}
	return nil, v
}

// confirm reads the contact of a change that has had its attempts: it tells whose fault that is.
func (c *calls) confirm(ctx context.Context, h *history, p *part, v verdict) verdict {
	var current *peopleapi.Person
	err := c.timed(ctx, "people.get", func(ctx context.Context) (err error) {
		current, err = c.worker.contacts.Get(ctx, c.user, p.resource, p.read())
		return err
	})
	if err == nil {
		seen := sightOf(current)
		h.saw(seen)
		if !p.photo && !h.stale(seen) && p.shownBy(current) {
			p.saw(seen.etag)
			p.proved(h, seen.etag)
			return verdict{outcome: AlreadyApplied}
		}
		if c.worker.blames(c.user, p, v.fact) {
			return judgeRead(v)
		}
		return c.worker.notIts(c.user, p, v)
	}
	if interrupted(ctx) {
		return verdict{}
	}
	failed := judge(err, &p.tries, c.worker.config, true, time.Now())
	if failed.read == readNone {
		return failed // it is gone, or may not be read, or a quota, or a fault that may pass
	}
	since, its := p.tries.failing, c.worker.blames(c.user, p, v.fact)
	judged := judgeUnread(v, failed, &p.tries, its && c.worker.success.any(since), its && c.worker.success.ofAnother(c.user, since))
	if judged.outcome == "" {
		return c.worker.notIts(c.user, p, judged)
	}
	return judged
}

// shownBy reports whether a read that is not stale tells that a part needs no write any more: it shows all that is wanted. As
// long as the etag that the part carries was not refused, a read with another one, of a contact that was not changed since
// the change was published, may be as it was before somebody else's write.
func (p *part) shownBy(read *peopleapi.Person) bool {
	upToDate := p.latest || p.refusal != nil || p.sent.value == sourceEtag(read) || changedSince(read, p)
	return upToDate && same(p.wanting(), p.said().wanted(), valuesIn(read), anyOrder)
}

// proved notes that a read with this etag showed all that is wanted.
func (p *part) proved(h *history, read string) {
	if p.sent.value != read {
		h.refused(p.sent)
	}
	p.settle(h, p.wanting())
	p.found.already = true
}
