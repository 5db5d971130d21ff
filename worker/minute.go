package worker

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/contactrelay/contactrelay/internal/people"
)

// minuteSpread is what is added to the end of a minute, so that a thousand users do not wake at once.
const minuteSpread = 6 * time.Second

// nextMinute is the wait for a quota that is counted by the minute: to the end of the clock's, and up to minuteSpread
// more. Shorter waits are useless against such a quota. Where the service says how long, that is the floor.
func nextMinute(now time.Time, floor time.Duration) time.Duration {
	rest := now.Truncate(time.Minute).Add(time.Minute).Sub(now)
	return max(floor, rest) + rand.N(minuteSpread)
}

// userMinutes are the minutes of the users over quota: when each was refused first in its. Whether a user's minute ends
// with the clock's, or a minute after it began, is not documented: the one end is tried, and then the other. Safe for
// concurrent use.
type userMinutes struct {
	mu    sync.Mutex // guards the field below
	begun *simplelru.LRU[string, time.Time]
}

// maxMinutes is the number of users whose minutes are known. One who is forgotten may wait for a minute more.
const maxMinutes = 10_000

func newUserMinutes() *userMinutes {
	begun, err := simplelru.NewLRU[string, time.Time](maxMinutes, nil)
	if err != nil {
		panic(fmt.Sprintf("worker: minutes of %d users: %v", maxMinutes, err)) // it is more than 0
	}
	return &userMinutes{begun: begun}
}

// shorten takes a verdict on a user who waits for the clock's minute to end, and lets the user wait no longer than the
// user's own minute may last. All other verdicts stay as they are.
func (m *userMinutes) shorten(user string, v verdict, now time.Time) verdict {
	if v.fact == nil || v.fact.Kind != people.UserQuota || v.fact.Period == time.Second || v.wait == 0 {
		return v
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	begun, _ := m.begun.Get(user)
	if now.Sub(begun) >= time.Minute {
		m.begun.Add(user, now)
		return v
	}
	own := max(begun.Add(time.Minute).Sub(now), v.fact.RetryAfter)
	v.wait = min(v.wait, own+rand.N(minuteSpread))
	return v
}
