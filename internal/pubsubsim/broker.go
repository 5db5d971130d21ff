// Package pubsubsim simulates Google Cloud Pub/Sub, at least as unkind as the service is.
//
// It has two layers. [Broker] is the service's state machine without sockets: it starts no goroutine, takes all time
// from package time and so runs in a testing/synctest bubble. [Server] puts the broker behind gRPC, for the real
// client library and PUBSUB_EMULATOR_HOST.
//
// What it keeps to: a message is delivered until it is acknowledged. On a subscription with ordering the messages
// of a key come in publish order, several unacknowledged ones at once (Config.OutstandingPerKey), all on one stream
// while that stream holds any of the key. When one of them is redelivered, so is everything delivered after it, what
// was acknowledged included. An acknowledgement counts only if everything before it in its key is acknowledged, by
// then or in the same request; else it is dropped. Leases outlive broken streams. A stream never holds more than its
// flow control allows. On top of that, [Faults] go wrong on demand, in the same way for the same seed and calls.
//
// What it leaves out: push and export subscriptions, filters, exactly-once delivery, snapshots, schemas, message
// transforms, acknowledged messages kept for a seek, quotas and the 1 MB/s of a key. Asking for one of the settings
// is refused.
//
// [Broker.Admin] shows it all over HTTP: GET /stats, GET and PUT /faults, GET /backlog?subscription=NAME (what waits,
// without bodies), GET /messages?subscription=NAME (the same with bodies; both take limit=N), POST
// /purge?subscription=NAME, POST /expire?subscription=NAME (the leases of broken streams run out now; with running=true
// those of all), GET /await?subscription=NAME&backlog=0 (blocks until that is so; see [Broker.Await]), POST /reset (empties all subscriptions, ends all faults, sets all counters to zero).
package pubsubsim

import (
	"math/rand/v2"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/contactrelay/contactrelay/internal/watched"
)

// defaultRedeliveryDelay is what a redelivery takes at least: the service is not told of a failure and back with the
// message at the same instant, and a subscriber that always nacks must not spin.
const defaultRedeliveryDelay = 100 * time.Millisecond

// Config are the properties of the simulated service that its users cannot set.
type Config struct {
	// OutstandingPerKey is how many unacknowledged messages of one ordering key a subscription hands out at once;
	// 0: no limit. The service's own number is not documented: about 10 were seen, more are possible.
	OutstandingPerKey int
	// AckPatience is how long an acknowledgement that is out of order waits for those before it in its key; 0: it is
	// dropped at once. What the service does is not documented, and the client splits more than 1,000 acknowledgements
	// of 100 ms at random into requests sent side by side: right must be what is right without patience, but how fast
	// the service could be shows only with some.
	AckPatience time.Duration
	// RedeliveryDelay is the time from a nack or the end of a lease to the redelivery where the subscription's retry
	// policy does not ask for more; 0: 100 ms.
	RedeliveryDelay time.Duration
	// Seed decides when faults strike.
	Seed uint64
}

// Broker is the service: topics, subscriptions, leases. Its errors are gRPC statuses with the service's codes.
// It is safe for concurrent use. Only [Stream.Next] and [Broker.Pull] block. Close ends it.
type Broker struct {
	config Config

	mu            watched.Mutex // guards the fields below and all that can be reached from them
	closed        bool
	topics        map[string]*topic
	subscriptions map[string]*subscription
	clock         clock
	messageIDs    messageIDs
	chance        *rand.Rand
	faults        Faults
	last          uint64 // the last number given by number
}

// New returns an empty broker. It starts nothing, but Close must be called: it stops the timer of the leases.
func New(config Config) *Broker {
	if config.RedeliveryDelay <= 0 {
		config.RedeliveryDelay = defaultRedeliveryDelay
	}
	b := &Broker{
		config:        config,
		topics:        make(map[string]*topic),
		subscriptions: make(map[string]*subscription),
		messageIDs:    newMessageIDs(time.Now()),
		chance:        rand.New(rand.NewPCG(config.Seed, 0)),
	}
	b.clock.tick = b.tick
	return b
}

// Close ends all streams with UNAVAILABLE and stops the clock. Every later call fails with UNAVAILABLE.
func (b *Broker) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.endStreams(status.Error(codes.Unavailable, "The service is shutting down."))
	b.closed = true
	b.clock.halt()
}

// CutStreams ends all streams with UNAVAILABLE, as the service does now and then. What they held keeps its lease.
func (b *Broker) CutStreams() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.endStreams(errCut())
}

func (b *Broker) endStreams(err error) {
	for _, s := range sortedValues(b.subscriptions) {
		s.endStreams(err)
	}
}

// tick is called by the clock's timer.
func (b *Broker) tick() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.clock.ring(time.Now())
}

// number returns a number higher than all before it.
func (b *Broker) number() uint64 {
	b.last++
	return b.last
}

// happens reports whether something of probability p strikes this time.
func (b *Broker) happens(p float64) bool {
	return p > 0 && b.chance.Float64() < p
}

func (b *Broker) open() error {
	if b.closed {
		return status.Error(codes.Unavailable, "The service is shut down.")
	}
	return nil
}
