package worker

import (
	"sync"
	"time"
)

// The client sends the acks of a stream every 100 ms, at most 1,000 in a request, and more than that in several
// requests side by side, split at random. The service drops acks of a key that come out of order, so a tick must not
// have more than one request: parts of four windows of 50 ms can fall into one tick, even if it comes 45 ms late.
const (
	ackWindow = 50 * time.Millisecond
	ackLimit  = 250
)

// pacer hands the acks of one stream to the client in their order, not too many at a time. The zero value is ready; its
// methods are safe for concurrent use and do not block.
type pacer struct {
	mu     sync.Mutex // guards the fields below
	begun  time.Time  // of the running window
	given  int        // acks in it
	queued []answer   // acks that wait for the next one; a timer is set while there are any
}

// ack acknowledges now, or as soon as its turn comes.
func (p *pacer) ack(a answer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.queued) == 0 && p.room() {
		p.given++
		a.Ack()
		return
	}
	if p.queued = append(p.queued, a); len(p.queued) == 1 {
		p.wake()
	}
}

// room reports whether the window has room, and begins a new one if the last is over. Callers hold mu.
func (p *pacer) room() bool {
	if now := time.Now(); now.Sub(p.begun) >= ackWindow {
		p.begun, p.given = now, 0
	}
	return p.given < ackLimit
}

// wake sets the timer for the end of the window. Callers hold mu.
func (p *pacer) wake() { time.AfterFunc(time.Until(p.begun.Add(ackWindow)), p.next) }

// next gives the acks of the next window.
func (p *pacer) next() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.queued) > 0 && p.room() {
		p.given++
		p.queued[0].Ack()
		p.queued[0] = nil
		p.queued = p.queued[1:]
	}
	if len(p.queued) > 0 {
		p.wake()
	}
}

// pacedAnswer is the answer of a delivery on a stream with a pacer. A nack goes at once.
type pacedAnswer struct {
	answer
	pacer *pacer
}

func (a pacedAnswer) Ack() { a.pacer.ack(a.answer) }
