// Package worker applies contact changes: it receives them from Pub/Sub, calls the People API and settles each.
//
// Delivery is at least once and the effect is once: a delivery ends as exactly one of the outcomes in Outcome, and
// they add up to the deliveries received. Order: the changes of one contact are made in the order in which Pub/Sub
// delivered them; those of different contacts of a user go together in one call where that saves calls (plan.go), and
// different users go side by side. A worker never has two mutate requests of one user in flight. What was settled lately
// is remembered, so that a redelivery is answered without a second call, and so is what this worker made of each contact
// (history.go): a change whose etag is outdated is judged field by field against that, its base and what the contact holds
// (judgement.go), so that neither a hand edit nor a newer change is written over.
//
// A message is acknowledged when its change is applied or was found settled, and when its dead letter is confirmed
// by the dead-letter topic, never earlier, and in the order of its user's messages. It is returned (nacked) when the
// worker stops or ceases to receive, and when those that wait are too many (package ordering). Everything that time may
// cure, such as a service that is down or a quota that is used up, keeps the message held and its contact or its user
// waiting. A message is parked as a dead letter when no later try can succeed; verdict.go says when, letter.go with what.
//
// Where there is a topic for outcomes, each message that is settled leaves one event there. Its publication is begun
// before the message is acknowledged and holds up nothing: it is tried again for as long as there is room (outbox.go).
//
// What it does is told by a Tally of counts, a log line a message, spans where there is a tracer (span.go), Faults, and
// Stuck: none of it names a user but by Config.UserLabel, nor shows what a contact holds.
package worker

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/trace"
	"golang.org/x/time/rate"

	"github.com/contactrelay/contactrelay/internal/people"
	"github.com/contactrelay/contactrelay/ordering"
)

// Config says how a worker works. All fields but UserWrites, ProjectWrites, AllowUsers, Outcomes, UserLabel, Settled
// and Tracer are required.
type Config struct {
	Subscription string // noted in dead letters, as dl-subscription
	Version      string // noted in dead letters, as dl-worker

	MaxMessages   int // messages held at once
	MaxBytes      int // bytes held at once
	MaxCalls      int // calls of the People API in flight
	MaxPhotoBytes int // of a photo after decoding

	BatchMin  int           // contacts from which a group goes in one call
	BatchMax  int           // contacts in one call, up to 200
	BatchLate time.Duration // age from which a group of 6 or more goes in one call; 0: never

	UserWrites    int // ceiling of a user's writes in a minute: a call costs one, a batch call 6; 0: none
	ProjectWrites int // the same of all users together

	CallTimeout time.Duration // of one call
	Attempts    int           // calls that may fail for passing reasons before a change counts as exhausted
	RetryFor    time.Duration // the same as a time since the first failure, waits for quota not counted
	Drain       time.Duration // from the stop to the end of the calls then in flight

	AllowUsers []string            // e-mail addresses, or domains as "@example.com" or "example.com"; empty: everybody
	Outcomes   outcomeTopic        // told how each message was settled; nil: nobody is
	UserLabel  func(string) string // how logs show a user; nil: not at all
	Settled    func(Settlement)    // told of every settlement, from many goroutines; nil: nobody is
	Tracer     trace.Tracer        // makes the spans (span.go), whose ends must not block; nil: there are none
}

// Worker is one worker on one subscription. Its methods are safe for concurrent use.
type Worker struct {
	config   Config
	source   source
	dead     topic
	contacts *people.Client
	log      *slog.Logger

	tally     tally
	memory    *memory
	histories *histories
	audit     *auditor
	outbox    *outbox
	health    health
	success   successes
	traffic   *traffic
	fuse      *fuse
	breaker   *breaker
	rate      *callRate
	ceilings  *userCeilings
	minutes   *userMinutes
	deaf      rate.Sometimes                        // paces the error lines of a subscription that cannot be received from
	stopped   atomic.Bool                           // no write is begun any more
	lanes     atomic.Pointer[ordering.Lanes[*held]] // nil before Run
	unsent    rate.Sometimes                        // paces the error lines of a dead-letter topic that takes nothing

	mu       sync.Mutex // guards the fields below
	held     map[string]*held
	arrivals int64
}

// ErrUnordered is why Run ends on a subscription without message ordering: changes of a contact would overtake
// each other.
var ErrUnordered = errors.New("the subscription has no message ordering")

// errDrained is the cause with which calls end that outlast Config.Drain.
var errDrained = errors.New("the time to drain is over")

// flushGrace is how long Run waits, after Config.Drain, for the client to send its last acks: it sends them every
// 100 ms. With the default drain of 7 s a stop stays under 8 s, and Cloud Run kills after 10 s.
const flushGrace = 800 * time.Millisecond

const (
	// gateTimeout is how long a key waits for the message from which on its messages were returned: the longest lease
	// and a margin. After that it went to another worker, or its nack was lost and its lease has run out.
	gateTimeout = 90 * time.Second
	// maxGates bounds what keys with returned messages cost.
	maxGates = 10_000
)

// New returns a worker that receives from source, changes contacts and sends dead letters to dead. It starts
// nothing.
func New(c Config, source source, dead topic, contacts *people.Client, log *slog.Logger) *Worker {
	w := &Worker{
		config:    c,
		source:    source,
		dead:      dead,
		contacts:  contacts,
		log:       log,
		memory:    newMemory(),
		histories: newHistories(),
		audit:     newAuditor(),
		traffic:   newTraffic(),
		fuse:      newFuse(),
		rate:      newCallRate(c.ProjectWrites),
		ceilings:  newUserCeilings(c.UserWrites),
		minutes:   newUserMinutes(),
		deaf:      rate.Sometimes{Interval: time.Minute},
		unsent:    rate.Sometimes{Interval: time.Minute},
		held:      map[string]*held{},
	}
	w.outbox = newOutbox(c.Outcomes, c.MaxCalls, &w.tally, log)
	w.breaker = newBreaker(log, &w.health)
	return w
}

// Run works until ctx is done, and blocks until then and through the stop: nothing new is begun, what waits goes
// back at once, calls in flight have Config.Drain to answer, and outcomes to be published. It returns nil after a stop,
// and ErrUnordered when the subscription cannot be used. Run is called once.
func (w *Worker) Run(ctx context.Context) error {
	work, interrupt := context.WithCancelCause(context.WithoutCancel(ctx))
	defer interrupt(nil)
	flushing, giveUp := context.WithCancelCause(context.WithoutCancel(ctx))
	defer giveUp(nil)
	receiving, stop := context.WithCancel(ctx)
	lanes := w.newLanes(work)
	w.lanes.Store(lanes)
	w.breaker.guard(lanes)

	var announcing, probing sync.WaitGroup
	announcing.Go(func() { w.outbox.run(flushing) })
	defer probing.Wait()
	defer stop()
	probing.Go(func() { w.breaker.probeUntil(receiving) })
	received := make(chan error, 1)
	go func() { received <- w.receive(receiving, lanes) }() // waited for below, as long as a stop may take

	var err error
	select {
	case <-ctx.Done():
	case err = <-received:
		received <- err // for the wait below
	}
	stop()
	w.stopped.Store(true)
	w.rate.halt()
	drain := time.AfterFunc(w.config.Drain, func() { interrupt(errDrained) })
	defer drain.Stop()
	over := time.AfterFunc(w.config.Drain+flushGrace, func() { giveUp(errDrained) })
	defer over.Stop()
	lanes.Stop()
	w.outbox.close()

	select {
	case err = <-received:
	case <-flushing.Done():
		// The client waits for a service that does not answer. What is unconfirmed comes again; the process ends.
		w.log.WarnContext(work, "stopped before the last acks were sent")
	}
	announcing.Wait()
	return err
}

// newLanes makes the lanes of the messages; their calls are made in a context.
func (w *Worker) newLanes(work context.Context) *ordering.Lanes[*held] {
	var lanes *ordering.Lanes[*held]
	lanes = ordering.New(ordering.Config[*held]{
		MaxItems:    w.config.MaxMessages,
		MaxBytes:    w.config.MaxBytes,
		MaxCalls:    w.config.MaxCalls,
		GateTimeout: gateTimeout,
		MaxGates:    maxGates,
		Contacts:    w.touches,
		Group:       w.group,
		Take: func(_ string, oldest *held, contacts int) int {
			return w.take(oldest, contacts, time.Now())
		},
		Handle:  func(_ string, items []*held) []ordering.Fate { return w.handle(work, items, lanes.Unfinished) },
		Release: func(_ string, h *held) { w.release(h) },
		Return:  func(_ string, h *held) { w.giveBack(h) },
	})
	return lanes
}
