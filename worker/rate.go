package worker

import (
	"context"
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/contactrelay/contactrelay/internal/people"
)

// callRate keeps the calls of all users under the quota of the project. Nobody publishes that, so it is found out:
// everything passes until a call is refused; then the rate goes down to a part of what was answered until then, and up
// again by small steps until the next refusal. Safe for concurrent use.
type callRate struct {
	turn    chan struct{} // has room for one: whoever has put something in calls next
	stopped chan struct{} // closed by halt

	mu       sync.Mutex // guards the fields below
	calls    *rate.Limiter
	ceiling  *rate.Limiter // of units of writes; nil: none
	answered [60]count     // by the second, refusals left out
	top      float64       // calls a second at the last refusal; 0: none was refused
	cut      time.Time     // when that was
	period   time.Duration // of the quota that refused
	held     time.Time     // no call begins before
}

// count is the calls of one second.
type count struct {
	second int64
	calls  int
}

// How the rate moves, by the period of the quota that refused: a second, or a minute.
const (
	// cutTo is what is left of a rate that was too high, and step what it goes up in a period: it is too high again after
	// ten of them. On average it is 95 % of what is possible, and a few calls in ten periods are refused.
	cutTo = 0.9
	step  = 0.01
	// calm is the number of periods without a refusal after which the quota must be a larger one than before. From then on
	// the rate grows by half in a period.
	calm    = 20
	regrown = 1.5
	// The lowest rate, and one that is none: 64 calls of 10 ms each are 6,400 a second.
	floor, unlimited = 1, 10_000
)

// slotWait is how long a call waits for its turn while it has a place for calls. Then others come to the place, who may
// need no call.
const slotWait = 10 * time.Second

func newCallRate(writesPerMinute int) *callRate {
	return &callRate{
		turn: make(chan struct{}, 1), stopped: make(chan struct{}),
		calls: rate.NewLimiter(rate.Inf, 1), ceiling: newCeiling(writesPerMinute),
	}
}

// halt lets nobody wait any more.
func (r *callRate) halt() { close(r.stopped) }

// admit blocks until a call may be made that costs so many units of writes, and reports whether it may: not if the
// worker stops, or if it was not its turn within slotWait.
func (r *callRate) admit(ctx context.Context, units int) bool {
	over := time.NewTimer(slotWait)
	defer over.Stop()
	select {
	case r.turn <- struct{}{}:
		defer func() { <-r.turn }()
	case <-over.C:
		return false
	case <-r.stopped:
		return false
	case <-ctx.Done():
		return false
	}
	for {
		d := r.next(time.Now(), units)
		if d == 0 {
			return true
		}
		due := time.NewTimer(d)
		select {
		case <-due.C:
			continue
		case <-over.C:
		case <-r.stopped:
		case <-ctx.Done():
		}
		due.Stop()
		return false
	}
}

// next is how long the next call has to wait; 0 if it may be made, and then it is charged.
func (r *callRate) next(now time.Time, units int) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now.Before(r.held) {
		return r.held.Sub(now)
	}
	r.calls.SetLimitAt(now, r.limit(now))
	booked := []*rate.Reservation{r.calls.ReserveN(now, 1)}
	if r.ceiling != nil {
		booked = append(booked, r.ceiling.ReserveN(now, units))
	}
	var wait time.Duration
	for _, b := range booked {
		wait = max(wait, b.DelayFrom(now))
	}
	if wait > 0 {
		for _, b := range booked {
			b.CancelAt(now)
		}
	}
	return wait
}

// charge counts a call that was not admitted by itself, because it followed from another one: the next waits for longer.
func (r *callRate) charge(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls.SetLimitAt(now, r.limit(now))
	r.calls.ReserveN(now, 1)
}

// limit is the rate that holds now, in calls a second.
func (r *callRate) limit(now time.Time) rate.Limit {
	if r.top == 0 {
		return rate.Inf
	}
	periods := float64(now.Sub(r.cut)) / float64(r.period)
	limit := r.top * (cutTo + step*min(periods, calm)) * math.Pow(regrown, max(0, periods-calm))
	if limit > unlimited {
		r.top = 0
		return rate.Inf
	}
	return rate.Limit(max(limit, floor))
}

// observe notes what a call came to. A refusal by the project's quota lowers the rate, once in a period: those that follow
// were on their way. If the quota is one of minutes it is used up until the minute ends, and calls until then are wasted.
func (r *callRate) observe(fact *people.Error, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if fact == nil || fact.Kind != people.ProjectQuota {
		c := &r.answered[now.Unix()%int64(len(r.answered))]
		if c.second != now.Unix() {
			*c = count{second: now.Unix()}
		}
		c.calls++
		return
	}
	long := fact.Period >= time.Minute
	if wait := fact.RetryAfter; long {
		r.held = now.Add(nextMinute(now, wait))
	} else if wait > 0 {
		r.held = now.Add(wait)
	}
	limit := float64(r.limit(now))
	if r.top > 0 && now.Sub(r.cut) < r.period {
		return
	}
	r.period = time.Second
	seen := r.lastSecond(now)
	if long {
		r.period = time.Minute
		seen = r.lastMinute(now) / 60
	}
	if r.top > 0 {
		seen = max(min(seen, limit), limit/2) // what was answered may be little because little was asked
	}
	r.top, r.cut = max(seen, floor), now
}

// lastSecond is how many calls were answered in the second up to now.
func (r *callRate) lastSecond(now time.Time) float64 {
	part := float64(now.Nanosecond()) / float64(time.Second)
	return r.in(now.Unix()) + r.in(now.Unix()-1)*(1-part)
}

// lastMinute is how many calls were answered in the minute up to now.
func (r *callRate) lastMinute(now time.Time) (calls float64) {
	for i := range int64(len(r.answered)) {
		calls += r.in(now.Unix() - i)
	}
	return calls
}

func (r *callRate) in(second int64) float64 {
	if c := r.answered[second%int64(len(r.answered))]; c.second == second {
		return float64(c.calls)
	}
	return 0
}

// now is the rate that holds, in calls a second; 0 if everything passes.
func (r *callRate) now() float64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	if limit := r.limit(time.Now()); limit != rate.Inf {
		return float64(limit)
	}
	return 0
}
