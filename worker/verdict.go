package worker

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/contactrelay/contactrelay/deadletter"
	"github.com/contactrelay/contactrelay/internal/people"
)

// verdict is what follows from a fact: the message ends with an outcome, or it waits, or a read must decide.
type verdict struct {
	outcome Outcome // empty: not settled

	// of a message that waits
	wait  time.Duration
	cause string // of the wait, as logs, metrics and /lanes show it
	idle  bool   // nothing was tried: it only waits on, or for its turn
	lane  bool   // the user waits, not the contact alone
	// outage is true when the service may be down: it failed so, and no call has succeeded since. The user waits, and
	// then the contacts go first that this one must not hold up.
	outage bool
	again  time.Duration // with outage, how long the contact waits if not twice as long as the user
	// everybody is true when the fact concerns all users: the operator must act, and nothing is dead-lettered.
	everybody bool
	// breaks is true when the fault is not the message's as far as can be told: the breaker opens.
	breaks bool

	// read is why the contact must be read before anything is decided; see calls.one.
	read readCause

	// of a dead letter
	reason      deadletter.Reason
	detail      string // a fixed text with names of fields and counts, never what the service said
	fields      []string
	fact        *people.Error // what the service answered; nil if it was not asked
	currentEtag string
}

// readCause is what a read of the contact decides.
type readCause string

const (
	readNone      readCause = ""
	readConflict  readCause = "conflict"  // the etag differs, or there is none: what does the contact hold?
	readExhausted readCause = "exhausted" // is the fault the message's or the service's?
)

// park is the verdict of a message that no later try can help.
func park(reason deadletter.Reason, detail string, fact *people.Error) verdict {
	return verdict{outcome: DeadLettered, reason: reason, detail: detail, fact: fact}
}

// judge turns what a call for a change met into a verdict. It is the only place that does. It counts on t what the
// fact means for later tries, and touches nothing else. justRead is true for a write whose etag was read just before.
func judge(err error, t *tries, c Config, justRead bool, now time.Time) verdict {
	if err == nil {
		return verdict{outcome: Applied}
	}
	fact, ok := errors.AsType[*people.Error](err)
	if !ok {
		return park(deadletter.Rejected, "the change cannot be sent", nil) // not even a request came about
	}
	switch fact.Kind {
	case people.StaleEtag:
		if justRead {
			return t.transient(fact, c, now) // somebody wrote between our read and our write: read again
		}
		return verdict{read: readConflict, fact: fact, cause: fact.Kind.String()}
	case people.Rejected:
		return park(deadletter.Rejected, "the service rejected the change", fact)
	case people.NotFound:
		return park(deadletter.NotFound, "the contact does not exist", fact)
	case people.Forbidden:
		return park(deadletter.Forbidden, "the user may not change this contact", fact)
	case people.ScopeMissing:
		return park(deadletter.UserUnauthorized, "the user's grant lacks the contacts scope", fact)
	case people.GrantRefused:
		return park(deadletter.UserUnauthorized, "there is no grant for the user", fact)
	case people.UserQuota, people.ProjectQuota:
		if fact.Period == time.Second {
			return t.waiting(fact, fact.RetryAfter+rand.N(time.Second)) // rate.go sees to it that less is asked
		}
		return t.waiting(fact, nextMinute(now, fact.RetryAfter))
	case people.AccountQuota:
		return t.waiting(fact, max(t.accountWait(), fact.RetryAfter))
	case people.ServiceDisabled, people.ClientRejected:
		v := t.waiting(fact, max(pausedWait, fact.RetryAfter))
		v.everybody = true
		return v
	}
	if fact.HTTPStatus == http.StatusRequestEntityTooLarge {
		return park(deadletter.Rejected, "the service does not take a change so large", fact)
	}
	// No answer, no token just now, 401, 5xx, a name missing in an answer, what nobody foresaw: time may cure it.
	return t.transient(fact, c, now)
}

// waiting is the verdict on a quota: the message waits, and that is no attempt.
func (t *tries) waiting(fact *people.Error, d time.Duration) verdict {
	t.uncount(d)
	return verdict{wait: d, cause: fact.Kind.String(), lane: true, fact: fact}
}

// transient is the verdict on a fault that may pass: try again later, or let a read tell whose fault it is.
func (t *tries) transient(fact *people.Error, c Config, now time.Time) verdict {
	t.fail(now, fact.RetryAfter, fact.Kind == people.Internal)
	t.account = 0
	v := verdict{wait: t.backoff(fact.RetryAfter), cause: fact.Kind.String(), fact: fact}
	v.lane = fact.Kind == people.Unauthenticated // the user's token, whatever the contact
	if t.usedUp(now, c) {
		v.read = readExhausted
	}
	return v
}

// judgeRead is the verdict when a change has had its attempts and the contact can be read.
func judgeRead(v verdict) verdict {
	if v.fact.Kind == people.Unauthenticated {
		return verdict{wait: v.wait, cause: v.cause, lane: v.lane, fact: v.fact} // the token is accepted again
	}
	return park(deadletter.RetriesExhausted, "the attempts are used up", v.fact)
}

// judgeUnread is the verdict when a change has had its attempts and the contact could not be read either, which failed
// so. anySuccess and othersSuccess report whether any call, and one of another user, succeeded since it began to fail:
// then the fault is the message's or the user's. Else it is the service's: the change is held, with all its attempts
// before it.
func judgeUnread(v, failed verdict, t *tries, anySuccess, othersSuccess bool) verdict {
	switch {
	case failed.fact.Kind == people.Internal && anySuccess:
		return park(deadletter.RetriesExhausted, "the attempts are used up", failed.fact)
	case failed.fact.Kind == people.Unauthenticated && v.fact.Kind == people.Unauthenticated && othersSuccess:
		return park(deadletter.UserUnauthorized, "the user's token is not accepted", failed.fact)
	}
	t.restart()
	return verdict{
		wait: failed.wait, cause: failed.cause, lane: failed.lane, fact: failed.fact,
		everybody: failed.fact.Kind == people.Unauthenticated && !othersSuccess,
	}
}

// interrupted reports whether a call ended because the worker stops and not because of anything the service did.
func interrupted(ctx context.Context) bool {
	return errors.Is(context.Cause(ctx), errDrained)
}
