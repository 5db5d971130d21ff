package worker

import (
	"context"
	"sync"
	"time"

	"github.com/contactrelay/contactrelay/internal/pubsubsim"
	"github.com/contactrelay/contactrelay/messages"
)

// modelSource receives from the simulated service's state on several streams, as the real client does: the messages of a
// key one after the other, different keys side by side; acks and nacks every 100 ms, sent once; leases extended while a
// message is not answered; a stream that breaks opened anew.
type modelSource struct {
	broker  *pubsubsim.Broker
	streams int
	window  int
	ledger  *ledger
}

func (s *modelSource) Ordered(context.Context) (bool, error) {
	settings, err := s.broker.Subscription(changes)
	return settings.Ordering, err
}

func (s *modelSource) Streams() int { return s.streams }

func (s *modelSource) Receive(ctx context.Context, _ int, take func(context.Context, delivery)) error {
	st := &modelStream{source: s, take: take, open: map[string]bool{}, keys: map[string][]pubsubsim.Delivery{}}
	st.answered.L = &st.mu
	for ctx.Err() == nil {
		stream, err := s.broker.Subscribe(changes, pubsubsim.StreamConfig{AckDeadline: time.Minute, MaxMessages: s.window})
		if err != nil {
			return err
		}
		for err == nil {
			var got []pubsubsim.Delivery
			got, err = stream.Next(ctx)
			for _, d := range got {
				st.hand(ctx, d)
			}
		}
		stream.Close()
		wait(ctx, 100*time.Millisecond) // it was cut
	}
	st.hands.Wait()
	st.finish()
	return nil
}

// modelStream is what the client keeps of a stream.
type modelStream struct {
	source *modelSource
	take   func(context.Context, delivery)
	hands  sync.WaitGroup // goroutines that hand over the messages of a key

	mu       sync.Mutex // guards the fields below
	answered sync.Cond  // signalled when open gets empty
	open     map[string]bool
	keys     map[string][]pubsubsim.Delivery // what is to be handed over
	acks     []string
	nacks    []string
	sending  bool // a timer is set for acks and nacks
	leasing  *time.Timer
}

// hand queues a message behind those of its key.
func (st *modelStream) hand(ctx context.Context, d pubsubsim.Delivery) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.open[d.AckID] = true
	if st.leasing == nil {
		st.leasing = time.AfterFunc(30*time.Second, st.extend)
	}
	key := d.Message.OrderingKey
	if key == "" {
		st.hands.Go(func() { st.one(ctx, d) })
		return
	}
	st.keys[key] = append(st.keys[key], d)
	if len(st.keys[key]) == 1 {
		st.hands.Go(func() { st.all(ctx, key) })
	}
}

// all hands over what there is of a key.
func (st *modelStream) all(ctx context.Context, key string) {
	for {
		st.mu.Lock()
		if len(st.keys[key]) == 0 {
			delete(st.keys, key)
			st.mu.Unlock()
			return
		}
		d := st.keys[key][0]
		st.mu.Unlock()
		st.one(ctx, d)
		st.mu.Lock()
		st.keys[key] = st.keys[key][1:]
		st.mu.Unlock()
	}
}

// one hands a message over.
func (st *modelStream) one(ctx context.Context, d pubsubsim.Delivery) {
	here := delivery{
		id: d.Message.ID, publish: d.Message.PublishTime,
		message: messages.Message{OrderingKey: d.Message.OrderingKey, Attributes: d.Message.Attributes, Data: d.Message.Data},
	}
	r := st.source.ledger.handing(here)
	here.answer = &modelAnswer{st, r, d.AckID}
	st.take(ctx, here)
	st.source.ledger.taken(r)
}

// extend extends the leases of what is not answered.
func (st *modelStream) extend() {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.leasing = nil
	var ids []string
	for id := range st.open {
		ids = append(ids, id)
	}
	if len(ids) > 0 {
		_ = st.source.broker.ModifyAckDeadline(changes, ids, time.Minute)
		st.leasing = time.AfterFunc(30*time.Second, st.extend)
	}
}

// send sends acks and nacks. Whether they arrive the client does not ask.
func (st *modelStream) send() {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.sending = false
	_ = st.source.broker.Ack(changes, st.acks)
	_ = st.source.broker.ModifyAckDeadline(changes, st.nacks, 0)
	st.acks, st.nacks = nil, nil
}

// finish waits until everything is answered, and sends the last answers.
func (st *modelStream) finish() {
	st.mu.Lock()
	for len(st.open) > 0 {
		st.answered.Wait()
	}
	st.mu.Unlock()
	st.send()
}

// modelAnswer settles one delivery.
type modelAnswer struct {
	stream *modelStream
	record *record
	ackID  string
}

func (a *modelAnswer) Ack()  { a.answer(true) }
func (a *modelAnswer) Nack() { a.answer(false) }

func (a *modelAnswer) answer(ack bool) {
	st := a.stream
	st.source.ledger.answered(a.record, ack)
	st.mu.Lock()
	defer st.mu.Unlock()
	if ack {
		st.acks = append(st.acks, a.ackID)
	} else {
		st.nacks = append(st.nacks, a.ackID)
	}
	if delete(st.open, a.ackID); len(st.open) == 0 {
		st.answered.Broadcast()
	}
	if !st.sending {
		st.sending = true
		time.AfterFunc(100*time.Millisecond, st.send)
	}
}
