package worker

import (
	"context"
	"errors"
	"time"

	"github.com/contactrelay/contactrelay/deadletter"
	"github.com/contactrelay/contactrelay/internal/people"
)

// verdict is what follows from a fact: the message ends with an outcome, or it waits, or a read must decide.
type verdict struct {
	outcome Outcome // empty: not settled

	// of a message that waits
	wait  time.Duration
	cause string // of the wait, for logs
	// everybody is true when the fact concerns all users: the operator must act, and nothing is dead-lettered.
	everybody bool

	// read is why the contact must be read before anything is decided; see Worker.confirm.
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
	readConflict  readCause = "conflict"  // the etag differs: is the contact there, and with which etag?
	readExhausted readCause = "exhausted" // is the fault the message's or the service's?
)

// park is the verdict of a message that no later try can help.
func park(reason deadletter.Reason, detail string, fact *people.Error) verdict {
	return verdict{outcome: DeadLettered, reason: reason, detail: detail, fact: fact}
}

// judge turns what a call for a change met into a verdict. It is the only place that does. It counts on t what the
// fact means for later tries, and touches nothing else. latest is true for a change that writes over what it finds.
func judge(err error, t *tries, c Config, latest bool, now time.Time) verdict {
	if err == nil {
		return verdict{outcome: Applied}
	}
	fact, ok := errors.AsType[*people.Error](err)
	if !ok {
		return park(deadletter.Rejected, "the change cannot be sent", nil) // not even a request came about
	}
	switch fact.Kind {
	case people.StaleEtag:
		if latest {
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
		return t.waiting(fact, nextMinute(now, fact.RetryAfter))
	case people.AccountQuota:
		return t.waiting(fact, max(t.accountWait(), fact.RetryAfter))
	case people.ServiceDisabled, people.ClientRejected:
		v := t.waiting(fact, max(pausedWait, fact.RetryAfter))
		v.everybody = true
		return v
	}
	// No answer, no token just now, 401, 5xx, a name missing in an answer, what nobody foresaw: time may cure it.
	return t.transient(fact, c, now)
}

// waiting is the verdict on a quota: the message waits, and that is no attempt.
func (t *tries) waiting(fact *people.Error, d time.Duration) verdict {
	t.uncount(d)
	return verdict{wait: d, cause: fact.Kind.String(), fact: fact}
}

// transient is the verdict on a fault that may pass: try again later, or let a read tell whose fault it is.
func (t *tries) transient(fact *people.Error, c Config, now time.Time) verdict {
	t.fail(now, fact.Kind == people.Internal)
	v := verdict{wait: t.backoff(fact.RetryAfter), cause: fact.Kind.String(), fact: fact}
	if t.usedUp(now, c) {
		v.read = readExhausted
	}
	return v
}

// judgeRead turns what the read after a verdict with a readCause met into the final verdict. v is that verdict;
// othersWork reports whether calls of other users succeeded since this change began to fail.
func judgeRead(v verdict, current *people.Error, etag string, fields []string, othersWork bool) verdict {
	held := verdict{wait: v.wait, cause: v.cause, fact: v.fact} // the service's fault: hold on, try again
	if current == nil {
		if v.read == readConflict {
			p := park(deadletter.EtagConflict, "somebody changed the contact after the change was made", v.fact)
			p.fields, p.currentEtag = fields, etag
			return p
		}
		return exhausted(v, othersWork, held)
	}
	switch current.Kind {
	case people.NotFound:
		// A deleted contact may answer "stale etag", or 500, to a write and 404 only to a read.
		return park(deadletter.NotFound, "the contact does not exist", current)
	case people.Forbidden:
		return park(deadletter.Forbidden, "the user may not read this contact", current)
	case people.ScopeMissing, people.GrantRefused:
		return park(deadletter.UserUnauthorized, "there is no sufficient grant for the user", current)
	case people.Internal, people.Unauthenticated:
		if v.read == readExhausted {
			return exhausted(v, othersWork, held)
		}
	}
	return held
}

// exhausted is the verdict on a change that had its attempts while the service answers.
func exhausted(v verdict, othersWork bool, held verdict) verdict {
	switch {
	case v.fact.Kind != people.Unauthenticated:
		return park(deadletter.RetriesExhausted, "the attempts are used up", v.fact)
	case othersWork:
		return park(deadletter.UserUnauthorized, "the user's token is not accepted", v.fact)
	default:
		held.everybody = true // nobody's token is accepted, as far as we know
		return held
	}
}

// interrupted reports whether a call ended because the worker stops and not because of anything the service did.
func interrupted(ctx context.Context) bool {
	return errors.Is(context.Cause(ctx), errDrained)
}
