package worker

import (
	"context"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v4"
	"golang.org/x/time/rate"

	"github.com/contactrelay/contactrelay/messages"
	"github.com/contactrelay/contactrelay/ordering"
)

// receive keeps receiving until ctx is done. The client gives up for good when the subscription is gone or may not
// be read; an operator can mend that while the worker runs, so the worker says so each minute and tries again.
func (w *Worker) receive(ctx context.Context, lanes *ordering.Lanes[*held]) error {
	again := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(time.Second), backoff.WithMaxInterval(10*time.Second), backoff.WithMaxElapsedTime(0))
	complain := rate.Sometimes{Interval: time.Minute}
	for {
		begun := time.Now()
		err := w.receiveOnce(ctx, lanes)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, ErrUnordered):
			return err
		case time.Since(begun) > time.Minute:
			again.Reset() // it had worked
		}
		w.health.failed("receive", err)
		complain.Do(func() { w.log.ErrorContext(ctx, "cannot receive, trying again", "err", err) })
		wait(ctx, again.NextBackOff())
	}
}

// receiveOnce receives until ctx is done or the subscription fails for good.
func (w *Worker) receiveOnce(ctx context.Context, lanes *ordering.Lanes[*held]) error {
	ordered, err := w.source.Ordered(ctx)
	if err != nil {
		return err
	}
	if !ordered {
		return ErrUnordered
	}
	w.health.mended("receive")
	err = w.source.Receive(ctx, func(ctx context.Context, d delivery) { w.take(ctx, lanes, d) })
	if err == nil && ctx.Err() == nil {
		return errors.New("receiving ended by itself")
	}
	return err
}

// wait blocks for d, or until ctx is done.
func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// take puts a delivery into its user's lane and returns. It blocks while the worker holds its limit: the client's
// flow control counts running callbacks only.
func (w *Worker) take(ctx context.Context, lanes *ordering.Lanes[*held], d delivery) {
	w.tally.received()
	h, known := w.hold(d)
	if known {
		w.tally.settled(Settlement{Type: h.typeName(), Outcome: Duplicate})
		return // its answer is given together with that of the one that is held
	}
	if err := lanes.Put(ctx, h.lane(), d.bytes(), h); err != nil {
		w.giveBack(h) // the worker stops: another one, or this one's successor, gets it again
	}
}

// hold enters a delivery among the held messages. A message that is held already only gains an answer, since both
// leases must end when it is settled: known is true and the delivery is not to be queued again.
func (w *Worker) hold(d delivery) (h *held, known bool) {
	fresh := w.decode(d)
	w.mu.Lock()
	defer w.mu.Unlock()
	if h, known = w.held[d.id]; known {
		h.answers = append(h.answers, d.answer)
		return h, true
	}
	w.held[d.id] = fresh
	return fresh, false
}

// decode makes a held message of a delivery. A message that cannot be decoded is held as well: it is parked when its
// turn in the lane comes, so that the answers of a user's messages keep their order.
func (w *Worker) decode(d delivery) *held {
	h := &held{id: d.id, publish: d.publish, message: d.message, answers: []answer{d.answer}, arrived: time.Now()}
	var err error
	h.change, err = messages.Decode(d.message, messages.Limits{MaxPhotoBytes: w.config.MaxPhotoBytes})
	if err != nil {
		h.fault, _ = errors.AsType[*messages.Error](err) // it always is one
	}
	return h
}
