package worker

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/contactrelay/contactrelay/deadletter"
)

// Outcome is what a delivery ends as.
type Outcome string

// The outcomes, a closed set: every delivery ends as exactly one.
const (
	Applied        Outcome = "applied"
	AlreadyApplied Outcome = "already_applied"
	Superseded     Outcome = "superseded"
	DeadLettered   Outcome = "dead_lettered"
	Returned       Outcome = "returned"
	Duplicate      Outcome = "duplicate" // a held message delivered again, or one settled before
)

// Outcomes returns all of them, in the order of the design.
func Outcomes() []Outcome {
	return []Outcome{Applied, AlreadyApplied, Superseded, DeadLettered, Returned, Duplicate}
}

// Settlement is how one delivery ended.
type Settlement struct {
	MessageID string
	User      string
	Contact   string // resource name; empty for batch messages and for what could not be decoded
	Type      string // patch, photo, batch or unknown
	Outcome   Outcome
	Reason    deadletter.Reason // of a dead letter; a batch message may leave several: the first by contact
	Detail    string
	Fields    []string      // in conflict, merged, or dropped because a newer change of them was made
	Attempts  int           // calls that counted as attempts
	Calls     int           // calls of the People API in all, reads too
	Duration  time.Duration // from the delivery to now
}

// finish ends a message: it is remembered, audited, announced, logged and let go. It is answered when its turn in the lane comes.
func (w *Worker) finish(h *held) {
	s := w.settlement(h, h.verdict)
	if s.Outcome != Duplicate {
		w.memory.settle(h.identity(), s.Outcome, h.rank)
		w.audit.finished(h, w)
		w.announce(h)
		for _, p := range h.parts {
			w.histories.weigh(h.user(), p.resource)
		}
	}
	h.settled = &s
	w.report(h.traced(context.Background()), s)
	h.letGo()
}

// release acknowledges a message that has ended: it was done, or its letters are confirmed, or it was settled before.
func (w *Worker) release(h *held) {
	w.tally.settled(*h.settled)
	if h.settled.Outcome != Duplicate {
		w.tally.aged(time.Since(h.publish))
	}
	for _, a := range w.forget(h) {
		a.Ack()
	}
	w.phase(h, spanSettle, h.idle, nil)
	h.closeSpan(*h.settled)
}

// giveBack returns a message to the queue, because the worker stops or holds too many that wait. One that has ended
// but whose turn had not come is remembered as settled.
func (w *Worker) giveBack(h *held) {
	s, waited := w.settlement(h, verdict{outcome: Returned}), spanLane
	if h.settled != nil {
		s, waited = *h.settled, spanSettle
	} else {
		w.memory.giveBack(copyOf(h.user(), h.id), h.rank)
		w.report(h.traced(context.Background()), s)
	}
	s.Outcome, s.Reason = Returned, ""
	w.tally.settled(s)
	for _, a := range w.forget(h) {
		a.Nack()
	}
	w.phase(h, waited, h.idle, nil)
	h.closeSpan(s)
}

// settlement is how a message ends with a verdict.
func (w *Worker) settlement(h *held, v verdict) Settlement {
	return Settlement{
		MessageID: h.id, User: h.user(), Contact: h.contact(), Type: h.kind,
		Outcome: v.outcome, Reason: v.reason, Detail: v.detail, Fields: v.fields,
		Attempts: h.attempts(), Calls: h.calls, Duration: time.Since(h.arrived),
	}
}

// forget takes a message out of those that are held and returns the answers it owes.
func (w *Worker) forget(h *held) []answer {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.held, h.id)
	return h.answers
}

// report logs a settlement and tells who wants to know. No personal data: IDs and resource names only.
func (w *Worker) report(ctx context.Context, s Settlement) {
	if w.config.Settled != nil {
		defer w.config.Settled(s)
	}
	if !w.log.Enabled(ctx, slog.LevelInfo) {
		return // the label of a user alone is a hash
	}
	attrs := []slog.Attr{slog.String("message_id", s.MessageID)}
	if w.config.UserLabel != nil && s.User != "" {
		attrs = append(attrs, slog.String("user", w.config.UserLabel(s.User)))
	}
	if s.Contact != "" {
		attrs = append(attrs, slog.String("contact", s.Contact))
	}
	attrs = append(attrs, slog.String("type", s.Type), slog.String("verdict", string(s.Outcome)))
	if s.Reason != "" {
		attrs = append(attrs, slog.String("reason", string(s.Reason)), slog.String("detail", s.Detail))
	}
	if len(s.Fields) > 0 {
		attrs = append(attrs, slog.String("fields", strings.Join(s.Fields, ",")))
	}
	attrs = append(attrs, slog.Int("attempts", s.Attempts), slog.Duration("duration", s.Duration))
	w.log.LogAttrs(ctx, slog.LevelInfo, "settled", attrs...)
}
