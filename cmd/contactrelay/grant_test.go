package main

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	peopleapi "google.golang.org/api/people/v1"

	"github.com/contactrelay/contactrelay/deadletter"
	"github.com/contactrelay/contactrelay/internal/people"
	"github.com/contactrelay/contactrelay/internal/peoplesim"
	"github.com/contactrelay/contactrelay/worker"
)

// grantWorld is the world of dev with accounts, and a worker in it as dev has one.
type grantWorld struct {
	*world
	t *testing.T

	mu    sync.Mutex                // guards the fields below
	ended map[string]map[string]int // outcomes, a dead letter as its reason, by user
	total int
	more  chan struct{} // closed and made anew at each settlement
}

func newGrantWorld(t *testing.T) *grantWorld {
	t.Helper()
	w, err := newWorld(t.Context(), byTokens)
	must(t, err)
	t.Cleanup(w.close)
	must(t, w.people.SetFaults(peoplesim.Faults{List: []peoplesim.Fault{{Kind: peoplesim.Latency, Rate: 1, Delay: peoplesim.Duration(10 * time.Millisecond)}}}))
	return &grantWorld{world: w, t: t, ended: map[string]map[string]int{}, more: make(chan struct{})}
}

// publish publishes so many changes of each user, each of another contact.
func (g *grantWorld) publish(changes int, users ...string) {
	g.t.Helper()
	publisher := g.client.Publisher(devTopic)
	publisher.EnableMessageOrdering = true
	defer publisher.Stop()
	var results []*pubsub.PublishResult
	for i := range changes {
		for _, user := range users {
			results = append(results, publisher.Publish(g.t.Context(), &pubsub.Message{
				OrderingKey: user, Attributes: map[string]string{"ce-type": "contactrelay.patch.v1"},
				Data: fmt.Appendf(nil, `{"person":{"resourceName":"people/c%d","nicknames":[{"value":"N%d"}]},"updatePersonFields":"nicknames","precondition":"latest"}`, i+1, i),
			}))
		}
	}
	for _, r := range results {
		_, err := r.Get(g.t.Context())
		must(g.t, err)
	}
}

// seed gives users accounts and contacts.
func (g *grantWorld) seed(contacts int, users ...string) {
	g.t.Helper()
	for _, user := range users {
		must(g.t, g.accounts.add(user))
		var all []*peopleapi.Person
		for i := range contacts {
			all = append(all, &peopleapi.Person{ResourceName: fmt.Sprintf("people/c%d", i+1), Names: []*peopleapi.Name{{GivenName: "Seed"}}})
		}
		must(g.t, g.people.Seed(user, all))
	}
}

// work runs a worker until the test ends.
func (g *grantWorld) work() {
	g.t.Helper()
	reach := people.Config{Endpoint: g.peopleURL()}
	(&signInSettings{tokens: g.tokens}).sign(&reach)
	contacts, err := people.New(g.t.Context(), reach)
	must(g.t, err)
	settings := parsed(g.t, "dev").Dev.workSettings
	config := settings.config(nil)
	config.Subscription = devSubscription
	config.UserLabel = func(user string) string { return user }
	config.Settled = g.settled
	w := worker.New(config, worker.NewSubscription(g.client, g.pulls, devSubscription, settings.MaxMessages, int(settings.MaxBytes)),
		worker.NewTopic(g.client, devDeadLetterTopic), contacts, (&logSettings{LogFormat: "text", LogLevel: "error"}).logger(g.t.Output(), devProject))
	ctx, stop := context.WithCancel(context.WithoutCancel(g.t.Context()))
	var running sync.WaitGroup
	running.Go(func() {
		if err := w.Run(ctx); err != nil {
			g.t.Error(err)
		}
	})
	g.t.Cleanup(func() { stop(); running.Wait(); contacts.Close() })
}

func (g *grantWorld) settled(s worker.Settlement) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.ended[s.User] == nil {
		g.ended[s.User] = map[string]int{}
	}
	outcome := string(s.Outcome)
	if s.Outcome == worker.DeadLettered {
		outcome = string(s.Reason)
	}
	g.ended[s.User][outcome]++
	g.total++
	close(g.more)
	g.more = make(chan struct{})
}

// until blocks until so many messages have ended.
func (g *grantWorld) until(n int) {
	g.t.Helper()
	over := time.After(time.Minute)
	for {
		g.mu.Lock()
		total, more := g.total, g.more
		g.mu.Unlock()
		if total >= n {
			return
		}
		select {
		case <-more:
		case <-over:
			g.t.Fatalf("%d of %d messages have ended: %v", total, n, g.ended)
		}
	}
}

func TestAThousandMessagesOfARevokedUserCostOneTokenCall(t *testing.T) {
	t.Parallel()
	const eve, dan = "eve@example.com", "dan@example.com"
	g := newGrantWorld(t)
	g.seed(1000, eve)
	g.seed(100, dan)
	g.accounts.google.Revoke(eve)
	g.publish(1000, eve)
	g.publish(100, dan)
	g.work()
	g.until(1100)
	if n := g.ended[eve][string(deadletter.UserUnauthorized)]; n != 1000 {
		t.Errorf("the revoked user: %v, want 1000 letters user_unauthorized", g.ended[eve])
	}
	if n := g.ended[dan]["applied"]; n != 100 {
		t.Errorf("the other user: %v, want 100 applied", g.ended[dan])
	}
	if e, d := g.accounts.google.Calls(eve).Token, g.accounts.google.Calls(dan).Token; e != 1 || d != 1 {
		t.Errorf("token calls: %d for the revoked user, %d for the other; want 1 each", e, d)
	}
}

func TestTokensThatEndInTheMiddleLeaveNoLetters(t *testing.T) {
	t.Parallel()
	const changes = 20
	var users []string
	for i := range 64 {
		users = append(users, fmt.Sprintf("u%d@example.com", i))
	}
	g := newGrantWorld(t)
	g.seed(changes, users...)
	g.publish(changes, users...)
	g.work()
	g.until(changes * len(users) / 4)
	g.accounts.google.Void()
	g.until(changes * len(users))
	refreshed := 0
	for _, user := range users {
		if n := g.ended[user]["applied"]; n != changes {
			t.Errorf("%s: %v, want %d applied", user, g.ended[user], changes)
		}
		n := g.accounts.google.Calls(user).Token
		if n > 2 {
			t.Errorf("%s: %d token calls, want one and a refresh", user, n)
		}
		refreshed += n - 1
	}
	if refreshed < len(users)/2 {
		t.Errorf("%d of %d users had their token refreshed: it was not in the middle", refreshed, len(users))
	}
}
