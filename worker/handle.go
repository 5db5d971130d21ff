package worker

import (
	"context"
	"log/slog"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/contactrelay/contactrelay/deadletter"
	"github.com/contactrelay/contactrelay/ordering"
)

// handle makes the next call that these messages of a user need, publishes the dead letters that follow from it, and
// says what becomes of each message. Several messages have one mask and go in one call.
func (w *Worker) handle(ctx context.Context, items []*held, waiting waiting) []ordering.Fate {
	for _, h := range items {
		w.phase(h, spanLane, h.idle, nil)
	}
	probe := w.breaker.begin()
	v := w.attempt(ctx, items, waiting)
	if probe {
		w.breaker.end(ctx, items[0].user(), v.wait > 0)
	}
	fates := make([]ordering.Fate, len(items))
	var sending sync.WaitGroup
	for i, h := range items {
		if len(h.letters) == 0 {
			fates[i] = w.conclude(ctx, h, v)
			continue
		}
		sending.Go(func() { fates[i] = w.conclude(ctx, h, v) })
	}
	sending.Wait()
	for i, h := range items {
		h.idle = time.Now()
		if fates[i] != (ordering.Fate{}) {
			h.rest() // else it goes on at once
		}
	}
	return fates
}

// attempt decides the messages that need no call, makes one call for the others, and writes the letters of those that
// end as dead letters. The verdict is what the messages that have not ended wait for.
func (w *Worker) attempt(ctx context.Context, items []*held, waiting waiting) (v verdict) {
	defer func() {
		if p := recover(); p != nil {
			v = w.panicked(ctx, items, p)
		}
	}()
	for _, h := range items {
		w.prejudge(h)
	}
	v = w.minutes.shorten(items[0].user(), w.callNext(ctx, items, waiting), time.Now())
	for _, h := range items {
		if h.undecided() && len(h.open()) == 0 {
			h.verdict = w.ended(h)
		}
	}
	return v
}

// undecided reports whether calls may still be made for a message: it has not ended, and its letters could be written.
func (h *held) undecided() bool { return h.verdict.outcome == "" && h.verdict.wait == 0 }

// prejudge ends a message that needs no call.
func (w *Worker) prejudge(h *held) {
	if h.verdict.outcome != "" {
		return // its letters wait to be sent
	}
	_, settled := w.memory.outcome(h.identity())
	switch {
	case settled:
		h.verdict = verdict{outcome: Duplicate} // delivered again after it was settled, or published twice
	case h.fault != nil:
		rules := strings.TrimPrefix(h.fault.Error(), string(h.fault.Reason)+": ")
		v := park(deadletter.Reason(h.fault.Reason), rules, nil)
		v.fields = h.fault.Fields()
		h.verdict = w.write(h, v, subset{})
	case !Allows(w.config.AllowUsers, h.user()):
		h.verdict = w.write(h, park(deadletter.Forbidden, "this worker may not act for the user", nil), subset{})
	}
}

// callNext makes the next call for what is left of the messages: one for all that can go together, else one for a
// contact that goes alone.
func (w *Worker) callNext(ctx context.Context, items []*held, waiting waiting) verdict {
	var together, alone []*part
	events := map[digest]bool{}
	for _, h := range items {
		if !h.undecided() || events[h.identity()] {
			continue // an event that stands here twice is made once; its second message is found settled then
		}
		events[h.identity()] = true
		for _, p := range h.open() {
			if p.single() {
				alone = append(alone, p)
			} else {
				together = append(together, p)
			}
		}
	}
	c := &calls{worker: w, user: items[0].user(), messageType: items[0].kind, items: items, waiting: waiting}
	open := append(together, alone...)
	if len(open) == 0 {
		return verdict{}
	}
	units := 1
	if len(together) > 1 {
		units = batchUnits
	}
	if v, ok := w.admit(ctx, c.user, units); !ok {
		return v
	}
	w.excuse(open)
	if len(together) > 1 {
		return w.heed(ctx, open, c.together(ctx, together))
	}
	return c.oneOf(ctx, open)
}

// concludeAgain is when a message is come back to whose settlement panicked.
const concludeAgain = time.Minute

// conclude settles a message that has ended and whose letters are confirmed, and says when to come back to another.
func (w *Worker) conclude(ctx context.Context, h *held, v verdict) (fate ordering.Fate) {
	defer func() {
		if p := recover(); p != nil {
			w.log.ErrorContext(h.traced(ctx), "panic while settling a message", "message_id", h.id, "panic", panicText(p), "stack", string(debug.Stack()))
			fate = ordering.Fate{Again: time.Now().Add(concludeAgain)}
		}
	}()
	if h.verdict.outcome == "" {
		if h.verdict.wait > 0 {
			v, h.verdict = h.verdict, verdict{} // it has a wait of its own
		}
		w.noteWait(ctx, h, v)
		return v.fate(time.Now())
	}
	if len(h.letters) > 0 && !w.send(ctx, h) {
		w.tally.retried(causeLetter)
		return ordering.Fate{Again: time.Now().Add(h.sending.backoff(0)), Why: causeLetter}
	}
	w.finish(h)
	return ordering.Fate{Finished: true}
}

// fate is what a verdict that is no end means for the lane.
func (v verdict) fate(now time.Time) ordering.Fate {
	f := ordering.Fate{Why: v.cause}
	switch {
	case v.wait == 0:
		return ordering.Fate{}
	case v.lane:
		f.Lane = now.Add(v.wait)
	case v.outage:
		f.Lane, f.Again = now.Add(v.wait), now.Add(max(2*v.wait, v.again))
	default:
		f.Again = now.Add(v.wait)
	}
	return f
}

// panicked is the verdict on a fault of our own: an attempt like any other, and at the last a dead letter.
func (w *Worker) panicked(ctx context.Context, items []*held, p any) verdict {
	w.log.ErrorContext(items[0].traced(ctx), "panic while handling messages", "message_id", items[0].id, "messages", len(items),
		"panic", panicText(p), "stack", string(debug.Stack()))
	now := time.Now()
	v := verdict{cause: causePanic}
	for _, h := range items {
		if h.verdict.outcome != "" {
			continue
		}
		h.sending.begin(now)
		h.sending.fail(now, 0, false)
		v.wait = max(v.wait, h.sending.backoff(0))
		if h.sending.usedUp(now, w.config) {
			h.verdict = w.write(h, park(deadletter.RetriesExhausted, "the worker fails on this message", nil), subset{})
		}
		for _, part := range h.parts {
			part.alone = true // only one of them may be at fault
		}
	}
	return v
}

// panicText shows a panic of the runtime (index out of range, nil map) and hides every other: its text could
// carry a value out of the message.
func panicText(p any) string {
	if err, ok := p.(interface {
		error
		RuntimeError()
	}); ok {
		return err.Error()
	}
	return "not shown"
}

// noteTry counts a try that has to be made again.
func (w *Worker) noteTry(v verdict) {
	if v.wait > 0 && !v.idle {
		w.tally.retried(v.cause)
	}
}

// noteWait counts and logs why a message waits.
func (w *Worker) noteWait(ctx context.Context, h *held, v verdict) {
	w.noteTry(v)
	w.log.LogAttrs(h.traced(ctx), slog.LevelDebug, "waiting", slog.String("message_id", h.id),
		slog.String("cause", v.cause), slog.Duration("wait", v.wait))
}
