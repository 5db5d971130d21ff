package worker

import (
	"fmt"
	"slices"
	"time"

	"github.com/contactrelay/contactrelay/messages"
)

// postbox is the subscription as pubsub.md has it: several messages of the key are outstanding at once, with one worker
// while that has any; of what comes again, all that was delivered later comes again too, acknowledged or not; acks get
// lost; leases run out.
type postbox struct {
	run    *protocol
	posted []*posted
	owner  *desk
	pause  time.Time // nothing is redelivered before
	leases []lease
}

// posted is a message of the subscription.
type posted struct {
	number  int
	id      string
	publish time.Time
	message messages.Message
	crmEdit *crmEdit

	out   *desk // with whom it is outstanding
	times int   // it was to be delivered again: only the last delivery can be answered
	acked bool
}

func (p *posted) String() string { return fmt.Sprintf("message %s (%v)", p.id, p.crmEdit) }

// lease is one that runs out.
type lease struct {
	due time.Time
	fetched
}

// fetched is a delivery. It is its own answer.
type fetched struct {
	*posted
	times int
	run   *protocol
}

func (f fetched) valid() bool { return f.out != nil && f.times == f.posted.times }

func (f fetched) Ack() {
	switch {
	case !f.valid():
	case f.run.rng.Float64() < f.run.climate.lostAck:
		f.run.note("ack of %v is lost", f.posted)
		f.run.queue.lapse(f)
	default:
		f.acked, f.out = true, nil
	}
}

func (f fetched) Nack() {
	if f.valid() {
		f.run.note("nack of %v", f.posted)
		f.run.queue.again(f.number)
		f.run.queue.pause = time.Now().Add(500 * time.Millisecond)
	}
}

// publish adds a message.
func (q *postbox) publish(e *crmEdit, m messages.Message, at time.Time) {
	p := &posted{number: len(q.posted), id: fmt.Sprint("m", len(q.posted)), publish: at, message: m, crmEdit: e}
	q.posted = append(q.posted, p)
	q.run.messages[p.id] = p
	q.run.note("published as %v", p)
}

// lapse lets the lease of a delivery run out.
func (q *postbox) lapse(f fetched) {
	after := protocolCallTimeout + time.Duration(q.run.rng.IntN(30))*time.Second
	q.leases = append(q.leases, lease{time.Now().Add(after), f})
}

// abandon lets the leases of a worker run out.
func (q *postbox) abandon(d *desk) {
	for _, p := range q.posted {
		if p.out == d {
			q.lapse(fetched{p, p.times, q.run})
		}
	}
}

// again delivers a message again, and all after it.
func (q *postbox) again(from int) {
	for _, p := range q.posted[from:] {
		p.acked, p.out = false, nil
		p.times++
	}
}

// slip delivers a message again that is outstanding, for no reason, and so all after it.
func (q *postbox) slip() {
	if all := q.outstanding(); len(all) > 0 {
		q.again(all[q.run.rng.IntN(len(all))].number)
	}
}

func (q *postbox) outstanding() (all []*posted) {
	for _, p := range q.posted {
		if p.out != nil {
			all = append(all, p)
		}
	}
	return all
}

// overdue delivers again what leases run out for.
func (q *postbox) overdue() {
	now := time.Now()
	q.leases = slices.DeleteFunc(q.leases, func(l lease) bool {
		if l.due.After(now) {
			return false
		}
		if l.valid() {
			q.run.note("lease of %v runs out", l.posted)
			q.again(l.number)
		}
		return true
	})
}

// next is the message to be delivered next: the first that is neither outstanding nor acknowledged.
func (q *postbox) next() *posted {
	if time.Now().Before(q.pause) {
		return nil
	}
	for _, p := range q.posted {
		if !p.acked && p.out == nil {
			return p
		}
	}
	return nil
}

// fetch moves the next message on its way to a worker, and reports whether there was any to whom it could go.
func (q *postbox) fetch() bool {
	p := q.next()
	if p == nil {
		return false
	}
	d := q.receiver()
	if d == nil {
		return false
	}
	p.out = d
	d.fetched = append(d.fetched, fetched{p, p.times, q.run})
	return true
}

// receiver is the worker that the key is delivered to. While one has any of it that is that one; nil if it is dead.
func (q *postbox) receiver() *desk {
	if all := q.outstanding(); len(all) > 0 {
		if all[0].out.dead {
			return nil
		}
		return all[0].out
	}
	busy := q.owner != nil && !q.owner.dead && len(q.owner.lane)+len(q.owner.fetched) > 0
	if q.owner == nil || q.owner.dead || !busy && q.run.chance(q.run.climate.moves) || busy && q.run.chance(q.run.climate.overlap) {
		q.owner = q.run.desks[q.run.rng.IntN(len(q.run.desks))]
	}
	return q.owner
}

// ready reports whether a message can be fetched.
func (q *postbox) ready() bool {
	return q.next() != nil && !slices.ContainsFunc(q.outstanding(), func(p *posted) bool { return p.out.dead })
}

// brings reports whether a change is on its way to a worker, or will be at once, if not another one has any of the key.
func (q *postbox) brings(e *crmEdit, d *desk) bool {
	all := q.outstanding()
	free := len(all) == 0 || all[0].out == d
	return slices.ContainsFunc(q.posted, func(p *posted) bool {
		return p.crmEdit == e && !p.acked && (p.out == nil && free || slices.ContainsFunc(d.fetched, func(f fetched) bool { return f.posted == p }))
	})
}

// empty reports whether all is acknowledged.
func (q *postbox) empty() bool {
	return !slices.ContainsFunc(q.posted, func(p *posted) bool { return !p.acked })
}
