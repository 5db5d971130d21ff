package ordering

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"sync"
	"time"
)

// message is what the model publishes and puts.
type message struct {
	key      string
	n        int // its number within the key
	id       string
	contacts []string
	group    string
	bytes    int

	tries int // calls so far; changed by the handler of its key only
}

// dice gives the chances of one decision of a run: the same for a seed, whatever else happens in which order.
func dice(seed uint64, what ...any) *rand.Rand {
	h := fnv.New64a()
	fmt.Fprint(h, what...)
	return rand.New(rand.NewPCG(seed, h.Sum64()))
}

// service is a small model of the queue that the lanes are fed from. It delivers the messages of a key in order, a
// number of them at once and some of them twice. From one that is given back it delivers everything again,
// acknowledged ones too, but what it has delivered before that still comes first. A key moves to another stream now and
// then: what the old one had delivered comes beside what the new one delivers again. Acknowledgements out of order are
// dropped, and acknowledgements and returns get lost: then the lease runs out.
type service struct {
	seed   uint64
	window int // unacknowledged messages of a key that are delivered

	mu    sync.Mutex // guards the fields below
	calm  bool       // nothing gets lost or is doubled any more
	feeds map[string]*feed
}

// feed is what the service knows of one key.
type feed struct {
	all    []*message
	acked  []bool
	base   int // all before it are acknowledged for good
	next   int // the next to be delivered
	hold   time.Time
	rolls  int // decisions so far
	active int // the stream on which the key is delivered
	stream [2]stream
}

// stream is what a client has fetched of a key on one stream and not handed over.
type stream struct {
	buffer []*message
	wake   chan struct{} // cap 1: there may be something
}

const lease = 60 * time.Second

func newService(seed uint64, window int, keys []string) *service {
	s := &service{seed: seed, window: window, feeds: map[string]*feed{}}
	for _, key := range keys {
		s.feeds[key] = &feed{stream: [2]stream{{wake: make(chan struct{}, 1)}, {wake: make(chan struct{}, 1)}}}
	}
	return s
}

func (s *service) publish(m *message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.feeds[m.key]
	m.n = len(f.all)
	f.all, f.acked = append(f.all, m), append(f.acked, false)
	s.deliver(m.key, f)
}

// deliver moves what may be delivered into the buffer of the client.
func (s *service) deliver(key string, f *feed) {
	if wait := time.Until(f.hold); wait > 0 {
		return // the timer of the hold calls again
	}
	to := &f.stream[f.active]
	for f.next < len(f.all) && f.next < f.base+s.window {
		to.buffer = append(to.buffer, f.all[f.next])
		if !s.calm && s.roll(key, f).IntN(40) == 0 {
			to.buffer = append(to.buffer, f.all[f.next])
		}
		f.next++
	}
	if !s.calm && f.next > 0 && s.roll(key, f).IntN(60) == 0 {
		s.rewind(key, f, s.roll(key, f).IntN(f.next)) // a lease was lost
	}
	if !s.calm && s.roll(key, f).IntN(30) == 0 { // the stream broke
		f.active = 1 - f.active
		s.rewind(key, f, f.base)
	}
	select {
	case to.wake <- struct{}{}:
	default:
	}
}

func (s *service) roll(key string, f *feed) *rand.Rand {
	f.rolls++
	return dice(s.seed, "service", key, f.rolls)
}

// rewind delivers everything from message n on again, after a while. What was acknowledged for good may come as well.
func (s *service) rewind(key string, f *feed, n int) {
	if n >= f.next {
		return
	}
	f.next = n
	for i := max(n, f.base); i < len(f.acked); i++ {
		f.acked[i] = false
	}
	wait := quiet + 500*time.Millisecond + time.Duration(s.roll(key, f).IntN(18_000))*time.Millisecond
	f.hold = time.Now().Add(wait)
	time.AfterFunc(wait, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.deliver(key, f)
	})
}

// take waits for the next delivery of a key on a stream.
func (s *service) take(stop <-chan struct{}, key string, n int) (m *message, ok bool) {
	from := &s.feeds[key].stream[n]
	for {
		s.mu.Lock()
		if len(from.buffer) > 0 {
			m, from.buffer = from.buffer[0], from.buffer[1:]
			s.mu.Unlock()
			return m, true
		}
		s.mu.Unlock()
		select {
		case <-from.wake:
		case <-stop:
			return nil, false
		}
	}
}

func (s *service) ack(m *message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.feeds[m.key]
	if m.n < f.base || f.acked[m.n] {
		return
	}
	if m.n > f.base && s.roll(m.key, f).IntN(2) == 0 || s.lost(m.key, f) {
		s.expire(m, f)
		return
	}
	f.acked[m.n] = true
	for f.base < len(f.all) && f.acked[f.base] {
		f.base++
	}
	s.deliver(m.key, f)
}

// nack gives a message back. It may get lost if told so; that of a message that was refused before the head of the gate has
// come does not, because no order could be kept then when the gate opens by itself.
func (s *service) nack(m *message, mayBeLost bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.feeds[m.key]
	switch {
	case m.n < f.base: // it was acknowledged: this was a duplicate
	case mayBeLost && s.lost(m.key, f):
		s.expire(m, f)
	default:
		s.rewind(m.key, f, m.n)
	}
}

func (s *service) lost(key string, f *feed) bool {
	return !s.calm && s.roll(key, f).IntN(25) == 0
}

// expire lets the lease of a message run out.
func (s *service) expire(m *message, f *feed) {
	time.AfterFunc(lease, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if m.n >= f.base && !f.acked[m.n] {
			s.rewind(m.key, f, m.n)
		}
	})
}

// reconnect forgets what was delivered to a client that is gone.
func (s *service) reconnect() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, f := range s.feeds {
		f.stream[0].buffer, f.stream[1].buffer, f.next, f.hold = nil, nil, f.base, time.Time{}
		clear(f.acked[f.base:])
		s.deliver(key, f)
	}
}

// calmDown ends all faults of the service.
func (s *service) calmDown() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calm = true
}

// settled reports whether everything is acknowledged.
func (s *service) settled() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.feeds {
		if f.base < len(f.all) {
			return false
		}
	}
	return true
}
