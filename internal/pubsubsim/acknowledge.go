package pubsubsim

import (
	"cmp"
	"slices"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Ack acknowledges deliveries. What is stale is ignored. So is, on a subscription with ordering, what has an earlier
// message of its key before it that is neither acknowledged nor in this request: that delivery goes on as if nothing
// had been said. InvalidArgument: something in ackIDs is no ack ID, or there is none.
func (b *Broker) Ack(subscription string, ackIDs []string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	s, leases, stale, err := b.answered(subscription, ackIDs)
	if err != nil {
		return err
	}
	s.stats.StaleAckIDs += uint64(stale)
	slices.SortFunc(leases, func(a, b *lease) int { return cmp.Compare(a.entry.number, b.entry.number) })
	now := time.Now()
	for _, l := range leases {
		s.acknowledge(l, now)
	}
	return nil
}

// ModifyAckDeadline has the leases of deliveries end after d from now (at most 600 s). With 0 it is a nack: the
// messages, and on a subscription with ordering all that was delivered after them of their keys, are delivered again.
// What is stale is ignored. InvalidArgument: d is out of range, or something in ackIDs is no ack ID, or there is none.
func (b *Broker) ModifyAckDeadline(subscription string, ackIDs []string, d time.Duration) error {
	if d < 0 || d > maxAckDeadline {
		return errRange("ack_deadline_seconds", d, 0, maxAckDeadline)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	s, leases, stale, err := b.answered(subscription, ackIDs)
	if err != nil {
		return err
	}
	if d > 0 {
		now := time.Now()
		for _, l := range leases {
			l.extend(now, d)
		}
		return nil
	}
	s.stats.StaleAckIDs += uint64(stale)
	// The last first: a nack makes those after it stale, and each nack of the request is to count as one.
	slices.SortFunc(leases, func(a, b *lease) int { return cmp.Compare(b.entry.number, a.entry.number) })
	for _, l := range leases {
		s.nack(l)
	}
	return nil
}

// answered finds the deliveries that a request is about, and how many of them are long over, unless the request is to
// fail.
func (b *Broker) answered(name string, ackIDs []string) (s *subscription, leases []*lease, stale int, err error) {
	if s, err = b.consumed(name); err != nil {
		return nil, nil, 0, err
	}
	if leases, stale, err = s.find(ackIDs); err != nil {
		return nil, nil, 0, err
	}
	if b.happens(b.faults.AckFailure) {
		err = status.Error(codes.Unavailable, "The service was unable to fulfill your request.")
	}
	return s, leases, stale, err
}

func (s *subscription) acknowledge(l *lease, now time.Time) {
	e, q := l.entry, l.hold.queue
	switch {
	case l.state == superseded: // of use to the stream only: it has room again
		s.stats.StaleAckIDs++
		l.end()
	case l.state != live: // twice in the request, or acknowledged before
		s.stats.StaleAckIDs++
	case e.prev != nil && !e.prev.acked:
		s.stats.DroppedAcks++
		l.early = now.Add(s.broker.config.AckPatience)
	default:
		s.accept(l, now)
	}
	q.settle()
}

// accept lets an acknowledgement take effect, and then those right behind it that came early and wait for it.
func (s *subscription) accept(l *lease, now time.Time) {
	for {
		e := l.entry
		next := e.next
		if s.broker.happens(s.broker.faults.LostAck) {
			s.lose(l)
		} else {
			s.stats.Acks++
			l.end()
			e.acked = true
			s.retained++
			e.queue.forget()
		}
		if !e.acked || next == nil || next.lease == nil || !next.lease.waits(now) {
			return
		}
		s.stats.DroppedAcks--
		l = next.lease
	}
}

// waits reports whether the message was acknowledged out of order and that still counts.
func (l *lease) waits(now time.Time) bool { return l.state == live && now.Before(l.early) }

// lose loses an acknowledgement in one of two ways: it never arrives, so that those of its followers are out of order;
// or it takes effect, also for them, and is gone when the lease runs out.
func (s *subscription) lose(l *lease) {
	s.stats.LostAcks++
	if s.broker.happens(0.5) {
		l.entry.acked = true
		l.turn(lost)
	}
}

func (s *subscription) nack(l *lease) {
	switch l.state {
	case live:
		s.stats.Nacks++
		s.fail(l)
	case superseded:
		s.stats.StaleAckIDs++
		l.end()
		l.hold.queue.settle()
	default:
		s.stats.StaleAckIDs++
	}
}
