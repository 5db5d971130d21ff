package worker

import (
	"time"

	"github.com/cenkalti/backoff/v4"
)

// tries is what was tried for a message so far, or for the contact of a batch message that is tried by itself.
type tries struct {
	calls    int       // calls made that count as attempts
	first    time.Time // begin of the first call
	failing  time.Time // first failure that counts; later by the waits that do not count
	internal int       // answers 500 among the failures
	account  int       // answers "account quota" in a row
	pause    *backoff.ExponentialBackOff
}

// Limits of single facts, from people-api.md and section 7 of the design.
const (
	// maxInternal: a contact that is missing can answer 500 for ever, so 500 is tried less often than the rest.
	maxInternal = 3
	// accountQuotaWait is the first wait when an account's quota is used up, which lasts for hours; it doubles up
	// to maxAccountQuotaWait.
	accountQuotaWait    = 5 * time.Minute
	maxAccountQuotaWait = 6 * time.Hour
	// pausedWait is the time between two tries while something is misconfigured for everybody.
	pausedWait = 30 * time.Second
)

// begin counts a call that starts now.
func (t *tries) begin(now time.Time) {
	t.calls++
	if t.first.IsZero() {
		t.first = now
	}
}

// uncount takes the last call back: what it met is no fault of the message, so neither it nor the wait that
// follows counts.
func (t *tries) uncount(wait time.Duration) {
	t.calls--
	if !t.failing.IsZero() {
		t.failing = t.failing.Add(wait)
	}
}

// fail counts a failure for a passing reason. A wait that the service asks for does not count as time.
func (t *tries) fail(now time.Time, asked time.Duration, internal bool) {
	if t.failing.IsZero() {
		t.failing = now
	}
	t.failing = t.failing.Add(asked)
	if internal {
		t.internal++
	}
}

// restart gives all attempts back: those before were the service's fault.
func (t *tries) restart() {
	t.calls, t.internal, t.failing = 0, 0, time.Time{}
}

// usedUp reports whether the message has had its attempts or its time.
func (t *tries) usedUp(now time.Time, c Config) bool {
	return t.calls >= c.Attempts || t.internal >= maxInternal || now.Sub(t.failing) >= c.RetryFor
}

// backoff is the next wait after a failure: exponential with full jitter, at least floor.
func (t *tries) backoff(floor time.Duration) time.Duration {
	if t.pause == nil {
		t.pause = backoff.NewExponentialBackOff(
			backoff.WithInitialInterval(250*time.Millisecond),
			backoff.WithMultiplier(2),
			backoff.WithRandomizationFactor(1),
			backoff.WithMaxInterval(30*time.Second),
			backoff.WithMaxElapsedTime(0))
	}
	return max(floor, t.pause.NextBackOff())
}

// accountWait is the next wait for an account's quota.
func (t *tries) accountWait() time.Duration {
	d := accountQuotaWait << min(t.account, 10)
	t.account++
	return min(d, maxAccountQuotaWait)
}
