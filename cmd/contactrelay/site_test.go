package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
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

// await blocks until one of these is so of the worker's subscription, for two minutes at most.
func (s *site) await(wanted ...string) pubsubsim.SubscriptionStats {
	s.t.Helper()
	return awaited[pubsubsim.SubscriptionStats](s.t, s.pubsub, s.awaitPath(wanted...))
}

func (s *site) awaitPath(wanted ...string) string {
	return "/await?subscription=" + s.subscription("contact-changes-worker") + "&" + strings.Join(wanted, "&")
}

// awaited reads an answer that a simulator gives when what is asked for is so, within two minutes.
func awaited[T any](t *testing.T, s simulator, path string) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	value, err := answered[T](ctx, s, path)
	must(t, err)
	return value
}

// answered reads an answer that a simulator gives when what is asked for is so, unless ctx is done before.
func answered[T any](ctx context.Context, s simulator, path string) (value T, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.Admin+path, nil)
	if err != nil {
		return value, err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return value, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return value, fmt.Errorf("GET %s: %s", path, answer.Status)
	}
	err = json.NewDecoder(answer.Body).Decode(&value)
	return value, err
}

// untilEmpty waits until nothing is left in the worker's subscription.
func (s *site) untilEmpty(last *process) {
	s.t.Helper()
	defer func() {
		if s.t.Failed() {
			s.t.Logf("%d messages are left; the last lines:\n%s", s.stats().Backlog, last.tail())
		}
	}()
	for st := s.stats(); st.Backlog > 0; st = s.await("backlog=0", fmt.Sprint("ended_streams=", st.EndedStreams+1)) {
		s.expire(false) // what a stream held that has ended since
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
