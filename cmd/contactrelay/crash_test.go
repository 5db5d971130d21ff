package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/contactrelay/contactrelay/internal/peoplesim"
	"github.com/contactrelay/contactrelay/internal/pubsubsim"
	"github.com/contactrelay/contactrelay/messages"
)

// crashPlan is how much happens in a run.
type crashPlan struct {
	seed    uint64
	users   int
	kills   int
	longest time.Duration // life of a worker
}

// outstanding is how many messages of a user the broker hands out at once, 10 or any number.
func (p crashPlan) outstanding() string { return []string{"0", "10"}[p.seed%2] }

// workers is how many there are at most at a time, one or two.
func (p crashPlan) workers() int { return 1 + int(p.seed/2%2) }

// ahead is how many changes are left in the subscription before the feed waits: ten of each user on average, so that
// something always waits in the lanes and users have more than the broker hands out at once, and no more, so that what was
// published last is not far behind what comes again.
func (p crashPlan) ahead() int { return 10 * p.users }

// TestCrash kills workers at random points while they work through a feed, with faults of both services, leases that run
// out, two workers for part of the time and people who edit contacts in between. Then it lets one worker finish in peace
// and holds the contacts, their history and the dead letters against what was published (crash_audit_test.go).
//
// A seed decides the feed, the edits, the faults and the times of the kills; how the processes take turns it cannot
// decide, so one that fails may need -count to fail again: go test -run 'TestCrash/seed=1$' -count 5.
func TestCrash(t *testing.T) {
	t.Parallel()
	for _, seed := range []uint64{1, 2} {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			t.Parallel()
			crashRun(t, crashPlan{seed: seed, users: 10, kills: 12, longest: 2500 * time.Millisecond})
		})
	}
}

// crash is a run.
type crash struct {
	*site
	plan    crashPlan
	rng     *rand.Rand
	feed    *crashFeed
	workers []*process // those that live
	started []*process // all
	edits   int
}

func crashRun(t *testing.T, plan crashPlan) {
	t.Logf("seed %d: %d at a time of %s outstanding", plan.seed, plan.workers(), plan.outstanding())
	rng := rand.New(rand.NewPCG(plan.seed, 0))
	c := &crash{
		site: newSite(t, "--outstanding-per-key", plan.outstanding(), "--seed", fmt.Sprint(plan.seed)), plan: plan, rng: rng,
		feed: newCrashFeed(rng, plan.users),
	}
	c.people.put(t, "POST", "/seed", c.feed.seeds())
	c.trouble()
	for range plan.kills {
		c.live()
		c.killOne()
	}
	c.finish()
	c.audit()
}

// trouble sets the faults of both services.
func (c *crash) trouble() {
	ms := func(n int) peoplesim.Duration { return peoplesim.Duration(n) * peoplesim.Duration(time.Millisecond) }
	c.people.put(c.t, "PUT", "/faults", peoplesim.Faults{Seed: c.plan.seed, List: []peoplesim.Fault{
		// Shorter than a redelivery takes: a write of a killed worker takes effect before another has its message.
		{Kind: peoplesim.Latency, Rate: 1, Delay: ms(2), Jitter: ms(30)},
		{Kind: peoplesim.Unavailable, Rate: 0.05},
		{Kind: peoplesim.AnswerLost, Rate: 0.05},
		{Kind: peoplesim.Reset, Rate: 0.05},
		{Kind: peoplesim.StaleRead, Rate: 0.3, Delay: ms(500), Versions: 2},
	}})
	// The client does not send again what is in a request that fails. Acknowledgements that the service takes and then
	// forgets are left out: TestLimitAnAcknowledgementThatTheServiceForgets.
	c.pubsub.put(c.t, "PUT", "/faults", pubsubsim.Faults{
		AckFailure: 0.05, Duplicate: 0.02, CutStream: 0.01, PublishLost: 0.02,
	})
}

// live lets things happen for as long as the next worker lives: messages, edits, leases that run out.
func (c *crash) live() {
	for want := 1 + c.rng.IntN(c.plan.workers()); len(c.workers) < want; {
		c.begin()
	}
	life := 100*time.Millisecond + time.Duration(c.rng.Int64N(int64(c.plan.longest)))
	// The kill comes at whatever the workers are doing by then.
	ctx, over := context.WithTimeout(c.t.Context(), life)
	defer over()
	for ctx.Err() == nil {
		switch chance := c.rng.IntN(100); {
		case chance < 40:
			c.publishSome()
			c.keepPace(ctx)
		case chance < 75:
			c.edit()
		case chance < 99:
			c.expire(false)
		default:
			c.expire(true)
		}
	}
}

// begin starts a worker.
func (c *crash) begin() *process {
	c.t.Helper()
	w := c.worker(c.flags()...)
	c.workers, c.started = append(c.workers, w), append(c.started, w)
	return w
}

// keepPace blocks until the feed is no further ahead of the workers than planned, or ctx is done. What they print would not
// tell: they print redeliveries too.
func (c *crash) keepPace(ctx context.Context) {
	c.t.Helper()
	for st := c.stats(); st.Backlog > c.plan.ahead(); {
		tooFar := uint64(st.Backlog - c.plan.ahead())
		var err error
		st, err = answered[pubsubsim.SubscriptionStats](ctx, c.pubsub, c.awaitPath(fmt.Sprint("acks=", st.Acks+tooFar)))
		if ctx.Err() != nil {
			return
		}
		must(c.t, err)
	}
}

// flags are settings that make batches of some lives' changes and keep retries short.
func (c *crash) flags() []string {
	return []string{"--call-timeout=2s", "--batch-late=1s", fmt.Sprint("--batch-min=", 3+c.rng.IntN(10))}
}

// publishSome publishes a few changes.
func (c *crash) publishSome() {
	c.t.Helper()
	var some []messages.Message
	for range 1 + c.rng.IntN(5) {
		some = append(some, c.feed.next(c.seen))
	}
	c.publish(some)
}

// seen is what a field holds at present.
func (c *crash) seen(s spot) string {
	contact := lines[peoplesim.Contact](c.t, c.people, "/contact?user="+s.user+"&resourceName="+s.contact)[0]
	var values map[string]json.RawMessage
	must(c.t, json.Unmarshal(contact.Values, &values))
	return markers.FindString(string(values[s.field]))
}

// edit is what a person does: a field that the feed does not change, or, in contested contacts, one that it does. Now and
// then an etag moves by itself.
func (c *crash) edit() {
	c.t.Helper()
	at := c.rng.IntN(len(manners))
	user := c.rng.IntN(c.plan.users)
	e := peoplesim.Edit{User: peoplesim.UserName(user), ResourceName: peoplesim.ContactName(user, at)}
	fields := unfed
	if manners[at].contested() {
		fields = fed
	}
	if e.Mask = fields[c.rng.IntN(len(fields))]; c.rng.IntN(5) > 0 {
		c.edits++
		person, err := json.Marshal(map[string]any{e.Mask: fieldHolding(e.Mask, fmt.Sprint("hand-", c.edits))})
		must(c.t, err)
		e.Person = person
	} else {
		e.Mask = ""
	}
	c.people.put(c.t, "POST", "/hand-edit", e)
}

// killOne kills one of the workers.
func (c *crash) killOne() {
	c.t.Helper()
	at := c.rng.IntN(len(c.workers))
	c.workers[at].kill()
	c.workers = append(c.workers[:at], c.workers[at+1:]...)
}

// finish kills what runs, ends the faults and lets one worker do the rest.
func (c *crash) finish() {
	c.t.Helper()
	for len(c.workers) > 0 {
		c.killOne()
	}
	c.people.put(c.t, "PUT", "/faults", peoplesim.Faults{})
	c.pubsub.put(c.t, "PUT", "/faults", pubsubsim.Faults{})
	last := c.begin()
	left, begin := c.stats().Backlog, time.Now()
	c.untilEmpty(last)
	c.t.Logf("%d messages were left for the last worker, which took %v", left, time.Since(begin))
}

// audit holds what came out against what went in.
func (c *crash) audit() {
	c.t.Helper()
	letters := c.deadLetters()
	a := newCrashAudit(c.t, c.feed, lines[peoplesim.Write](c.t, c.people, "/audit"), letters, turnsOf(c.t, c.started))
	a.verify(c.contacts(), c.plan.workers() == 1)
	s := c.stats()
	c.t.Logf("%d changes, %d edits, %d kills, %d letters, %d of messages that moved; %d deliveries, %d of them again, %d leases ran out",
		len(c.feed.changes), c.edits, c.plan.kills, len(letters), a.moved, s.Deliveries, s.Redeliveries, s.ExpiredLeases)
}
