package worker

import (
	"math"
	"time"
)

const (
	// Before the service has answered anything else, few calls are made at once and fewer have to fail: workers that are
	// started into an outage, again and again perhaps, must not ask for every user that waits.
	firstCalls, openFirst = 4, 8
	// Places that nothing comes back from tell nothing, and must not hold up everybody: calls that hang, or letters where no
	// call is made. So many more are lent each time this has passed and no call has failed: an outage in which calls hang
	// for 30 s costs seven times the first ones.
	lendEvery = 5 * time.Second
)

// guard has the breaker pause these lanes, and lets them make few calls at once until the service is known to answer.
func (b *breaker) guard(lanes pausable) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lanes, b.careful, b.places = lanes, true, firstCalls
	lanes.Limit(firstCalls)
}

// lend lets more calls be made at once where it is not known yet whether the service answers, unless one has failed. It
// reports whether that is still so.
func (b *breaker) lend() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.careful && len(b.failing)+len(b.broken)+len(b.refused) == 0 {
		b.places += firstCalls
		b.lanes.Limit(b.places)
	}
	return b.careful
}

// trust lifts the limit, once the service has answered. Callers hold mu, here and below.
func (b *breaker) trust() {
	if b.careful {
		b.careful = false
		b.lanes.Limit(math.MaxInt)
	}
}

// enough is how many calls in a row have to fail.
func (b *breaker) enough() int {
	if b.careful {
		return openFirst
	}
	return openCalls
}
