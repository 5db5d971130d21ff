package main

import (
	"context"
	"fmt"
	"syscall"
	"time"

	"github.com/contactrelay/contactrelay/internal/pubsubsim"
)

// weight is what a message weighs that waits in the worker.
type weight struct {
	What  string `json:"what"`
	Body  int    `json:"body"`  // bytes of its body
	Bytes int    `json:"bytes"` // of the heap in use
}

// over is what it weighs in addition to its body.
func (w weight) over() int { return w.Bytes - w.Body }

// weigh fills the worker with messages that wait and compares its heap with that of before. No call is ever answered.
func (b *bench) weigh(ctx context.Context) (all []weight, err error) {
	n := 20_000
	if b.short {
		n = 1000
	}
	for _, c := range []struct {
		what string
		feed *feed
	}{
		{"patches of one user", hotUser(n, 1)},
		{"patches of a user each", manyUsers(n, 1)},
		{"photos of 50 KB", photosOf(n / 20)},
	} {
		w, err := b.weighFeed(ctx, c.feed, b.profile(&workload{name: "weight-" + c.feed.changes[0].kind.String()}))
		if err != nil {
			return nil, fmt.Errorf("weigh %s: %w", c.what, err)
		}
		w.What = c.what
		all = append(all, w)
	}
	return all, nil
}

// photosOf is n photos of as many users.
func photosOf(n int) *feed {
	f := manyUsers(n, 1)
	for i := range f.changes {
		f.changes[i].kind = photo
	}
	return f
}

// forEver is longer than anything here takes.
const forEver = time.Hour

func (b *bench) weighFeed(ctx context.Context, f *feed, profile string) (w weight, err error) {
	t := &trial{contender: ours, feed: f, workload: &workload{
		latency: forEver, probed: true,
		flags: []string{"--max-messages", "200000", "--max-bytes", "4GiB", "--max-calls", "1", "--call-timeout", forEver.String()},
	}}
	if t.services, err = serve(b.programs.simulate); err != nil {
		return w, err
	}
	defer t.services.stop()
	if t.process, err = ours.start(b.programs, t.services, t.workload, profile); err != nil {
		return w, err
	}
	defer t.process.kill()
	if err := t.prepare(ctx); err != nil {
		return w, err
	}
	empty, err := t.process.heap(ctx, syscall.SIGUSR1)
	if err != nil {
		return w, err
	}
	if t.publisher, err = newPublisher(t.services.pubsub.Listen, f, 0); err != nil {
		return w, err
	}
	defer t.publisher.close()
	if err := t.publisher.publish(ctx); err != nil {
		return w, err
	}
	full, err := t.heapWhenFull(ctx)
	if err == nil && profile != "" {
		_, err = t.process.heap(ctx, syscall.SIGUSR2)
	}
	for i := range f.changes {
		w.Body += len(f.changes[i].body(i))
	}
	w.Body, w.Bytes = w.Body/len(f.changes), int(full-empty)/len(f.changes)
	return w, err
}

// heapWhenFull is the heap once all messages are with the worker and it has done with them what it does at first.
func (t *trial) heapWhenFull(ctx context.Context) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	path := fmt.Sprintf("/await?subscription=%s&outstanding=%d", workSubscription, len(t.feed.changes))
	if _, err := read[pubsubsim.SubscriptionStats](ctx, t.services.pubsub, path); err != nil {
		return 0, err
	}
	for last := -time.Second; ; time.Sleep(10 * pollEvery) {
		used, err := t.process.cpu()
		if err != nil {
			return 0, err
		}
		if used-last < pollEvery/4 { // at rest, but for what it does all the time
			return t.process.heap(ctx, syscall.SIGUSR1)
		}
		last = used
	}
}
