package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/contactrelay/contactrelay/deadletter"
)

// desk is a worker in a run of TestProtocol: the real one, from the delivery of a message to its settlement. In place of
// its lanes, which the tests of package ordering are about, stands one queue that is worked on step by step.
type desk struct {
	run      *protocol
	number   int
	worker   *Worker
	lane     []*stand
	fetched  []fetched // by the client, and not handed over yet
	gate     string    // only this message is let in; empty: any
	opens    time.Time // the gate does, by itself
	handling []*held   // in the call that runs
	dead     bool
	past     map[string]bool        // etags that it knows not to be a contact's any more
	told     map[*card]int          // the newest version that it was told of
	returned map[*crmEdit]bool      // that have not come again
	seen     map[*crmEdit]bool      // of which it has had a message before any replay
	clamped  map[*crmEdit]time.Time // the publish time that counts where that ran against the order
}

// stand is a message in the lane.
type stand struct {
	held     *held
	contact  string
	again    time.Time
	finished bool
}

func (r *protocol) newDesk() *desk {
	r.started++
	d := &desk{
		run: r, number: r.started, past: map[string]bool{}, told: map[*card]int{},
		seen: map[*crmEdit]bool{}, returned: map[*crmEdit]bool{}, clamped: map[*crmEdit]time.Time{},
	}
	config := Config{
		MaxPhotoBytes: 1 << 10, CallTimeout: protocolCallTimeout,
		Attempts: 1 << 20, RetryFor: 1 << 20 * time.Hour, // what uses them up is another test's
	}
	config.Settled = func(s Settlement) { r.oracle.settled(d, s) }
	d.worker = New(config, nil, d, r.service.client, slog.New(r.oracle))
	return d
}

func (d *desk) String() string { return fmt.Sprintf("worker %d", d.number) }

// next hands over what was fetched first.
func (d *desk) next() {
	f := d.fetched[0]
	d.fetched = d.fetched[1:]
	d.arrive(f)
}

// arrive takes a delivery as Worker.arrive does.
func (d *desk) arrive(f fetched) {
	d.run.note("%v gets %v", d, f.posted)
	d.seen[f.crmEdit] = d.seen[f.crmEdit] || f.message.Attributes[deadletter.ReplayLetter] == ""
	h, known := d.worker.hold(delivery{id: f.id, publish: f.publish, message: f.message, answer: f})
	if known {
		return
	}
	if !h.seen && !h.replay {
		d.expect(f.crmEdit, h.contact())
	}
	d.worker.clamp(h, d.unfinished)
	for _, p := range h.parts {
		p.tries.pause = backoff.NewExponentialBackOff(backoff.WithRandomizationFactor(0)) // or a seed would not tell the run
	}
	h.sending.pause = backoff.NewExponentialBackOff(backoff.WithRandomizationFactor(0))
	if d.gate != "" && d.gate != f.id && time.Now().Before(d.opens) {
		d.worker.giveBack(h)
		d.returned[f.crmEdit] = true
		return
	}
	d.gate = ""
	delete(d.returned, f.crmEdit)
	d.lane = append(d.lane, &stand{held: h, contact: h.contact()})
}

// expect notes the publish time that a change is to count with: not earlier than what waits before it.
func (d *desk) expect(e *crmEdit, contact string) {
	d.unfinished("", contact, func(other *held) bool {
		if at := d.publishTime(d.run.editOf(other)); !other.replay && at.After(d.publishTime(e)) {
			d.clamped[e] = at
		}
		return true
	})
}

// publishTime is that of a change as the worker counts it.
func (d *desk) publishTime(e *crmEdit) time.Time {
	if at, ok := d.clamped[e]; ok {
		return at
	}
	return e.published
}

// unfinished is what waiting stands for.
func (d *desk) unfinished(_, contact string, each func(*held) bool) {
	for _, s := range slices.Backward(d.lane) {
		if !s.finished && s.contact == contact && !each(s.held) {
			return
		}
	}
}

// holds reports whether a change waits in the lane.
func (d *desk) holds(e *crmEdit) bool {
	return slices.ContainsFunc(d.lane, func(s *stand) bool { return !s.finished && d.run.editOf(s.held) == e })
}

// eligible is the first unfinished messages of the contacts, of those that do not wait.
func (d *desk) eligible() (all []*stand) {
	seen := map[string]bool{}
	for _, s := range d.lane {
		if s.finished || seen[s.contact] {
			continue
		}
		seen[s.contact] = true
		if !s.again.After(time.Now()) {
			all = append(all, s)
		}
	}
	return all
}

// handle makes the next call for some messages, and acknowledges what has its turn then.
func (d *desk) handle(all ...*stand) {
	before := d.run.calling
	d.run.calling = d
	for _, s := range all {
		d.handling = append(d.handling, s.held)
	}
	fates := d.worker.handle(context.Background(), d.handling, d.unfinished)
	d.run.calling, d.handling = before, nil
	if d.dead {
		return
	}
	for i, s := range all {
		s.finished, s.again = fates[i].Finished, fates[i].Again
		if fates[i].Lane.After(s.again) {
			s.again = fates[i].Lane
		}
	}
	for len(d.lane) > 0 && d.lane[0].finished {
		first := d.lane[0]
		d.lane = d.lane[1:]
		d.worker.release(first.held)
	}
}

// handles is the message about a contact in the call that runs.
func (d *desk) handles(c *card) *held {
	return d.handling[slices.IndexFunc(d.handling, func(h *held) bool { return h.contact() == c.name() })]
}

// giveBack returns what stands in the lane from a place on.
func (d *desk) giveBack(from int) {
	back := d.lane[from:]
	d.lane = slices.Clone(d.lane[:from])
	for i, s := range back {
		if i == 0 {
			d.gate, d.opens = s.held.id, time.Now().Add(gateTimeout)
		}
		d.worker.giveBack(s.held)
		d.returned[d.run.editOf(s.held)] = !s.finished
	}
}

// stop ends the worker as it should end. What its calls may still do is over then: a stop waits for them.
func (d *desk) stop() {
	d.run.note("%v stops", d)
	d.giveBack(0)
	for _, f := range d.fetched {
		f.Nack()
	}
	d.end()
}

// crash ends the worker at once. Its leases run out some time later, when its calls are over.
func (d *desk) crash() {
	d.run.note("%v crashes", d)
	d.run.queue.abandon(d)
	d.dead = true
}

// end replaces the worker by a new one.
func (d *desk) end() {
	d.dead = true
	d.run.service.forget(d)
}

// Publish takes a dead letter.
func (d *desk) Publish(_ context.Context, m deadletter.Message) error {
	if d.dead || d.run.rng.IntN(10) == 0 {
		return errors.New("not confirmed")
	}
	l, err := deadletter.Decode(m)
	if err != nil {
		panic(err)
	}
	d.run.oracle.parked(d, l)
	d.run.operator = append(d.run.operator, l)
	return nil
}
