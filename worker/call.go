package worker

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	peopleapi "google.golang.org/api/people/v1"

	"github.com/contactrelay/contactrelay/deadletter"
	"github.com/contactrelay/contactrelay/internal/people"
)

// calls makes the calls that some messages of one user need at a time.
type calls struct {
	worker      *Worker
	user        string
	messageType string
	items       []*held
	waiting     waiting
	about       []*part // what the calls are for
	made        int     // calls
}

// history is what is known of the contact of a part.
func (c *calls) history(p *part) *history { return c.worker.histories.of(c.user, p.resource) }

// newer is what waits behind a part for the same contact, may explain what that holds now, and is going to be made: no
// copy of an event that was settled, nor of this one.
func (c *calls) newer(p *part, current values) (claims []claim) {
	var behind []*held
	c.waiting(p.message.lane(), p.resource, func(h *held) bool {
		if o, doubtful := h.rank.of(p.resource); !doubtful && p.order().before(o) {
			behind = append(behind, h)
		}
		return true
	})
	if len(behind) == 0 {
		return nil
	}
	shown := printsOf(p.fields, current) // thousands may wait: their values are compared by print first
	for _, h := range behind {
		i := slices.IndexFunc(h.parts, func(other *part) bool { return other.resource == p.resource })
		if i < 0 || h.parts[i].person == nil || !h.parts[i].mayExplain(shown) {
			continue
		}
		if _, settled := c.worker.memory.outcome(h.identity()); settled || h.identity() == p.message.identity() {
			continue
		}
		claims = append(claims, claim{order: h.parts[i].order(), wanted: h.parts[i].wanted(), fields: h.parts[i].fields})
	}
	return claims
}

// timed makes one call under the limit of its time, and counts it.
func (c *calls) timed(ctx context.Context, method string, call func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, c.worker.config.CallTimeout)
	defer cancel()
	for _, h := range c.items {
		h.calls++
	}
	if c.made++; c.made > 1 {
		c.worker.rate.charge(time.Now()) // the first was admitted
	}
	inSpan, end := c.worker.callSpan(ctx, method, c.about)
	begun := time.Now()
	err := call(inSpan)
	code := "200"
	fact, ok := errors.AsType[*people.Error](err)
	if !interrupted(ctx) {
		c.worker.observe(ctx, c.user, method, begun, fact)
	}
	if ok {
		code = "network"
		if fact.HTTPStatus != 0 {
			code = strconv.Itoa(fact.HTTPStatus)
		}
	}
	end(code, fact)
	c.worker.tally.called(Call{Type: c.messageType, Method: method, Code: code}, time.Since(begun))
	return err
}

// one makes the next calls for one contact and judges what they met. The verdict is what the contact waits for; it is
// empty when the contact is done, or when the worker stops.
func (c *calls) one(ctx context.Context, p *part) verdict {
	c.about = []*part{p}
	h, now := c.history(p), time.Now()
	if !p.drop(h) {
		return verdict{}
	}
	if wait := h.lateFor(p, now); wait > 0 {
		return verdict{wait: wait, cause: "late_write", idle: true}
	}
	p.tries.begin(now)
	v := c.write(ctx, h, p)
	if v.read == readConflict {
		v = c.resolve(ctx, h, p)
	}
	if v.read == readExhausted {
		v = c.confirm(ctx, h, p, v)
	}
	c.worker.noteVisit(c.user, p, v)
	switch {
	case v.outcome == "":
		v.outage = v.fact != nil && c.worker.down(v.fact, p.tries.failing)
		return v
	case c.worker.fuse.holds(c.user, v, time.Now()):
		return heldByFuse(p, v)
	case v.outcome == DeadLettered:
		p.parked = v
	}
	p.done = true
	return verdict{}
}

// oneOf makes the next calls for one of the contacts of a message. One that has to wait does not hold up the others: the
// verdict is the shortest of their waits when all have to.
func (c *calls) oneOf(ctx context.Context, parts []*part) verdict {
	first := slices.MinFunc(parts, func(a, b *part) int { return a.again.Compare(b.again) })
	if wait := time.Until(first.again); wait > 0 {
		return verdict{wait: wait, cause: first.why, idle: true}
	}
	v := c.worker.heed(ctx, []*part{first}, c.one(ctx, first))
	if v.wait == 0 || v.lane || v.outage || len(parts) == 1 {
		return v
	}
	first.again, first.why = time.Now().Add(v.wait), v.cause
	c.worker.noteTry(v)
	return verdict{}
}

// write makes the change of one contact, guarded by the etag that it carries, or by the end of our own chain if the etag
// lies in that. A change without an etag, and one whose etag was refused, must be judged by a read first.
func (c *calls) write(ctx context.Context, h *history, p *part) verdict {
	switch {
	case p.person == nil:
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
		answer, err = c.worker.contacts.Update(ctx, c.user, guarded(p.person, guard), p.mask(), p.asked.read())
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

// doubt notes that a write may have taken effect, or still may.
func (c *calls) doubt(h *history, p *part, now time.Time) {
	p.unsure, p.late = true, now.Add(c.worker.config.CallTimeout)
	if p.person == nil || p.latest {
		h.late, h.lateBy = p.late, p.order()
	}
}

// lateFor is how long a photo or a change with latest waits for one before it whose outcome is not known: that may
// still take effect, and would undo this one.
func (h *history) lateFor(p *part, now time.Time) time.Duration {
	if p.person != nil && !p.latest || h.lateBy == p.order() {
		return 0
	}
	return max(0, h.late.Sub(now))
}

// photograph sends a photo, which no etag guards. Once one was sent without an answer, the contact may have been changed
// by that.
func (c *calls) photograph(ctx context.Context, h *history, p *part) verdict {
	if !p.unsure && p.mayBeOld(h, p.fields) {
		current, v := c.look(ctx, p, answerRead)
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
	photo := p.picture()
	p.prints = map[string]print{photoField: printText(photo)}
	var answer *peopleapi.Person
	err := c.timed(ctx, "people.updateContactPhoto", func(ctx context.Context) (err error) {
		answer, err = c.worker.contacts.UpdatePhoto(ctx, c.user, p.resource, photo, p.asked.read())
		return err
	})
	if err != nil {
		return c.missed(ctx, h, p, err, false)
	}
	h.chain.photographed(sourceEtag(answer))
	p.settle(h, p.fields)
	p.found.written = true
	p.left = left{sourceEtag(answer), true, p.asked.cut(answer)}
	return verdict{outcome: Applied}
}

// look reads a contact. Without one the verdict says what follows from that.
func (c *calls) look(ctx context.Context, p *part, read people.Read) (*peopleapi.Person, verdict) {
	var person *peopleapi.Person
	err := c.timed(ctx, "people.get", func(ctx context.Context) (err error) {
		person, err = c.worker.contacts.Get(ctx, c.user, p.resource, read)
		return err
	})
	switch {
	case err == nil:
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
		if p.person != nil && !h.stale(sourceEtag(current)) && same(p.fields, p.wanted(), valuesIn(current), anyOrder) {
			p.saw(sourceEtag(current))
			p.proved(h, sourceEtag(current))
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

// read is what a read of the contact must show.
func (p *part) read() people.Read {
	if p.person == nil {
		return answerRead
	}
	return readBack(p.mask())
}

// wrote notes that the service answered a write of a part's fields well.
func (p *part) wrote(h *history, guard etag, answer *peopleapi.Person) {
	h.wrote(guard, sourceEtag(answer))
	p.settle(h, p.fields)
	p.found.written = true
	p.left = left{sourceEtag(answer), p.latest || p.refusal != nil, p.asked.cut(answer)}
}

// proved notes that a read with this etag showed all that is wanted.
func (p *part) proved(h *history, read string) {
	if p.sent.value != read {
		h.refused(p.sent)
	}
	p.settle(h, p.fields)
	p.found.already = true
}

// settle notes that fields hold what the part wants.
func (p *part) settle(h *history, fields []string) {
	for _, field := range fields {
		h.settled(p.order(), field, p.print(field))
	}
}
