package worker

import (
	"context"
	"log/slog"
	"runtime/debug"
	"strings"
	"time"

	"github.com/contactrelay/contactrelay/deadletter"
)

// handle works on a message at the head of its lane: one call, or the publication of its dead letters. It returns
// when to come back, and the zero time once the message is settled.
func (w *Worker) handle(ctx context.Context, h *held) time.Time {
	if h.verdict.outcome == "" {
		v := w.attempt(ctx, h)
		if v.outcome == "" {
			w.noteWait(ctx, h, v)
			return time.Now().Add(v.wait)
		}
		h.verdict = v
	}
	if len(h.letters) > 0 && !w.send(ctx, h) {
		if interrupted(ctx) {
			w.giveBack(h) // stopped before the letter was confirmed: the next worker decides anew
			return time.Time{}
		}
		return time.Now().Add(h.tries.backoff(0))
	}
	w.settle(h, h.verdict)
	return time.Time{}
}

// attempt makes the next call that a message needs and says what follows. What ends as a dead letter has its
// letters in h.letters then.
func (w *Worker) attempt(ctx context.Context, h *held) (v verdict) {
	counted := h.tries.calls
	defer func() {
		if p := recover(); p != nil {
			h.tries.calls = counted
			v = w.panicked(ctx, h, p)
		}
	}()
	if _, settled := w.memory.outcome(h.identity()); settled {
		return verdict{outcome: Duplicate} // delivered again after it was settled, or published twice
	}
	if h.fault != nil {
		rules := strings.TrimPrefix(h.fault.Error(), string(h.fault.Reason)+": ")
		v := park(deadletter.Reason(h.fault.Reason), rules, nil)
		v.fields = h.fault.Fields()
		return w.parked(h, v)
	}
	if !w.allowed(h.user()) {
		return w.parked(h, park(deadletter.Forbidden, "this worker may not act for the user", nil))
	}
	if h.change.Batch != nil {
		return w.attemptBatch(ctx, h)
	}
	v = w.attemptOne(ctx, h, &h.tries, single(h.change))
	if v.outcome == DeadLettered {
		return w.parked(h, v)
	}
	return v
}

// attemptOne makes one call for one contact and judges what it met.
func (w *Worker) attemptOne(ctx context.Context, h *held, t *tries, c contactChange) verdict {
	t.begin(time.Now())
	err := w.call(ctx, h, c)
	if err != nil && interrupted(ctx) {
		return verdict{outcome: Returned}
	}
	if err == nil {
		w.success.note(h.user(), time.Now())
	}
	v := judge(err, t, w.config, c.latest, time.Now())
	if v.read != readNone {
		return w.confirm(ctx, h, t, c, v)
	}
	return v
}

// panicked is the verdict on a fault of our own: an attempt like any other, and at the last a dead letter.
func (w *Worker) panicked(ctx context.Context, h *held, p any) verdict {
	w.log.ErrorContext(ctx, "panic while handling a message", "message_id", h.id, "panic", panicText(p), "stack", string(debug.Stack()))
	now := time.Now()
	h.tries.begin(now)
	h.tries.fail(now, false)
	if h.tries.usedUp(now, w.config) {
		h.batch = nil // nothing more is known of it than that it failed
		return w.parked(h, park(deadletter.RetriesExhausted, "the worker fails on this message", nil))
	}
	return verdict{wait: h.tries.backoff(0), cause: "panic"}
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

// noteWait logs why a message waits. A fault that concerns everybody is an error, once a minute, and makes the
// worker unready until a call succeeds.
func (w *Worker) noteWait(ctx context.Context, h *held, v verdict) {
	w.log.LogAttrs(ctx, slog.LevelDebug, "waiting", slog.String("message_id", h.id),
		slog.String("cause", v.cause), slog.Duration("wait", v.wait))
	if !v.everybody {
		return
	}
	w.health.failed("people", v.fact)
	w.paused.Do(func() {
		w.log.ErrorContext(ctx, "no change can be made until this is mended; nothing is dead-lettered", "err", v.fact)
	})
}
