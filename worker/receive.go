package worker

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/cenkalti/backoff/v4"
	"golang.org/x/sync/errgroup"

	"github.com/contactrelay/contactrelay/messages"
	"github.com/contactrelay/contactrelay/ordering"
)

// receive keeps receiving on all streams until ctx is done, or until the subscription cannot be used.
func (w *Worker) receive(ctx context.Context, lanes *ordering.Lanes[*held]) error {
	group, ctx := errgroup.WithContext(ctx)
	for stream := range w.source.Streams() {
		group.Go(func() error { return w.receiveStream(ctx, stream, lanes) })
	}
	return group.Wait()
}

// receiveStream keeps receiving on a stream until ctx is done. The client gives up for good when the subscription is
// gone or may not be read; an operator can mend that while the worker runs, so the worker says so each minute and tries
// again.
func (w *Worker) receiveStream(ctx context.Context, stream int, lanes *ordering.Lanes[*held]) error {
	part := fmt.Sprintf("stream %d", stream)
	again := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(time.Second), backoff.WithMaxInterval(10*time.Second), backoff.WithMaxElapsedTime(0))
	for {
		begun := time.Now()
		err := w.receiveOnce(ctx, stream, part, lanes)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, ErrUnordered):
			return err
		case time.Since(begun) > time.Minute:
			again.Reset() // it had worked
		}
		w.health.failed(part, err)
		w.deaf.Do(func() { w.log.ErrorContext(ctx, "cannot receive, trying again", "stream", stream, "err", err) })
		wait(ctx, again.NextBackOff())
	}
}

// receiveSettles is for how long receiving must not have failed to count as working: the client tells of a missing
// permission after a moment.
const receiveSettles = 2 * time.Second

// receiveOnce receives until ctx is done or the stream fails for good.
func (w *Worker) receiveOnce(ctx context.Context, stream int, part string, lanes *ordering.Lanes[*held]) error {
	ordered, err := w.source.Ordered(ctx)
	if err != nil {
		return err
	}
	if !ordered {
		return ErrUnordered
	}
	works := time.AfterFunc(receiveSettles, func() {
		if w.health.mended(part) {
			w.log.InfoContext(ctx, "receiving works again")
		}
	})
	defer works.Stop()
	err = w.source.Receive(ctx, stream, func(ctx context.Context, d delivery) {
		d.stream = stream
		w.arrive(ctx, lanes, d)
	})
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

// arrive puts a delivery into its user's lane and returns. It blocks while the worker holds its limit: the client's
// flow control counts running callbacks only.
func (w *Worker) arrive(ctx context.Context, lanes *ordering.Lanes[*held], d delivery) {
	w.tally.received()
	h, known := w.hold(d)
	if known {
		s := Settlement{MessageID: h.id, User: h.user(), Type: h.kind, Outcome: Duplicate}
		w.tally.settled(s)
		w.report(h.traced(ctx), s)
		return // its answer is given together with that of the one that is held
	}
	w.clamp(h, lanes.Unfinished)
	w.phase(h, spanReceive, h.arrived, nil)
	h.idle = time.Now()
	here := ordering.Arrival[*held]{
		Key: h.lane(), ID: h.id, Stream: d.stream, Number: h.turn(), Done: h.ended, Bytes: d.bytes(), Item: h,
	}
	if err := lanes.Put(ctx, here); err != nil {
		w.giveBack(h) // the worker stops, or the key's gate is closed: it comes again
	}
	w.breaker.nudge() // another user may have come, for whom the service works
}

// hold enters a delivery among the held messages. A message that is held already only gains an answer, since both
// leases must end when it is settled: known is true and the delivery is not to be queued again.
func (w *Worker) hold(d delivery) (h *held, known bool) {
	fresh := w.decode(d)
	fresh.span = w.openSpan(fresh)
	w.mu.Lock()
	defer w.mu.Unlock()
	if h, known = w.held[d.id]; known {
		h.answers = append(h.answers, d.answer)
		fresh.closeSpan(Settlement{Outcome: Duplicate})
		return h, true
	}
	w.arrivals++
	fresh.number = w.arrivals
	w.place(fresh)
	w.held[d.id] = fresh
	return fresh, false
}

// decode makes a held message of a delivery. A message that cannot be decoded is held as well: it is parked when its
// turn in the lane comes, so that the answers of a user's messages keep their order.
func (w *Worker) decode(d delivery) (h *held) {
	h = &held{id: d.id, publish: d.publish, message: d.message, answers: []answer{d.answer}, arrived: time.Now()}
	defer func() {
		if p := recover(); p != nil {
			w.log.Error("panic while decoding a message", "message_id", d.id, "panic", panicText(p), "stack", string(debug.Stack()))
			h.fault = &messages.Error{Reason: messages.Malformed, Faults: []messages.Fault{{Rule: "cannot be decoded"}}}
		}
		h.kind = h.typeName()
	}()
	change, err := messages.Decode(d.message, messages.Limits{MaxPhotoBytes: w.config.MaxPhotoBytes})
	if err != nil {
		h.fault, _ = errors.AsType[*messages.Error](err) // it always is one
		return h
	}
	h.replayed = change.Replay
	h.parts = partsOf(h, change)
	h.rest()
	if w.config.Outcomes != nil {
		for _, p := range h.parts {
			p.asked = askedBy(change)
		}
	}
	return h
}
