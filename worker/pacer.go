package worker

import (
	"sync"
	"time"
)

// The client collects the acks of a stream and sends them every 100 ms, or as soon after that as its last requests are
// answered. More than 1,000 it sends in several requests side by side, split at random, and the service drops acks of a key
// that come out of order: what they were for comes again when its lease has run out. So the client must never have more.
const ackLimit = 1000

// ackPatience is for how long the client may send none of the acks that it has. The stream that they are of has ended for
// good then, and nothing comes of them.
const ackPatience = 5 * time.Second

// pacer hands the acks of one stream to the client in their order, not too many at a time. The zero value is ready; its
// methods are safe for concurrent use and do not block.
type pacer struct {
	mu     sync.Mutex // guards the fields below
	given  int        // acks that the client has and has not sent
	queued []answer   // acks that wait for room; the timer runs while there are any
	timer  *time.Timer
	last   any // the request with which acks left last
}

// ack acknowledges now, or as soon as its turn comes.
func (p *pacer) ack(a answer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.queued) == 0 && p.given < ackLimit {
		p.given++
		a.Ack()
		return
	}
	p.queued = append(p.queued, a)
	switch {
	case p.timer == nil:
		p.timer = time.AfterFunc(ackPatience, p.giveUp)
	case len(p.queued) == 1:
		p.timer.Reset(ackPatience)
	}
}

// sent is told of a request with so many acks that leaves the client; again, when the client tries it again.
func (p *pacer) sent(request any, n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if request == p.last {
		return
	}
	p.last = request
	p.given = max(0, p.given-n) // after giveUp the client may send what does not count any more
	p.next()
}

// giveUp takes it that the client sends no more of the acks that it has.
func (p *pacer) giveUp() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.given = 0
	p.next()
}

// next gives the acks for which there is room. Callers hold mu.
func (p *pacer) next() {
	room := min(ackLimit-p.given, len(p.queued))
	for i, a := range p.queued[:room] {
		a.Ack()
		p.queued[i] = nil
	}
	p.given += room
	switch p.queued = p.queued[room:]; {
	case len(p.queued) > 0:
		p.timer.Reset(ackPatience)
	case p.timer != nil:
		p.timer.Stop()
	}
}

// pacedAnswer is the answer of a delivery on a stream with a pacer. A nack goes at once.
type pacedAnswer struct {
	answer
	pacer *pacer
}

func (a pacedAnswer) Ack() { a.pacer.ack(a.answer) }
