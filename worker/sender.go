package worker

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/contactrelay/contactrelay/messages"
)

// run publishes what is added until the outbox is closed and empty, or until ctx is done: then what is left is dropped.
func (b *outbox) run(ctx context.Context) {
	if b.topic == nil {
		return
	}
	defer context.AfterFunc(ctx, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.change.Broadcast()
	})()
	var sending sync.WaitGroup
	for range b.senders {
		sending.Go(func() {
			for b.sendNext(ctx) {
			}
		})
	}
	sending.Wait()
	b.mu.Lock()
	lost := b.items
	b.mu.Unlock()
	if lost > 0 {
		b.tally.announced("dropped", lost)
		b.log.ErrorContext(ctx, "stopped before all outcomes were published", "outcomes", lost)
	}
}

// close says that nothing is added any more. What waits is tried at once, whatever failed before.
func (b *outbox) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return
	}
	b.closed, b.until = true, time.Time{}
	b.pause.Reset()
	close(b.closing)
	b.change.Broadcast()
}

// sendNext publishes the next sheaf. It blocks until there is one, and reports false when no more is to come.
func (b *outbox) sendNext(ctx context.Context) bool {
	u, sheaf := b.take(ctx)
	if u == nil {
		return false
	}
	all := make([]messages.Message, len(sheaf))
	for i, p := range sheaf {
		all[i] = p.message
	}
	confirmed, err := b.topic.PublishAll(ctx, all)
	b.tally.announced("published", confirmed)
	left := b.settle(u, sheaf, confirmed, err != nil)
	if err != nil && ctx.Err() == nil {
		b.tally.announced("retried", len(sheaf)-confirmed)
		b.unsent.Do(func() {
			b.log.ErrorContext(ctx, "cannot publish outcomes, trying again; changes go on", "waiting", left, "err", err)
		})
	}
	return true
}

// take blocks until there is something to send, and takes it off its pile: the first outcomes of the user whose turn it
// is. It returns nil when the outbox is closed and empty, or when ctx is done.
func (b *outbox) take(ctx context.Context) (*pile, []*parcel) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for ctx.Err() == nil {
		switch {
		case b.ready.Len() == 0 && b.closed && b.items == 0:
			return nil, nil
		case b.ready.Len() == 0:
			b.change.Wait()
		case time.Now().Before(b.until):
			b.rest(ctx)
		default:
			u := b.ready.Remove(b.ready.Front()).(*pile)
			u.turn = nil
			return u, b.lift(u)
		}
	}
	return nil, nil
}

// lift takes the next sheaf off a pile. Callers hold mu, here and below.
func (b *outbox) lift(u *pile) []*parcel {
	n := min(len(u.waiting), maxSheaf)
	sheaf := slices.Clone(u.waiting[:n])
	clear(u.waiting[:n])
	u.waiting = u.waiting[n:]
	for _, p := range sheaf {
		b.waiting.Remove(p.place)
	}
	return sheaf
}

// rest lets go of mu until the pause after a failure is over; a close ends a pause that had begun before it.
func (b *outbox) rest(ctx context.Context) {
	closing := b.closing
	if b.closed {
		closing = nil
	}
	timer := time.NewTimer(time.Until(b.until))
	b.mu.Unlock()
	select {
	case <-timer.C:
	case <-closing:
	case <-ctx.Done():
	}
	timer.Stop()
	b.mu.Lock()
}

// settle notes what came of a sheaf, puts what is not confirmed back before the others of its user, and returns how many
// outcomes are left.
func (b *outbox) settle(u *pile, sheaf []*parcel, confirmed int, failed bool) (left int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range sheaf[:confirmed] {
		b.gone(p)
	}
	rest := sheaf[confirmed:]
	b.await(rest)
	u.waiting = append(rest, u.waiting...)
	switch now := time.Now(); {
	case !failed:
		b.pause.Reset()
	case !now.Before(b.until): // else it had begun before another one failed
		b.until = now.Add(b.pause.NextBackOff())
	}
	if len(u.waiting) > 0 {
		b.enqueue(u)
	} else {
		delete(b.piles, u.user)
	}
	if b.items == 0 && b.closed {
		b.change.Broadcast()
	}
	return b.items
}

// await enters parcels that are to wait again, by their coming: those that came first are dropped first.
func (b *outbox) await(again []*parcel) {
	next := b.waiting.Front()
	for _, p := range again {
		for next != nil && next.Value.(*parcel).number < p.number {
			next = next.Next()
		}
		if next == nil {
			p.place = b.waiting.PushBack(p)
		} else {
			p.place = b.waiting.InsertBefore(p, next)
		}
	}
}
