package worker

import (
	"context"
	"log/slog"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/contactrelay/contactrelay/internal/people"
)

const (
	// probeEvery is the time between two probes, 12 a minute. A probe of a service that is down is a call; where there is
	// no token, it can be two requests.
	probeEvery = 5 * time.Second
	// tellEvery is the time between two lines of the log while the breaker is open.
	tellEvery = time.Minute
	// The breaker opens before any change has used up its attempts when so many calls of so many users have failed in a
	// row: a thousand lanes that try on by themselves would be a thousand times the calls that it takes to find out.
	openCalls, openUsers = 20, 3
	// internalUsers is how many users must meet a 500 in a row: a contact that is missing can answer so for ever.
	internalUsers = 10
	// pauseUsers is from how many failing users on all others pause too. One by itself only waits, or what is held of it
	// could fill the worker and let nobody in for whom the service works.
	pauseUsers = 2
)

// pausable are the lanes, as far as the breaker needs them.
type pausable interface {
	Pause()
	Resume()
	Limit(calls int)
	Probe(prefer func(key string) bool) bool
}

// breaker is open while the service cannot be worked with, whatever the message: it is down, or not to be used as things
// are configured. As soon as two users have met that, the lanes pause with what they hold, and a probe at a time, each of
// another user if there is one, finds out when it is over. Safe for concurrent use.
type breaker struct {
	log    *slog.Logger
	health *health
	open   atomic.Bool   // the same as cause != "", for those who only ask
	wake   chan struct{} // has room for one: there may be something to probe
	tell   rate.Sometimes
	probes *rate.Limiter

	mu      sync.Mutex // guards the fields below; taken before the lock of the lanes, never after it
	lanes   pausable
	cause   string // empty: closed
	paused  bool
	fact    *people.Error
	since   time.Time
	closed  time.Time       // when it closed last
	careful bool            // the service has not answered yet with anything but trouble
	places  int             // for calls, while careful
	probing bool            // a probe is under way
	read    bool            // it has read a contact
	tried   map[string]bool // while it is open, the users whose calls failed since one succeeded
	failed  int             // calls in a row
	failing map[string]bool // users whose calls failed since one succeeded, 500 left out
	broken  map[string]bool // users who met a 500 since then
	refused map[string]bool // users whose last call was answered 401
	opened  map[string]int  // how often, by cause
	probed  int
}

func newBreaker(log *slog.Logger, health *health) *breaker {
	return &breaker{
		log: log, health: health, wake: make(chan struct{}, 1), tell: rate.Sometimes{Interval: tellEvery},
		probes: rate.NewLimiter(rate.Every(probeEvery), 1), tried: map[string]bool{}, failing: map[string]bool{},
		broken: map[string]bool{}, refused: map[string]bool{}, opened: map[string]int{},
	}
}

// causeOf is the cause that a fact makes for everybody.
func causeOf(fact *people.Error) string {
	switch fact.Kind {
	case people.ServiceDisabled, people.ClientRejected, people.Unauthenticated:
		return fact.Kind.String()
	}
	return causeOutage
}

// trip opens the breaker, or notes for an open one what the last probe met.
func (b *breaker) trip(ctx context.Context, cause string, fact *people.Error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.openFor(ctx, cause, fact)
}

// openFor is trip. Callers hold mu, here and below.
func (b *breaker) openFor(ctx context.Context, cause string, fact *people.Error) {
	b.health.failed("people", fact)
	if b.cause == "" {
		b.since = time.Now()
		maps.Copy(b.tried, b.failing)
		maps.Copy(b.tried, b.broken)
		b.open.Store(true)
	}
	if b.cause != cause {
		b.opened[cause]++
	}
	b.cause, b.fact = cause, fact
	b.pauseIf(cause == causeFuse || len(b.broken) >= internalUsers || len(b.failing) >= pauseUsers)
	b.report(ctx)
}

// report says how things are, once a minute.
func (b *breaker) report(ctx context.Context) {
	b.tell.Do(func() {
		b.log.ErrorContext(ctx, "no change can be made until this is over; all wait and nothing is dead-lettered",
			"cause", b.cause, "err", b.fact, "since", b.since, "probes", b.probed)
	})
}

// pauseIf pauses the lanes if they shall.
func (b *breaker) pauseIf(shall bool) {
	if shall && !b.paused {
		b.paused = true
		b.lanes.Pause()
		b.nudge()
	}
}

// mend closes the breaker.
func (b *breaker) mend(ctx context.Context, now time.Time) {
	b.health.mended("people")
	b.log.InfoContext(ctx, "changes can be made again", "cause", b.cause, "paused", now.Sub(b.since), "probes", b.probed)
	b.cause, b.fact, b.closed, b.probed = "", nil, now, 0
	b.tell = rate.Sometimes{Interval: tellEvery}
	clear(b.tried)
	b.open.Store(false)
	b.paused = false
	b.lanes.Resume()
}

// observe learns from a call, which began then. What began before the breaker opened does not tell that it is over, nor
// does a read: a service may be down for writes alone. A fact other than trouble does, for an outage: the service
// answers.
func (b *breaker) observe(ctx context.Context, user string, write bool, begun time.Time, fact *people.Error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if trouble(fact) || everybodys(fact) {
		b.count(user, fact)
		switch {
		case b.cause != "":
			b.pauseIf(len(b.failing) >= pauseUsers)
		case b.failed >= b.enough() && len(b.failing) >= openUsers, len(b.broken) >= internalUsers:
			b.openFor(ctx, causeOf(fact), fact)
		}
		return
	}
	b.trust()
	b.read = b.read || fact == nil
	if !write || b.cause != "" && begun.Before(b.since) {
		return
	}
	delete(b.refused, user)
	b.failed = 0
	clear(b.failing)
	clear(b.broken)
	if b.cause != "" && (fact == nil || b.cause != causeFuse) {
		b.mend(ctx, time.Now())
	}
}

// count adds a failure to the row. The first 401 of a user may be a token that has run out. Callers hold mu.
func (b *breaker) count(user string, fact *people.Error) {
	if b.cause != "" {
		b.tried[user] = true
	}
	if fact.Kind == people.Unauthenticated && !b.refused[user] {
		if len(b.refused) >= maxVouched {
			clear(b.refused)
		}
		b.refused[user] = true
		return
	}
	if fact.Kind == people.Internal {
		if len(b.broken) < internalUsers {
			b.broken[user] = true
		}
		return
	}
	b.failed++
	if len(b.failing) < openUsers {
		b.failing[user] = true
	}
}

// everybodys reports whether a fact concerns all users.
func everybodys(fact *people.Error) bool {
	return fact != nil && (fact.Kind == people.ServiceDisabled || fact.Kind == people.ClientRejected)
}

// closedAt is when the breaker closed last; the zero time if it was never open.
func (b *breaker) closedAt() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.closed
}

// pausing is why the lanes pause, empty if they do not.
func (b *breaker) pausing() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.paused {
		return ""
	}
	return b.cause
}

// state is why the breaker is open, empty if it is closed, and how often it opened by cause.
func (b *breaker) state() (cause string, opened map[string]int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.cause, maps.Clone(b.opened)
}
