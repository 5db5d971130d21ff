package worker

import (
	"context"
	"log/slog"
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
	Attempts  int           // calls that counted as attempts
	Calls     int           // calls of the People API in all, reads too
	Duration  time.Duration // from the delivery to now
}

// settle ends a message: it is remembered, counted, logged, answered and let go.
func (w *Worker) settle(h *held, v verdict) {
	s := Settlement{
		MessageID: h.id, User: h.user(), Contact: h.contact(), Type: h.typeName(),
		Outcome: v.outcome, Reason: v.reason, Detail: v.detail,
		Attempts: h.attempts(), Calls: h.calls, Duration: time.Since(h.arrived),
	}
	if v.outcome != Returned && v.outcome != Duplicate {
		w.memory.add(h.identity(), v.outcome)
	}
	w.tally.settled(s)
	w.report(s)

	w.mu.Lock()
	delete(w.held, h.id)
	answers := h.answers
	w.mu.Unlock()
	for _, a := range answers {
		if v.outcome == Returned {
			a.Nack() // it was not done and nobody here will do it
		} else {
			a.Ack() // done, or its letters are confirmed, or it was settled before
		}
	}
}

// report logs a settlement and tells who wants to know. No personal data: IDs and resource names only.
func (w *Worker) report(s Settlement) {
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
	attrs = append(attrs, slog.Int("attempts", s.Attempts), slog.Duration("duration", s.Duration))
	w.log.LogAttrs(context.Background(), slog.LevelInfo, "settled", attrs...)
	if w.config.Settled != nil {
		w.config.Settled(s)
	}
}
