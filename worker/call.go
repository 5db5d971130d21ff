package worker

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

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
	shown := printsOf(p.wanting(), current) // thousands may wait: their values are compared by print first
	for _, h := range behind {
		if claim, ok := c.explains(h, p, shown); ok {
			claims = append(claims, claim)
		}
	}
	return claims
}

// explains is what a message that waits behind a part wants of the contact, if it may explain what is shown and is going to
// be made.
func (c *calls) explains(h *held, p *part, shown map[fieldPrint]bool) (claim, bool) {
	defer h.rest() // it waits on
	i := slices.IndexFunc(h.parts, func(other *part) bool { return other.resource == p.resource })
	if i < 0 || h.parts[i].photo || !h.parts[i].mayExplain(shown) {
		return claim{}, false
	}
	if _, settled := c.worker.memory.outcome(h.identity()); settled || h.identity() == p.message.identity() {
		return claim{}, false
	}
	return claim{order: h.parts[i].order(), wanted: h.parts[i].said().wanted(), fields: h.parts[i].wanting()}, true
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
		p.parked = &v
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

// settle notes that fields hold what the part wants.
func (p *part) settle(h *history, fields []string) {
	for _, field := range fields {
		h.settled(p.order(), field, p.print(field))
	}
}
