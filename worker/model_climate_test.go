package worker

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/contactrelay/contactrelay/deadletter"
	"github.com/contactrelay/contactrelay/internal/peoplesim"
	"github.com/contactrelay/contactrelay/internal/pubsubsim"
)

// story is what kind of run a climate allows. Without the order memory of the design's section 6 a new worker cannot know
// which of the changes that come again were done, so not everything can happen in one run.
type story string

const (
	// oneLife: one worker, everything of Pub/Sub's, chains of etags, events published twice.
	oneLife story = "one life"
	// manyLives: workers are stopped and others started. No ack is lost in the way that only tells after minutes, or
	// changes that a new worker has not seen would come again behind younger ones that it has. A contact with a change
	// that an etag guards has no other.
	manyLives story = "many lives"
	// oneChange: workers are stopped and others started, everything of Pub/Sub's, one change for a contact.
	oneChange story = "one change for a contact"
)

// climate is all that surrounds a feed: the settings of the worker, the faults of both services and their habits.
type climate struct {
	story   story
	people  peoplesim.Faults
	pubsub  pubsubsim.Faults
	broker  pubsubsim.Config
	ordered pubsubsim.SubscriptionSettings
	config  Config
	streams int
	window  int // messages that a stream may hold; 0: any number

	latest map[string]bool // users all of whose changes ask for latest: their etags may move, their reads may lag
	gone   map[place]bool  // contacts that do not exist
	pulse  bool            // another user's changes must succeed now and then, or a worker takes a fault for the service's;
	// then no stream may be full of what waits for that
	roomy bool // what waits always fits into half of the budgets
	sure  bool // no write takes effect whose answer does not say so
	// clears is whether changes clear fields. Then none is in conflict: one that finds a field as empty as a younger one
	// wants it is explained by that.
	clears bool
}

func (c *climate) restarts() bool { return c.story != oneLife }
func (c *climate) single() bool   { return c.story == oneChange }

// chains reports whether the worker knows the etag that each of its writes left: no answer is lost or leaves it out.
func (c *climate) chains() bool {
	for _, f := range c.people.List {
		switch f.Kind {
		case peoplesim.ContactStatus, peoplesim.ContactOmitted, peoplesim.ContactRenamed:
			return false
		}
	}
	return c.sure && !c.people.Habits.PartialBatch
}

// slow reports whether what was returned may come again after its gate has opened.
func (c *climate) slow() bool {
	delay := c.broker.RedeliveryDelay + time.Duration(c.pubsub.SlowRedelivery)
	if c.ordered.Retry != nil {
		delay += c.ordered.Retry.MaxBackoff
	}
	return delay > gateTimeout/2
}

// goneReason is why a change of a contact that does not exist cannot be made.
func (c *climate) goneReason() deadletter.Reason {
	if c.people.Habits.Gone == "internal" {
		return deadletter.RetriesExhausted
	}
	return deadletter.NotFound
}

func newClimate(rng *rand.Rand, seed uint64) *climate {
	c := &climate{
		story:  []story{oneLife, oneLife, manyLives, oneChange}[rng.IntN(4)],
		latest: map[string]bool{}, gone: map[place]bool{}, sure: true,
	}
	c.roomy, c.clears = rng.IntN(2) == 0, rng.IntN(2) == 0
	c.configure(rng)
	c.people.Seed = seed
	c.people.Habits = habits(rng, c.roomy)
	c.pulse = c.people.Habits.Gone == "internal"
	c.broker = pubsubsim.Config{
		Seed: seed, OutstandingPerKey: []int{10, 1000, 0}[rng.IntN(3)], RedeliveryDelay: time.Duration(1+rng.IntN(5)) * time.Second,
	}
	c.ordered = pubsubsim.SubscriptionSettings{Topic: changesTopic, Ordering: true, AckDeadline: time.Minute}
	if rng.IntN(3) == 0 {
		least := time.Duration(rng.IntN(20)) * time.Second
		c.ordered.Retry = &pubsubsim.RetryPolicy{MinBackoff: least, MaxBackoff: least * 10}
	}
	if c.pulse {
		c.window = 0
	}
	c.trouble(rng)
	c.troublePubSub(rng)
	for i := range 3 {
		user := modelUser(i)
		c.latest[user] = rng.IntN(3) == 0
		for k := range 40 {
			c.gone[place{user, modelContactName(k)}] = rng.IntN(10) == 0
		}
	}
	return c
}

func modelUser(i int) string { return fmt.Sprintf("u%d@example.com", i) }

// maxMessage is more than any message of a feed has, in bytes.
const maxMessage = 8000

// configure chooses budgets small enough to be hit. The attempts are more than the faults that pass can strike.
func (c *climate) configure(rng *rand.Rand) {
	c.config = Config{
		Subscription: changes, Version: "model",
		MaxMessages: 2 + rng.IntN(49), MaxBytes: 64 << 20, MaxCalls: 1 + rng.IntN(4), MaxPhotoBytes: 1 << 20,
		BatchMin: 1 + rng.IntN(20), BatchMax: 1 + rng.IntN(200), BatchLate: time.Duration(rng.IntN(3)) * 5 * time.Second,
		CallTimeout: 10 * time.Second, Attempts: maxStrikes + 4, RetryFor: 1000 * time.Hour, Drain: 7 * time.Second,
		AllowUsers: []string{"example.com"},
	}
	switch {
	case c.roomy:
		c.config.MaxMessages = max(10, c.config.MaxMessages)
		c.config.MaxBytes = 8*maxMessage + rng.IntN(8*maxMessage)
	case rng.IntN(2) == 0:
		c.config.MaxBytes = 2*maxMessage + rng.IntN(2*maxMessage) // one message can always wait in half of it
	}
	c.streams = 1 + rng.IntN(4)
	c.window = []int{0, 1, max(1, c.config.MaxMessages/c.streams), 100}[rng.IntN(4)]
}

// habits chooses how the service behaves where nobody knows.
func habits(rng *rand.Rand, roomy bool) peoplesim.Habits {
	odd := func() bool { return rng.IntN(2) == 0 }
	h := peoplesim.Habits{
		NoEtagIsPrecondition: odd(), EtagWithoutSource: odd(), SourceEtagDecides: odd(), PartialBatch: odd(),
		FirstErrorOnly: odd(), ForeignIsForbidden: false, ShuffledValues: odd(),
	}
	if roomy && rng.IntN(4) == 0 {
		h.Gone = "internal"
	}
	return h
}

// maxStrikes is how often the faults that pass strike in a run.
const maxStrikes = 16

// trouble chooses faults of the People API that pass. Not in it: writes of photos that take effect after the worker gave
// them up, which nothing guards (that the next one waits for them is section 6 of the design), other writes that do so
// later than the worker waits for them, which is Config.CallTimeout, and reads that lag and etags that move by themselves
// for changes that carry an etag.
func (c *climate) trouble(rng *rand.Rand) {
	add := func(f peoplesim.Fault) { c.people.List = append(c.people.List, f) }
	pass := func(f peoplesim.Fault) {
		f.Rate, f.Calls = 0.05+rng.Float64()/4, 1+rng.IntN(maxStrikes/4)
		f.Users = []string{modelUser(0), modelUser(1), modelUser(2)}
		f.RetryAfter = peoplesim.Duration(rng.IntN(3)) * peoplesim.Duration(time.Second)
		add(f)
	}
	add(peoplesim.Fault{
		Kind: peoplesim.Latency, Rate: 1, Delay: peoplesim.Duration(rng.IntN(300)) * peoplesim.Duration(time.Millisecond),
		Jitter: peoplesim.Duration(1+rng.IntN(1500)) * peoplesim.Duration(time.Millisecond),
	})
	kinds := []peoplesim.Kind{
		peoplesim.Unavailable, peoplesim.BadGateway, peoplesim.GatewayTimeout, peoplesim.Reset, peoplesim.AnswerLost, peoplesim.Hang,
		peoplesim.UserQuota, peoplesim.ProjectQuota, peoplesim.AccountQuota, peoplesim.Internal, peoplesim.Revoked,
	}
	for _, i := range rng.Perm(len(kinds))[:rng.IntN(5)] {
		f := peoplesim.Fault{Kind: kinds[i]}
		switch kinds[i] {
		case peoplesim.AnswerLost:
			c.sure = false
		case peoplesim.Hang:
			if f.Applied = !c.restarts() && rng.IntN(2) == 0; f.Applied {
				c.sure = false
				f.Delay = peoplesim.Duration(rng.IntN(int(2 * c.config.CallTimeout)))
				f.Methods = []string{peoplesim.UpdateContact, peoplesim.BatchUpdateContacts}
			}
		}
		pass(f)
		if kinds[i] == peoplesim.Internal {
			c.people.List[len(c.people.List)-1].Calls = 2 // at the third a contact counts as gone
		}
	}
	if !c.restarts() && rng.IntN(4) == 0 {
		c.sure = false
		pass(peoplesim.Fault{
			Kind: peoplesim.Latency, Methods: []string{peoplesim.UpdateContact, peoplesim.BatchUpdateContacts},
			Delay: peoplesim.Duration(5 * time.Second), Jitter: peoplesim.Duration(2*c.config.CallTimeout - 7*time.Second),
		})
	}
	for _, kind := range []peoplesim.Kind{peoplesim.ContactStatus, peoplesim.ContactOmitted, peoplesim.ContactRenamed} {
		if rng.IntN(3) == 0 {
			pass(peoplesim.Fault{Kind: kind})
		}
	}
	switch from := peoplesim.Duration(rng.IntN(20)) * peoplesim.Duration(time.Second); rng.IntN(12) {
	case 0: // too short for a change to use up its attempts
		add(peoplesim.Fault{Kind: peoplesim.Unavailable, Rate: 1, From: from, For: peoplesim.Duration(15 * time.Second)})
	case 1:
		add(peoplesim.Fault{Kind: peoplesim.ServiceDisabled, Rate: 1, From: from, For: peoplesim.Duration(10 * time.Minute)})
	}
}

// troublePubSub chooses faults of Pub/Sub.
func (c *climate) troublePubSub(rng *rand.Rand) {
	some := func(most float64) float64 {
		if rng.IntN(2) == 0 {
			return 0
		}
		return most * rng.Float64()
	}
	c.pubsub = pubsubsim.Faults{
		Duplicate: some(0.3), LostAck: some(0.2), AckFailure: some(0.1), CutStream: some(0.1),
		CutStreamEvery: pubsubsim.Duration(some(1) * float64(time.Minute)),
		SlowRedelivery: pubsubsim.Duration(some(1) * float64(2*time.Minute)),
		PublishLost:    some(0.3), PublishUnconfirmed: some(0.2),
	}
	if c.story == manyLives {
		c.pubsub.LostAck = 0
	}
}

// curse chooses what is wrong for ever, which the model must know: users without a grant, users that the worker may not
// act for, contacts that a user may not change, contacts whose calls fail however often they are made.
func (c *climate) curse(f *feed) {
	rng := f.rng
	first := []peoplesim.Fault{} // so that they decide before those that pass
	for _, user := range f.users {
		switch n := rng.IntN(24); n {
		case 0:
			f.model.flaws[place{user, ""}] = deadletter.UserUnauthorized
			first = append(first, peoplesim.Fault{Kind: peoplesim.ScopeMissing, Rate: 1, Users: []string{user}})
			continue
		case 1:
			f.model.banned[user] = true
			c.config.AllowUsers = nil
			for _, other := range append(f.users, pulseUser) {
				if !f.model.banned[other] {
					c.config.AllowUsers = append(c.config.AllowUsers, other)
				}
			}
			continue
		}
		for _, name := range f.people[user] {
			p := place{user, name}
			if f.model.contacts[p] == nil || rng.IntN(12) > 0 {
				continue
			}
			fault := peoplesim.Fault{Kind: peoplesim.Forbidden, Rate: 1, Users: []string{user}, Contacts: []string{name}}
			f.model.flaws[p] = deadletter.Forbidden
			writes := []string{peoplesim.UpdateContact, peoplesim.UpdateContactPhoto, peoplesim.BatchUpdateContacts}
			if rng.IntN(2) == 0 {
				fault.Methods = writes
			}
			if c.roomy && rng.IntN(2) == 0 {
				f.model.flaws[p] = deadletter.RetriesExhausted
				fault.Kind = peoplesim.Internal
				c.pulse, c.window = true, 0 // two such contacts alone would be taken for an outage
			}
			first = append(first, fault)
		}
		if c.latest[user] && rng.IntN(2) == 0 {
			c.sure = false
			first = append(first,
				peoplesim.Fault{Kind: peoplesim.EtagMoved, Rate: 0.3, Calls: 3, Users: []string{user}},
				peoplesim.Fault{Kind: peoplesim.StaleRead, Rate: 0.3, Calls: 3, Users: []string{user}, Delay: peoplesim.Duration(10 * time.Second)})
		}
	}
	if c.pulse {
		c.config.MaxMessages = max(c.config.MaxMessages, 2*longestFeed) // what waits may hold half of it
	}
	c.people.List = append(first, c.people.List...)
}

// pulseUser has a change now and then that nothing strikes but outages.
const pulseUser = "pulse@example.com"
