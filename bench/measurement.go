package main

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/contactrelay/contactrelay/internal/peoplesim"
)

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
	if err := t.workedOff(ctx, &m, int(queue.Published)+len(t.feed.changes), limit); err != nil {
		return m, err
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

// workedOff publishes the feed and blocks until so many messages in all were published and none is left, or the limit has
// passed.
func (t *trial) workedOff(ctx context.Context, m *measurement, published int, limit time.Duration) (err error) {
	if t.publisher, err = newPublisher(t.services.pubsub.Listen, t.feed, t.workload.ahead); err != nil {
		return err
	}
	defer t.publisher.close()
	m.begun = time.Now()
	publishing, cancel := context.WithCancel(ctx)
	defer cancel()
	var group errgroup.Group
	group.Go(func() error { return t.publisher.publish(publishing) })
	err = t.settled(ctx, published, limit, t.publisher.left)
	m.took, m.capped = time.Since(m.begun), errors.Is(err, errCapped)
	cancel()
	cut := group.Wait()
	if m.capped {
		return nil // what was not published by then is not judged
	}
	return errors.Join(err, cut)
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
