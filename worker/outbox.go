package worker

import (
	"container/list"
	"log/slog"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"
	"golang.org/x/time/rate"

	"github.com/contactrelay/contactrelay/messages"
)

const (
	// maxOutcomes and maxOutcomeBytes bound what an outcome topic that takes nothing costs. Beyond them the oldest are
	// dropped: what a producer needs most is the newest etag.
	maxOutcomes     = 10_000
	maxOutcomeBytes = 64 << 20
	// maxSheaf is how many outcomes of a user are published at a time: what the client puts in one request.
	maxSheaf = 100
	// maxOutcomePause is the longest time between two tries of a topic that takes nothing.
	maxOutcomePause = 30 * time.Second
)

// outbox is the outcomes that are not confirmed yet. Those of a user are published in the order in which they were added:
// a sheaf at a time, while the next one gathers. What fails is tried again, first; for all users after a pause, since it is
// the topic that fails. Its methods are safe for concurrent use.
type outbox struct {
	topic    outcomeTopic // nil: there is none, and nothing is added
	senders  int
	maxItems int
	maxBytes int
	tally    *tally
	log      *slog.Logger
	unsent   rate.Sometimes // paces the error lines

	mu      sync.Mutex // guards the fields below
	change  *sync.Cond // when there is more to send, and at the end
	piles   map[string]*pile
	ready   *list.List // the piles of which nothing is being sent, in turn
	waiting *list.List // the parcels of all piles, oldest first
	added   uint64     // number of the last parcel
	items   int        // waiting and being sent
	bytes   int
	until   time.Time // nothing is sent before: something failed
	pause   *backoff.ExponentialBackOff
	closed  bool
	closing chan struct{} // closed with it
}

// pile is the outcomes of a user that wait, in their order. It is kept while there are any, and while some are being sent.
type pile struct {
	user    string
	waiting []*parcel
	turn    *list.Element // in outbox.ready; nil while some are being sent
}

// parcel is one outcome.
type parcel struct {
	message messages.Message
	bytes   int
	number  uint64        // of its coming
	place   *list.Element // in outbox.waiting, while it waits
}

// newOutbox returns an outbox that publishes to topic, at most to so many users at a time. It starts nothing.
func newOutbox(topic outcomeTopic, senders int, tally *tally, log *slog.Logger) *outbox {
	b := &outbox{
		topic: topic, senders: senders, maxItems: maxOutcomes, maxBytes: maxOutcomeBytes, tally: tally, log: log,
		unsent: rate.Sometimes{Interval: time.Minute},
		piles:  map[string]*pile{}, ready: list.New(), waiting: list.New(), closing: make(chan struct{}),
		pause: backoff.NewExponentialBackOff(backoff.WithInitialInterval(250*time.Millisecond), backoff.WithMultiplier(2),
			backoff.WithRandomizationFactor(1), backoff.WithMaxInterval(maxOutcomePause/2), backoff.WithMaxElapsedTime(0)),
	}
	b.change = sync.NewCond(&b.mu)
	return b
}

// add takes an outcome to be published. It does not block: over the bounds it drops the oldest that are not being sent.
func (b *outbox) add(m messages.Message) {
	p := &parcel{message: m, bytes: len(m.Data) + len(m.OrderingKey)}
	for name, value := range m.Attributes {
		p.bytes += len(name) + len(value)
	}
	if dropped := b.put(p); dropped > 0 {
		b.tally.announced("dropped", dropped)
		b.unsent.Do(func() { b.log.Error("outcomes are dropped: too many wait for their topic") })
	}
}

// put enters an outcome and returns how many were dropped for it.
func (b *outbox) put(p *parcel) (dropped int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.waiting.Len() > 0 && (b.items >= b.maxItems || b.bytes+p.bytes > b.maxBytes) {
		b.dropOldest()
		dropped++
	}
	if b.items >= b.maxItems || b.bytes+p.bytes > b.maxBytes {
		return dropped + 1 // all others are being sent
	}
	user := p.message.OrderingKey
	u := b.piles[user]
	if u == nil {
		u = &pile{user: user}
		b.piles[user] = u
		b.enqueue(u)
	}
	u.waiting = append(u.waiting, p)
	b.added++
	p.number = b.added
	p.place = b.waiting.PushBack(p)
	b.items++
	b.bytes += p.bytes
	return dropped
}

// dropOldest drops the outcome that waits longest: the first of its user's. Callers hold mu, here and below.
func (b *outbox) dropOldest() {
	p := b.waiting.Remove(b.waiting.Front()).(*parcel)
	u := b.piles[p.message.OrderingKey]
	u.waiting[0] = nil
	u.waiting = u.waiting[1:]
	b.gone(p)
	if len(u.waiting) == 0 && u.turn != nil {
		b.ready.Remove(u.turn)
		delete(b.piles, u.user)
	}
}

// gone takes an outcome out of the count.
func (b *outbox) gone(p *parcel) {
	b.items--
	b.bytes -= p.bytes
}

// enqueue gives a pile its turn, behind the others.
func (b *outbox) enqueue(u *pile) {
	u.turn = b.ready.PushBack(u)
	b.change.Signal()
}
