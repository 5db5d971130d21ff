package pubsubsim

import (
	"container/list"
	"time"
)

// entry is a message in a subscription.
type entry struct {
	message *Message
	number  uint64 // in publish order
	size    int

	queue      *keyQueue
	prev, next *entry        // in the queue
	place      *list.Element // in the subscription's messages
	lease      *lease        // of the last delivery, unless that is over or superseded
	acked      bool          // perhaps only for the time being
	deliveries int
	failures   int // nacks and leases run out
}

// settled reports whether the message is acknowledged for good, unless an earlier one of its key fails.
func (e *entry) settled() bool { return e.acked && e.lease == nil }

// keyQueue holds the messages of one ordering key. A message without order is a queue of its own.
//
// The messages before the cursor were delivered, those from it on wait. A failure sets the cursor back.
type keyQueue struct {
	subscription *subscription
	key          string
	head, tail   *entry
	cursor       *entry     // the next to be delivered; nil: none
	hold         *hold      // who is given the messages; nil: whoever comes first
	nap          alarm      // while it is set nothing is delivered: a redelivery is due later
	list         *list.List // of queues with something to deliver, if the queue is on one
	place        *list.Element
}

// hold is what one stream has of one queue. As long as it has anything of a key, superseded deliveries included, the
// key is delivered to no other stream.
type hold struct {
	queue      *keyQueue
	stream     *Stream
	live       int // deliveries whose acknowledgement counts
	superseded int
}

// binds reports whether the queue may be delivered to the holder only. Nobody is left to answer what a broken stream was
// sent and is going to be delivered again.
func (h *hold) binds() bool {
	return h.live > 0 || h.superseded > 0 && h.stream.err == nil
}

// add takes a published message into the backlog.
func (s *subscription) add(e *entry) {
	e.place = s.messages.PushBack(e)
	s.stats.Published++
	q := s.queueOf(e.message.OrderingKey)
	q.append(e)
	q.settle()
	if !s.aging.set() {
		s.age()
	}
}

func (s *subscription) queueOf(key string) *keyQueue {
	if q := s.keys[key]; q != nil {
		return q
	}
	q := s.newQueue(key)
	if s.settings.Ordering && key != "" {
		s.keys[key] = q
	}
	return q
}

func (s *subscription) newQueue(key string) *keyQueue {
	q := &keyQueue{subscription: s, key: key}
	q.nap = alarm{number: s.broker.number(), owner: q}
	return q
}

func (q *keyQueue) append(e *entry) {
	e.queue, e.prev = q, q.tail
	if q.tail == nil {
		q.head = e
	} else {
		q.tail.next = e
	}
	q.tail = e
	if q.cursor == nil {
		q.cursor = e
	}
}

// unlink takes e out of the queue.
func (q *keyQueue) unlink(e *entry) {
	if q.cursor == e {
		q.cursor = e.next
	}
	if e.prev == nil {
		q.head = e.next
	} else {
		e.prev.next = e.next
	}
	if e.next == nil {
		q.tail = e.prev
	} else {
		e.next.prev = e.prev
	}
	e.prev, e.next = nil, nil
}

// forget drops the acknowledged messages before which there is nothing that could still fail.
func (q *keyQueue) forget() {
	for q.head != nil && q.head.settled() {
		q.subscription.drop(q.head)
	}
}

// rewind has e and all that was delivered after it delivered again. Their deliveries are superseded, their
// acknowledgements undone.
func (q *keyQueue) rewind(e *entry) {
	for x := e; x != q.cursor; x = x.next {
		if x.settled() {
			q.subscription.retained--
			q.subscription.stats.UndoneAcks++
		}
		x.acked = false
		if x.lease != nil {
			x.lease.supersede()
		}
	}
	q.cursor = e
}

// sleep keeps the queue from being delivered for d.
func (q *keyQueue) sleep(d time.Duration) {
	at := time.Now().Add(d)
	if !q.nap.set() || q.nap.at.Before(at) {
		q.subscription.broker.clock.set(&q.nap, at)
	}
}

func (q *keyQueue) rung() { q.settle() }

// settle puts the queue where it belongs after any change: free for all once nobody holds any of it, on the right list
// if there is something to deliver, gone if it is empty.
func (q *keyQueue) settle() {
	s := q.subscription
	if h := q.hold; h != nil && !h.binds() {
		q.hold = nil
	}
	if q.head == nil && q.hold == nil {
		s.broker.clock.stop(&q.nap)
		if s.keys[q.key] == q { // leases may point to an empty queue whose key has a new one
			delete(s.keys, q.key)
		}
	}
	target := q.target()
	if target == q.list {
		return
	}
	q.unlist()
	if target == nil {
		return
	}
	q.list, q.place = target, target.PushBack(q)
	if q.hold != nil {
		q.hold.stream.wake()
	} else {
		s.wakeOne()
	}
}

// target is the list that the queue belongs on now.
func (q *keyQueue) target() *list.List {
	switch limit := q.subscription.broker.config.OutstandingPerKey; {
	case q.cursor == nil || q.nap.set():
		return nil
	case q.hold == nil:
		return &q.subscription.ready
	case limit > 0 && q.hold.live >= limit:
		return nil
	default:
		return &q.hold.stream.ready // of a broken one, too, which delivers nothing: the queue has to wait
	}
}

func (q *keyQueue) unlist() {
	if q.list != nil {
		q.list.Remove(q.place)
		q.list, q.place = nil, nil
	}
}
