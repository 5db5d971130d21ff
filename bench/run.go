package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/contactrelay/contactrelay/internal/peoplesim"
)

// trial is one contender at one workload, in a world of its own.
type trial struct {
	workload  *workload
	contender contender
	feed      *feed
	services  *services
	process   *process
	publisher *publisher
}

// unaudited is the number from which on changes are there for what they do to the worker, and not judged.
const unaudited = 1 << 29

// warmUser makes the change with which each run begins, before anything is measured: then the connections stand. The user
// makes no other.
const warmUser = 1_000_000

// pollEvery is how often a run looks whether all is settled, and what a contender may be charged too much for.
const pollEvery = 20 * time.Millisecond

// try runs a trial and returns its figures.
func (b *bench) try(ctx context.Context, w *workload, c contender) (f *figures, err error) {
	t := &trial{workload: w, contender: c, feed: w.given(b.short)}
	if t.services, err = serve(b.programs.simulate); err != nil {
		return nil, err
	}
	defer t.services.stop()
	profile := b.profile(w)
	if t.process, err = c.start(b.programs, t.services, w, profile); err != nil {
		return nil, err
	}
	defer t.process.kill()
	if err := t.prepare(ctx); err != nil {
		return nil, err
	}
	var heap int64
	if w.primer != nil {
		filling := w.primer()
		if b.short {
			filling.changes = filling.changes[:w.brief]
		}
		if heap, err = t.prime(ctx, filling); err != nil {
			return nil, err
		}
	}
	if t.publisher, err = newPublisher(t.services.pubsub.Listen, t.feed, w.ahead); err != nil {
		return nil, err
	}
	defer t.publisher.close()
	m, err := t.measure(ctx, c.limit(w, b.short))
	if err != nil {
		return nil, err
	}
	if w.primer != nil {
		after, err := t.process.heap(ctx, syscall.SIGUSR1)
		if err != nil {
			return nil, err
		}
		m.grown = after - heap
	}
	if profile != "" && c == ours {
		if _, err := t.process.heap(ctx, syscall.SIGUSR2); err != nil {
			return nil, err
		}
	}
	t.process.stop()
	return t.judge(ctx, m)
}

// prepare seeds the contacts, waits until the contender receives and lets it make its first call.
func (t *trial) prepare(ctx context.Context) error {
	warm := &feed{changes: []change{{user: warmUser, count: 1, before: -1}}, offset: unaudited}
	c := &warm.changes[0]
	contact, err := json.Marshal(map[string]any{"resourceName": c.contactName(0)})
	if err != nil {
		return err
	}
	err = t.services.people.send(ctx, "POST", "/seed", peoplesim.Seeding{
		Users: t.feed.users, Contacts: t.feed.contacts, People: map[string][]json.RawMessage{c.userName(): {contact}},
	})
	if err != nil {
		return err
	}
	if err := t.workOff(ctx, warm); err != nil {
		return fmt.Errorf("warm up: %w", err)
	}
	return t.services.people.send(ctx, "PUT", "/faults", t.workload.misbehaviour())
}

// prime has the worker work off what fills its memories, and returns its heap then.
func (t *trial) prime(ctx context.Context, f *feed) (heap int64, err error) {
	seeding := peoplesim.Seeding{Users: f.users, Contacts: f.contacts}
	if err := t.services.people.send(ctx, "POST", "/seed", seeding); err != nil {
		return 0, err
	}
	if err := t.workOff(ctx, f); err != nil {
		return 0, fmt.Errorf("fill the memories: %w", err)
	}
	return t.process.heap(ctx, syscall.SIGUSR1)
}

// workOff publishes a feed of which nothing is measured and blocks until it is settled.
func (t *trial) workOff(ctx context.Context, f *feed) error {
	p, err := newPublisher(t.services.pubsub.Listen, f, t.workload.ahead)
	if err != nil {
		return err
	}
	defer p.close()
	before, err := t.services.queue(ctx)
	if err != nil {
		return err
	}
	var group errgroup.Group
	group.Go(func() error { return p.publish(ctx) })
	settled := t.settled(ctx, int(before.Published)+len(f.changes), patience, p.left)
	return errors.Join(settled, group.Wait())
}

// errCapped says that a run did not end by itself.
var errCapped = errors.New("the time is over")

// settled blocks until so many messages were published and none is left. It tells left, if not nil, what is.
func (t *trial) settled(ctx context.Context, n int, limit time.Duration, left func(backlog int)) error {
	ticks := time.NewTicker(pollEvery)
	defer ticks.Stop()
	for over := time.After(limit); ; {
		stats, err := t.services.queue(ctx)
		if err != nil {
			return err
		}
		if left != nil {
			left(stats.Backlog)
		}
		if int(stats.Published) >= n && stats.Backlog == 0 {
			return nil
		}
		if err := t.process.failure(); err != nil {
			return err
		}
		select {
		case <-ticks.C:
		case <-over:
			return errCapped
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// measurement is what was seen from outside while a feed was worked off.
type measurement struct {
	begun       time.Time
	took        time.Duration // until all was settled, or the run was cut off
	capped      bool
	cpu         time.Duration
	peak        int64
	grown       int64 // of the heap, since the memories were full
	calls       int64
	redelivered int
	units       peoplesim.Units
}

// measure publishes the feed and watches the contender until all is settled.
func (t *trial) measure(ctx context.Context, limit time.Duration) (m measurement, err error) {
	before, err := t.services.spent(ctx)
	if err != nil {
		return m, err
	}
	queue, err := t.services.queue(ctx)
	if err != nil {
		return m, err
	}
	if t.workload.quota > 0 && limit > time.Minute/2 {
		awaitMinute(ctx) // the quotas are those of the clock's minutes
	}
	used, err := t.process.cpu()
	if err != nil {
		return m, err
	}
	m.begun = time.Now()
	publishing, cancel := context.WithCancel(ctx)
	defer cancel()
	var group errgroup.Group
	group.Go(func() error { return t.publisher.publish(publishing) })
	err = t.settled(ctx, int(queue.Published)+len(t.feed.changes), limit, t.publisher.left)
	m.took, m.capped = time.Since(m.begun), errors.Is(err, errCapped)
	cancel()
	published := group.Wait()
	if err != nil && !m.capped {
		return m, err
	}
	if published != nil && !m.capped {
		return m, published
	}
	now, err := t.process.cpu()
	if err != nil {
		return m, err
	}
	m.cpu = now - used
	if m.peak, err = t.process.peak(); err != nil {
		return m, err
	}
	after, err := t.services.spent(ctx)
	if err != nil {
		return m, err
	}
	m.calls, m.units = count(after.Calls)-count(before.Calls), minus(after.Units, before.Units)
	left, err := t.services.queue(ctx)
	m.redelivered = int(left.Redeliveries - queue.Redeliveries)
	return m, err
}

// awaitMinute blocks until a minute of the clock begins.
func awaitMinute(ctx context.Context) {
	select {
	case <-time.After(time.Until(time.Now().Truncate(time.Minute).Add(time.Minute))):
	case <-ctx.Done():
	}
}

// count is all calls.
func count(calls peoplesim.Calls) (n int64) {
	for _, codes := range calls {
		for _, k := range codes {
			n += k
		}
	}
	return n
}

func minus(a, b peoplesim.Units) peoplesim.Units {
	return peoplesim.Units{
		CriticalReads: a.CriticalReads - b.CriticalReads, CriticalWrites: a.CriticalWrites - b.CriticalWrites,
		DailyWrites: a.DailyWrites - b.DailyWrites,
	}
}

// judge holds what became of the changes against the feed.
func (t *trial) judge(ctx context.Context, m measurement) (*figures, error) {
	a := newAudit(t.feed)
	if err := a.read(ctx, t.services); err != nil {
		return nil, err
	}
	return newFigures(t, m, a, t.publisher.published()), nil
}
