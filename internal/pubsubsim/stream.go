package pubsubsim

import (
	"cmp"
	"container/list"
	"context"
	"slices"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const (
	// maxBatch and maxBatchBytes bound one answer of Next; the client's limit for a response is 20 MB.
	maxBatch      = 100
	maxBatchBytes = 4_000_000
	// turn is how many messages of a key are delivered before it is another one's turn, as was seen of the service.
	turn = 10
)

// StreamConfig is what a subscriber asks of a stream.
type StreamConfig struct {
	// MaxMessages and MaxBytes are how much the stream may hold unacknowledged; 0 or less: no limit.
	MaxMessages int
	MaxBytes    int
	// AckDeadline is the first lease of a message: 10 s to 600 s; 0: the subscription's.
	AckDeadline time.Duration
}

// Delivery is a message handed out.
type Delivery struct {
	AckID   string
	Message *Message // shared: must not be changed
	Attempt int      // 1 + nacks + leases run out, on a subscription with a dead-letter policy; else 0
}

// Stream hands out a subscription's messages to one subscriber. Its methods may be called from any goroutine, Next
// from one at a time. The subscriber closes it.
//
// When it ends, what it holds keeps its lease and can still be acknowledged. A key of which it holds anything goes on
// only when that is acknowledged or has failed: the service cannot know what has arrived, and order is its promise.
type Stream struct {
	broker       *Broker
	subscription *subscription
	wakeup       chan struct{} // 1: a signal to whoever waits in Next

	deadline    time.Duration
	window      window
	ready       list.List // of *keyQueue: those held here with something to deliver
	sharedFirst bool      // the next turn is for a queue that nobody holds
	cut         alarm     // for Faults.CutStreamEvery
	waiting     bool      // in Next, for something to deliver
	err         error     // why it ended
}

// Subscribe opens a stream. InvalidArgument: the ack deadline is out of range.
func (b *Broker) Subscribe(subscription string, c StreamConfig) (*Stream, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s, err := b.consumed(subscription)
	if err != nil {
		return nil, err
	}
	c.AckDeadline = orDefault(c.AckDeadline, s.settings.AckDeadline)
	if c.AckDeadline < minAckDeadline || c.AckDeadline > maxAckDeadline {
		return nil, errRange("stream_ack_deadline_seconds", c.AckDeadline, minAckDeadline, maxAckDeadline)
	}
	st := &Stream{
		broker:       b,
		subscription: s,
		wakeup:       make(chan struct{}, 1),
		deadline:     c.AckDeadline,
		window:       window{maxMessages: max(0, c.MaxMessages), maxBytes: max(0, c.MaxBytes)},
	}
	st.cut = alarm{number: b.number(), owner: st}
	s.streams = append(s.streams, st)
	st.setCut(b.faults.CutStreamEvery)
	return st, nil
}

// Next returns messages as soon as there are some that the stream may hold. It blocks until then, until ctx is done,
// or until the stream has ended, with the status that the service would end it with.
func (st *Stream) Next(ctx context.Context) ([]Delivery, error) {
	for {
		got, err := st.take()
		if err != nil || len(got) > 0 {
			return got, err
		}
		select {
		case <-st.wakeup:
		case <-ctx.Done():
		}
		if ctx.Err() != nil { // even if it was woken as well
			st.stopWaiting()
			return nil, ctx.Err()
		}
	}
}

// SetAckDeadline changes the first lease of messages delivered from now on: 10 s to 600 s.
func (st *Stream) SetAckDeadline(d time.Duration) error {
	if d < minAckDeadline || d > maxAckDeadline {
		return errRange("stream_ack_deadline_seconds", d, minAckDeadline, maxAckDeadline)
	}
	st.broker.mu.Lock()
	defer st.broker.mu.Unlock()
	st.deadline = d
	return nil
}

// Close ends the stream. What it holds keeps its lease.
func (st *Stream) Close() {
	st.broker.mu.Lock()
	defer st.broker.mu.Unlock()
	st.end(status.Error(codes.Canceled, "The stream was closed."))
}

// end ends the stream with err unless it has ended.
func (st *Stream) end(err error) {
	if st.err != nil {
		return
	}
	st.wake()
	st.err = err
	st.broker.clock.stop(&st.cut)
	s := st.subscription
	s.stats.EndedStreams++
	s.streams = slices.DeleteFunc(s.streams, func(o *Stream) bool { return o == st })
	if st.window.messages > 0 {
		st.release()
	}
}

// release lets go of the queues of which the stream has only what is superseded: that binds them to a living stream.
func (st *Stream) release() {
	var held []*keyQueue
	for _, q := range st.subscription.keys {
		if q.hold != nil && q.hold.stream == st {
			held = append(held, q)
		}
	}
	// In an order that is the same for the same calls.
	slices.SortFunc(held, func(a, b *keyQueue) int { return cmp.Compare(a.nap.number, b.nap.number) })
	for _, q := range held {
		q.settle()
	}
}

func (s *subscription) endStreams(err error) {
	for _, st := range slices.Clone(s.streams) {
		st.end(err)
	}
}

// setCut has the stream end after d, or not if d is 0.
func (st *Stream) setCut(d Duration) {
	if d > 0 {
		st.broker.clock.set(&st.cut, time.Now().Add(time.Duration(d)))
	} else {
		st.broker.clock.stop(&st.cut)
	}
}

func (st *Stream) rung() { st.end(errCut()) }

// wake has Next look again if it waits.
func (st *Stream) wake() {
	if !st.waiting {
		return
	}
	st.waiting = false
	select {
	case st.wakeup <- struct{}{}:
	default:
	}
}

// stopWaiting passes a signal that nobody is going to hear on to another stream.
func (st *Stream) stopWaiting() {
	st.broker.mu.Lock()
	defer st.broker.mu.Unlock()
	st.waiting = false
	st.subscription.wakeOne()
}

func errCut() error {
	return status.Error(codes.Unavailable, "The service was unable to fulfill your request. Please try again.")
}
