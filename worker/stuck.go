package worker

import (
	"strings"
	"time"
)

// Stuck is a user of whom nothing was settled for some time: the answer to "why is this user stuck?".
type Stuck struct {
	User     string    // as the log shows it; empty for a message without a user
	Message  string    // the ID of the first message; the answers of all others wait for it
	Messages int       // of the user that are held
	Since    time.Time // when that message became the first
	Until    time.Time // when its calls go on by themselves; zero if nothing but their turn is waited for
	Why      string    // what is waited for, as in contactrelay_retries_total or contactrelay_paused; empty if nothing is
}

// Stuck returns the n users of whom nothing was settled for the longest time, that time first. Before Run there is none.
func (w *Worker) Stuck(n int) []Stuck {
	lanes := w.lanes.Load()
	if lanes == nil {
		return nil
	}
	paused := w.breaker.pausing()
	var all []Stuck
	for _, lane := range lanes.Snapshot(n).Stuck {
		s := Stuck{Message: lane.ID, Messages: lane.Items, Since: lane.Since, Until: lane.Until, Why: lane.Why}
		if s.Why == "" {
			s.Why = paused // it could go on
		}
		if w.config.UserLabel != nil && !strings.HasPrefix(lane.Key, "\x00") {
			s.User = w.config.UserLabel(lane.Key)
		}
		all = append(all, s)
	}
	return all
}
