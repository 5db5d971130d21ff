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
	m, err := t.measureGrowth(ctx, c.limit(w, b.short), b.short)
	if err != nil {
		return nil, err
	}
	if profile != "" && c == ours {
		if _, err := t.process.heap(ctx, syscall.SIGUSR2); err != nil {
			return nil, err
		}
	}
	t.process.stop()
	return t.judge(ctx, m)
}

// measureGrowth is measure, and by how much the heap grows meanwhile if the workload has the worker's memories filled first.
func (t *trial) measureGrowth(ctx context.Context, limit time.Duration, short bool) (m measurement, err error) {
	if t.workload.primer == nil {
		return t.measure(ctx, limit)
	}
	filling := t.workload.primer()
	if short {
		filling.changes = filling.changes[:t.workload.brief]
	}
	full, err := t.prime(ctx, filling)
	if err != nil {
		return m, err
	}
	if m, err = t.measure(ctx, limit); err != nil {
		return m, err
	}
	after, err := t.process.heap(ctx, syscall.SIGUSR1)
	m.grown = after - full
	return m, err
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

// judge holds what became of the changes against the feed.
func (t *trial) judge(ctx context.Context, m measurement) (*figures, error) {
	a := newAudit(t.feed)
	if err := a.read(ctx, t.services); err != nil {
		return nil, err
	}
	return newFigures(t, m, a, t.publisher.published()), nil
}
