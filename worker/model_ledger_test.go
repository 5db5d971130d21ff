package worker

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"
)

// ledger notes what one worker does with what it is given, from outside, and what it may not do.
type ledger struct {
	config Config
	next   http.RoundTripper

	mu         sync.Mutex // guards the fields below
	deliveries int
	open       map[string][]*record    // by message ID, not answered
	ended      map[string]time.Time    // by message ID: settled then, since it was handed over, so that it counts no bytes
	settled    map[string][]Settlement // by message ID, those by which a message may be acknowledged
	inFlight   int                     // calls
	wrong      []string
}

// apart is how far apart answers may be that are given together.
const apart = time.Second

// record is one delivery.
type record struct {
	id     string
	bytes  int
	handed time.Time
	taken  bool // the callback has returned
	closed bool
	due    due // how it must be answered: as the other that was held with it
}

// due is until when and how a delivery must be answered; zero: anyhow.
type due struct {
	until time.Time
	ack   bool
}

func newLedger(c Config, next http.RoundTripper) *ledger {
	return &ledger{
		config: c, next: next, open: map[string][]*record{}, ended: map[string]time.Time{}, settled: map[string][]Settlement{},
	}
}

// complain notes what is wrong. Callers hold mu.
func (l *ledger) complain(format string, args ...any) {
	if len(l.wrong) < 5 {
		l.wrong = append(l.wrong, fmt.Sprintf(format, args...))
	}
}

// handing notes that a delivery is about to be handed over.
func (l *ledger) handing(d delivery) *record {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.deliveries++
	r := &record{id: d.id, bytes: d.bytes(), handed: time.Now()}
	if len(l.open[d.id]) == 0 {
		delete(l.ended, d.id)
	}
	l.open[d.id] = append(l.open[d.id], r)
	return r
}

// taken notes that the callback has returned: unless it gave the delivery back, the worker holds it. The budgets count
// what is held once, however often it was delivered, and no bytes of what has ended and waits for its turn.
func (l *ledger) taken(r *record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r.taken = true
	items, bytes, sized := 0, 0, 0
	for id, records := range l.open {
		if slices.ContainsFunc(records, func(r *record) bool { return !r.taken }) {
			continue // it may be the one that stands in a lane; the others are answered with it
		}
		if items++; l.ended[id].IsZero() {
			bytes += records[0].bytes
			sized++
		}
	}
	if items > l.config.MaxMessages {
		l.complain("%d messages held, the budget is %d", items, l.config.MaxMessages)
	}
	if bytes > l.config.MaxBytes && sized > 1 {
		l.complain("%d bytes held in %d messages, the budget is %d", bytes, sized, l.config.MaxBytes)
	}
}

// settle notes a settlement. It is Config.Settled of the worker.
func (l *ledger) settle(s Settlement) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s.Outcome != Returned {
		if l.ended[s.MessageID].IsZero() {
			l.ended[s.MessageID] = time.Now()
		}
		l.settled[s.MessageID] = append(l.settled[s.MessageID], s)
	}
}

// answered notes an ack or a nack. An ack must follow a settlement, and all deliveries of a message that are held
// together are answered together.
func (l *ledger) answered(r *record, ack bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.closed {
		l.complain("a delivery of %s was answered twice", r.id)
		return
	}
	r.closed = true
	if ack && len(l.settled[r.id]) == 0 {
		l.complain("%s was acknowledged and not settled", r.id)
	}
	now := time.Now()
	if r.due != (due{}) && (r.due.ack != ack || now.After(r.due.until)) {
		l.complain("two deliveries of %s were held together and answered apart", r.id)
	}
	var rest []*record
	for _, other := range l.open[r.id] {
		if other == r {
			continue
		}
		if l.together(r, other, ack) {
			other.due = due{now.Add(apart), ack}
		}
		rest = append(rest, other)
	}
	if l.open[r.id] = rest; len(rest) == 0 {
		delete(l.open, r.id)
	}
}

// together reports whether another delivery of a message was held together with the one that is answered now, the first of
// them. Acks are paced: what came after the message had ended may be held for itself while they leave. Callers hold mu.
func (l *ledger) together(first, other *record, ack bool) bool {
	if first.due != (due{}) || other.due != (due{}) {
		return false
	}
	ended := l.ended[first.id]
	if ended.IsZero() || !ack && first.handed.Before(ended) {
		return other.handed.Before(time.Now())
	}
	return first.handed.Before(ended) && other.handed.Before(ended)
}

// RoundTrip counts the calls in flight.
func (l *ledger) RoundTrip(r *http.Request) (*http.Response, error) {
	l.mu.Lock()
	if l.inFlight++; l.inFlight > l.config.MaxCalls {
		l.complain("%d calls in flight, the limit is %d", l.inFlight, l.config.MaxCalls)
	}
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.inFlight--
	}()
	return l.next.RoundTrip(r)
}
