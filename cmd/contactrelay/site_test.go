package main

import (
	"testing"
	"time"

	"github.com/contactrelay/contactrelay/deadletter"
	"github.com/contactrelay/contactrelay/internal/pubsubsim"
)

// site is a rig whose broker is a simulator that can be asked and afflicted.
type site struct {
	*rig
	pubsub simulator
}

// newSite starts the simulators, that of the broker with flags. The other keeps the values that were written.
func newSite(t *testing.T, flags ...string) *site {
	t.Helper()
	pubsub := simulate(t, append([]string{"pubsub"}, flags...)...)
	return &site{rig: newRig(t, pubsub.Listen, "--audit-values"), pubsub: pubsub}
}

// expire has the leases of broken streams run out, or those of all.
func (s *site) expire(running bool) {
	s.t.Helper()
	path := "/expire?subscription=" + s.subscription("contact-changes-worker")
	if running {
		path += "&running=true"
	}
	s.pubsub.put(s.t, "POST", path, nil)
}

func (s *site) stats() pubsubsim.SubscriptionStats {
	s.t.Helper()
	return lines[pubsubsim.Stats](s.t, s.pubsub, "/stats")[0].Subscriptions[s.subscription("contact-changes-worker")]
}

// untilEmpty waits until nothing is left in the worker's subscription.
func (s *site) untilEmpty(last *process) {
	s.t.Helper()
	for begin := time.Now(); s.stats().Backlog > 0; time.Sleep(50 * time.Millisecond) {
		if time.Since(begin) > 2*time.Minute {
			s.t.Fatalf("%d messages are left after two minutes; the last lines:\n%s", s.stats().Backlog, last.tail())
		}
		s.expire(false)
	}
}

// deadLetters is the letters so far.
func (s *site) deadLetters() (letters []*deadletter.Letter) {
	s.t.Helper()
	path := "/messages?subscription=" + s.subscription(operatorSubscription)
	for _, m := range lines[[]pubsubsim.Waiting](s.t, s.pubsub, path)[0] {
		l, err := deadletter.Decode(deadletter.Message{Data: m.Data, Attributes: m.Attributes, OrderingKey: m.OrderingKey})
		must(s.t, err)
		letters = append(letters, l)
	}
	return letters
}
