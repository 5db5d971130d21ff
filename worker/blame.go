package worker

import (
	"context"
	"strings"
	"time"

	"github.com/contactrelay/contactrelay/internal/people"
)

// longestProbed is how long a contact waits whose call failed while the breaker was open. What waits for longer would
// hold up the end of an outage; what waits for less would keep the other contacts of its user from being tried.
const longestProbed = 20 * time.Second

// observe notes what a call came to that began then, for all who want to know how the service is.
func (w *Worker) observe(ctx context.Context, user, method string, begun time.Time, fact *people.Error) {
	now, write := time.Now(), !strings.HasPrefix(method, "people.get")
	w.rate.observe(fact, now)
	if write && fact == nil {
		w.success.note(user, begun)
		w.fuse.succeeded(user, now)
	}
	w.breaker.observe(ctx, user, write, begun, fact)
}

// noteVisit notes what became of the calls for a contact. One whose change is given up tells nothing of the service.
func (w *Worker) noteVisit(user string, p *part, v verdict) {
	c := contactOf{user, p.resource}
	if v.outcome == DeadLettered && trouble(v.fact) {
		w.traffic.forget(c)
		return
	}
	w.traffic.note(c, v.fact, time.Now())
}

// blames reports whether it is the message's fault, or its user's, that its attempts are used up: few of the other
// contacts that were called lately fail this way, or, if it happens again to a contact that is held, few of those that
// were called since it is.
func (w *Worker) blames(user string, p *part, fact *people.Error) bool {
	if !trouble(fact) {
		return true
	}
	c, now := contactOf{user, p.resource}, time.Now()
	if well(w.traffic.others(c, fact.Kind, now.Add(-recent), now)) {
		return true
	}
	since := w.traffic.hold(c, now)
	return now.Sub(since) > recent && well(w.traffic.others(c, fact.Kind, since, now))
}

// notIts is the verdict on a message whose attempts are used up through the service's fault: it is held, with all of them
// before it. The breaker opens, unless the others are well, or a contact that is missing may be all there is to it.
func (w *Worker) notIts(user string, p *part, v verdict) verdict {
	p.tries.restart()
	now := time.Now()
	called, failing := w.traffic.others(contactOf{user, p.resource}, v.fact.Kind, now.Add(-recent), now)
	return verdict{
		wait: v.wait, cause: v.cause, lane: v.lane, fact: v.fact, everybody: v.everybody,
		breaks: v.fact.Kind != people.Internal && (called == 0 || !well(called, failing)),
	}
}

// heldByFuse is the verdict on a message whose letter the fuse holds: it is tried again.
func heldByFuse(p *part, v verdict) verdict {
	p.tries.restart()
	return verdict{wait: probeEvery, cause: causeFuse, lane: true, fact: v.fact, breaks: true}
}

// excuse gives those their attempts back that began to fail before the breaker closed last: it was the service's fault.
func (w *Worker) excuse(parts []*part) {
	closed := w.breaker.closedAt()
	for _, p := range parts {
		if !p.tries.failing.IsZero() && p.tries.failing.Before(closed) {
			p.tries.restart()
		}
	}
}

// heed opens the breaker if a verdict says so. While it is open no failure is an attempt, and waits are short: they end
// when the breaker closes.
func (w *Worker) heed(ctx context.Context, parts []*part, v verdict) verdict {
	if v.breaks || v.everybody {
		cause := causeOf(v.fact)
		if v.cause == causeFuse {
			cause = causeFuse
		}
		w.breaker.trip(ctx, cause, v.fact)
	}
	if !w.breaker.open.Load() || !v.breaks && !v.everybody && !trouble(v.fact) {
		return v
	}
	for _, p := range parts {
		p.tries.restart()
	}
	if v.wait > 0 && v.fact.Kind != people.Internal {
		v.outage, v.lane = true, false // the user waits, and then other contacts of the user go first
		v.again = min(2*v.wait, longestProbed)
		v.wait = max(v.fact.RetryAfter, min(v.wait, probeEvery))
	}
	return v
}
