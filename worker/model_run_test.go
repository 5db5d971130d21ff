package worker

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	peopleapi "google.golang.org/api/people/v1"

	"github.com/contactrelay/contactrelay/internal/people"
	"github.com/contactrelay/contactrelay/internal/peoplesim"
	"github.com/contactrelay/contactrelay/internal/pubsubsim"
)

// modelSeeds is how many runs go test makes; the soak makes more.
const modelSeeds = 2000

// TestModel runs random feeds through a worker between the two simulators, under random faults, budgets and stops, and
// holds what comes out against the reference model.
//
// A seed decides the feed, the faults, the settings and the stops. How goroutines take turns and the jitter of retries
// are free, so a seed that fails may need -count to fail again: go test -run 'TestModel/seed=17$' -count 20.
//
// Left out, since section 6 of the design is not built yet: hand edits; an etag after a change without one on the same
// contact; photos whose lost write takes effect later; lagging reads and moving etags for changes that carry an etag;
// after a restart, what the stories in model_climate_test.go say. Left out for reasons of their own: calls that fail for
// ever where what waits does not fit into the budgets (what goes back loses count of its attempts), and outages
// so long that a change uses up its attempts in one (if the last write meets the outage and the read after it does not,
// the change is parked).
func TestModel(t *testing.T) {
	modelRuns(t, 0, fewer(modelSeeds))
}

// fewer is how many of some seeds are run: all, or a tenth with the race detector.
func fewer(seeds uint64) uint64 {
	if raced {
		return seeds / 10
	}
	return seeds
}

// modelRuns makes the runs of some seeds.
func modelRuns(t *testing.T, from, to uint64) {
	for seed := from; seed < to; seed++ {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			t.Parallel()
			runModel(t, seed)
		})
	}
}

// runModel is one run.
func runModel(t *testing.T, seed uint64) {
	synctest.Test(t, func(t *testing.T) {
		r := newModelRun(t, seed, func(*climate) {})
		defer r.broker.Close()
		r.wait, r.second = synctest.Wait, time.Second
		r.source = func(l *ledger) source {
			return &modelSource{broker: r.broker, streams: r.climate.streams, window: r.climate.window, ledger: l}
		}
		r.run()
	})
}

// run is the whole story of a run.
func (r *modelRun) run() {
	r.t.Helper()
	r.publishAll()
	r.drain()
	r.stop()
	r.verify()
	if r.t.Failed() && testing.Verbose() {
		r.t.Log(r.climate)
		for _, c := range r.feed.changes {
			r.t.Logf("%d: %s %s %s by %s: %v, want %+v", c.number, c.id, c.user, c.kind.Short(), c.event, c.wishes, c.want)
		}
	}
}

// modelRun is one run: the two services, and the workers one after the other.
type modelRun struct {
	t       *testing.T
	rng     *rand.Rand
	climate *climate
	feed    *feed
	broker  *pubsubsim.Broker
	people  *peoplesim.Sim
	lives   []*life
	stops   int // that are still to come

	source func(*ledger) source
	second time.Duration // how long a second is
	wait   func()        // blocks until nothing goes on at once
}

// life is one worker, from start to stop.
type life struct {
	worker *Worker
	ledger *ledger
	writes int64 // in the audit before it
	cancel context.CancelFunc
	ended  chan error
}

func newModelRun(t *testing.T, seed uint64, change func(*climate)) *modelRun {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 0))
	c := newClimate(rng, seed)
	change(c)
	r := &modelRun{
		t: t, rng: rng, climate: c, feed: newFeed(rng, c),
		broker: pubsubsim.New(c.broker), people: peoplesim.New(peoplesim.Config{AuditValues: true}),
	}
	if c.restarts() {
		r.stops = 1 + rng.IntN(4)
	}
	must(t, r.broker.CreateTopic(changesTopic, pubsubsim.TopicSettings{}))
	must(t, r.broker.CreateTopic(deadTopic, pubsubsim.TopicSettings{}))
	must(t, r.broker.CreateSubscription(changes, c.ordered))
	must(t, r.broker.CreateSubscription(dead, pubsubsim.SubscriptionSettings{Topic: deadTopic}))
	must(t, r.broker.SetFaults(c.pubsub))
	for _, user := range r.feed.users {
		must(t, r.people.Seed(user, r.feed.persons(user)))
	}
	must(t, r.people.SetFaults(c.people))
	return r
}

// start starts a worker with the budgets of the climate, or others.
func (r *modelRun) start() {
	r.t.Helper()
	l := &life{ledger: newLedger(r.climate.config, r.people), writes: r.people.Stats().Writes, ended: make(chan error, 1)}
	client, err := people.New(r.t.Context(), people.Config{
		Endpoint: "http://people.test", Transport: l.ledger, Token: people.EmulatorToken,
	})
	must(r.t, err)
	config := r.climate.config
	config.Settled = l.ledger.settle
	l.worker = New(config, r.source(l.ledger), brokerTopic{r.broker}, client, slog.New(slog.DiscardHandler))
	var ctx context.Context
	ctx, l.cancel = context.WithCancel(context.Background())
	go func() { l.ended <- l.worker.Run(ctx) }()
	r.lives = append(r.lives, l)
}

// stop stops the worker and sees that everything it was given was settled once.
func (r *modelRun) stop() {
	r.t.Helper()
	l := r.lives[len(r.lives)-1]
	l.cancel()
	if err := <-l.ended; err != nil {
		r.t.Errorf("Run = %v", err)
	}
	r.wait()
	r.verifyLife(l)
}

// longestFeed is how many changes a feed has at most.
const longestFeed = 26

// publishAll publishes the feed in bursts while workers come and go.
func (r *modelRun) publishAll() {
	r.start()
	for left := 3 + r.rng.IntN(longestFeed-2); left > 0; left-- {
		r.publish(r.feed.next())
		switch r.rng.IntN(12) {
		case 0:
			time.Sleep(time.Duration(r.rng.IntN(5000)) * r.second / 1000)
		case 1:
			r.restart()
		}
	}
}

// restart stops the worker and starts another, if that is still to happen.
func (r *modelRun) restart() {
	if r.stops > 0 {
		r.stops--
		r.stop()
		r.start()
	}
}

// publish publishes a change, the producer's own faults aside.
func (r *modelRun) publish(c *change) {
	quiet := r.climate.pubsub
	quiet.PublishLost, quiet.PublishUnconfirmed = 0, 0
	must(r.t, r.broker.SetFaults(quiet))
	ids, err := r.broker.Publish(changesTopic, []pubsubsim.Message{{
		Data: c.message.Data, Attributes: c.message.Attributes, OrderingKey: c.message.OrderingKey,
	}})
	must(r.t, err)
	must(r.t, r.broker.SetFaults(r.climate.pubsub))
	c.id = ids[0]
}

// longestRun is a time in which every run is over: what waits longest is a quota that is asked for again after 5 minutes
// and then 10, 20 and 40, and a key whose redeliveries are slow.
const longestRun = 48 * time.Hour

// drain waits until the subscription is empty. Meanwhile the last stops happen, and where the climate asks for it another
// user's changes succeed.
func (r *modelRun) drain() {
	for begun, n := time.Now(), 0; r.broker.Stats().Subscriptions[changes].Backlog > 0; n++ {
		if time.Since(begun) > longestRun {
			r.t.Errorf("%d messages are left after %v", r.broker.Stats().Subscriptions[changes].Backlog, longestRun)
			return
		}
		time.Sleep(time.Duration(1+r.rng.IntN(10)) * r.second)
		if r.rng.IntN(4) == 0 {
			r.restart()
		}
		if r.climate.pulse && n%8 == 0 && r.waits() {
			r.pulse(contactName(1 + n))
		}
	}
}

// pulse publishes a change of a contact of the pulse user that no other change is about.
func (r *modelRun) pulse(contact string) {
	must(r.t, r.people.Seed(pulseUser, []*peopleapi.Person{{ResourceName: contact}}))
	m := overwrite(contact, "pulse")
	m.OrderingKey = pulseUser
	r.publish(&change{message: m})
}

// waits reports whether a change of the feed is left in the subscription.
func (r *modelRun) waits() bool {
	backlog, err := r.broker.Backlog(changes, 0)
	must(r.t, err)
	return slices.ContainsFunc(backlog, func(m pubsubsim.Waiting) bool { return m.OrderingKey != pulseUser })
}

func (c *climate) String() string {
	return strings.ReplaceAll(fmt.Sprintf("%s, %d streams, window %d, %+v, %+v, %+v, %+v, config %+v", c.story, c.streams, c.window, c.people, c.pubsub, c.broker, c.ordered, c.config), "\n", " ")
}
