package worker

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/time/rate"
)

// LeastCeiling is the least that Config.UserWrites and Config.ProjectWrites can be, if not 0: a batch call costs 6 units
// at once, and time must be left to save them up again.
const LeastCeiling = 12

// maxCeilings is the number of users of whom it is known what they wrote lately. A user who is forgotten begins with
// a full bucket.
const maxCeilings = 10_000

// newCeiling keeps writes under so many units in any minute; nil if that is 0. What can be written at once, a tenth of it
// or one batch call, is taken off the rate: a bucket that is full gives it out besides.
func newCeiling(unitsPerMinute int) *rate.Limiter {
	if unitsPerMinute == 0 {
		return nil
	}
	burst := max(batchUnits, unitsPerMinute/10)
	return rate.NewLimiter(rate.Limit(float64(unitsPerMinute-burst)/60), burst)
}

// batchUnits is what a batch call costs of the quotas by the minute, whatever its size; a single call costs one.
const batchUnits = 6

// userCeilings keep each user's writes under a ceiling. Safe for concurrent use.
type userCeilings struct {
	perMinute int // 0: there is none

	mu    sync.Mutex // guards the field below
	users *simplelru.LRU[string, *rate.Limiter]
}

func newUserCeilings(unitsPerMinute int) *userCeilings {
	users, err := simplelru.NewLRU[string, *rate.Limiter](maxCeilings, nil)
	if err != nil {
		panic(fmt.Sprintf("worker: ceilings of %d users: %v", maxCeilings, err)) // it is more than 0
	}
	return &userCeilings{perMinute: unitsPerMinute, users: users}
}

// take books units for a user, or tells how long that has to wait.
func (u *userCeilings) take(user string, units int, now time.Time) (wait time.Duration) {
	if u.perMinute == 0 {
		return 0
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	bucket, ok := u.users.Get(user)
	if !ok {
		bucket = newCeiling(u.perMinute)
		u.users.Add(user, bucket)
	}
	booked := bucket.ReserveN(now, units)
	if wait = booked.DelayFrom(now); wait > 0 {
		booked.CancelAt(now)
	}
	return wait
}

// admit waits until a call for a user may be made as far as quotas and ceilings go. The verdict is empty if it may. A
// user at the ceiling waits without a place for calls; what concerns all waits in it, since no other call could use it.
func (w *Worker) admit(ctx context.Context, user string, units int) (v verdict, ok bool) {
	if wait := w.ceilings.take(user, units, time.Now()); wait > 0 {
		return verdict{wait: wait, cause: "user_ceiling", idle: true, lane: true}, false
	}
	return verdict{}, w.rate.admit(ctx, units)
}
