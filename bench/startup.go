package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/contactrelay/contactrelay/internal/peoplesim"
)

// starts is how often the start is measured.
const starts = 11

// startup is the median time from the start of contactrelay's process to the end of its first call, with a message that
// waits and a service that answers at once.
func (b *bench) startup(ctx context.Context) (median time.Duration, err error) {
	t := &trial{contender: ours, feed: manyUsers(starts, 1), workload: &workload{}}
	if t.services, err = serve(b.programs.simulate); err != nil {
		return 0, err
	}
	defer t.services.stop()
	seeding := peoplesim.Seeding{Users: t.feed.users, Contacts: t.feed.contacts}
	if err := t.services.people.send(ctx, "POST", "/seed", seeding); err != nil {
		return 0, err
	}
	var took []time.Duration
	for i := range t.feed.changes {
		d, err := t.firstCall(ctx, b.programs, &feed{changes: t.feed.changes[i : i+1], offset: i})
		if err != nil {
			return 0, fmt.Errorf("start %d: %w", i, err)
		}
		took = append(took, d)
	}
	slices.Sort(took)
	return took[len(took)/2], nil
}

// firstCall starts a worker for a message that waits already and returns when that was applied, counted from the start.
func (t *trial) firstCall(ctx context.Context, p *programs, f *feed) (took time.Duration, err error) {
	published, err := newPublisher(t.services.pubsub.Listen, f, 0)
	if err != nil {
		return 0, err
	}
	defer published.close()
	if err := published.publish(ctx); err != nil {
		return 0, err
	}
	if t.process, err = t.contender.start(p, t.services, t.workload, ""); err != nil {
		return 0, err
	}
	defer t.process.stop()
	if err := t.settled(ctx, f.offset+1, time.Minute, nil); err != nil {
		return 0, err
	}
	err = each(ctx, t.services.people, fmt.Sprintf("/audit?after=%d", f.offset), func(w peoplesim.Write) {
		took = w.Time.Sub(t.process.begun)
	})
	return took, err
}
