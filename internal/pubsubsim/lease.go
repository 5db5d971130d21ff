package pubsubsim

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// leaseState is what has become of a delivery.
type leaseState int

const (
	ended      leaseState = iota // acknowledged, nacked or run out
	live                         // its ack ID counts
	superseded                   // the message was delivered again or is going to be: only its place on the stream counts
	lost                         // acknowledged, which the service will have forgotten when the lease runs out
)

// lease is one delivery of a message: until when it need not be delivered again, and whose window it fills.
type lease struct {
	alarm alarm // its number is the lease's
	entry *entry
	hold  *hold
	state leaseState
	early time.Time // until when an acknowledgement that came out of order still counts
}

// lease records that e is handed to the holder of its queue for the time d.
func (s *subscription) lease(e *entry, d time.Duration, now time.Time) *lease {
	l := &lease{entry: e, hold: e.queue.hold}
	l.alarm = alarm{number: s.broker.number(), owner: l}
	e.lease = l
	s.leases[l.alarm.number] = l
	s.broker.clock.set(&l.alarm, now.Add(d))
	l.turn(live)
	return l
}

// turn changes the state and keeps the sums that depend on it.
func (l *lease) turn(to leaseState) {
	l.count(-1)
	l.state = to
	l.count(+1)
	if to == ended {
		s := l.hold.queue.subscription
		delete(s.leases, l.alarm.number)
		s.broker.clock.stop(&l.alarm)
	}
	l.hold.stream.wake()
}

// count adds n to what depends on the lease's state.
func (l *lease) count(n int) {
	h := l.hold
	switch l.state {
	case live:
		h.live += n
		h.queue.subscription.outstanding += n
	case superseded:
		h.superseded += n
	default:
		return
	}
	h.stream.window.messages += n
	h.stream.window.bytes += n * l.entry.size
}

// supersede makes the ack ID stale. A delivery that the client has not answered goes on to fill its window until it
// does, or until the lease runs out.
func (l *lease) supersede() {
	l.entry.lease = nil
	if l.state == live {
		l.turn(superseded)
	} else {
		l.turn(ended)
	}
}

// end is the end of a delivery that was answered or whose message is gone.
func (l *lease) end() {
	if l.entry.lease == l {
		l.entry.lease = nil
	}
	l.turn(ended)
}

// rung is the end of a lease that nobody extended.
func (l *lease) rung() {
	q := l.hold.queue
	if l.state == superseded {
		l.end()
		q.settle()
		return
	}
	q.subscription.stats.ExpiredLeases++
	q.subscription.fail(l)
}

// extend has a lease end after d from now. What was superseded or acknowledged is not extended.
func (l *lease) extend(now time.Time, d time.Duration) {
	if l.state == live {
		l.hold.queue.subscription.broker.clock.set(&l.alarm, now.Add(d))
	}
}

// ExpireLeases has leases of a subscription run out now: those of broken streams, so that what a killed client held
// comes again at once, or, with running, those of all streams, as if no extension had come in time.
func (b *Broker) ExpireLeases(subscription string, running bool) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	s, err := b.subscription(subscription)
	if err != nil {
		return err
	}
	// The oldest first: those behind it in its key are superseded then and do not count as failures of their own.
	leases := slices.SortedFunc(maps.Values(s.leases), func(a, b *lease) int { return cmp.Compare(a.alarm.number, b.alarm.number) })
	for _, l := range leases {
		if l.state != ended && (running || l.hold.stream.err != nil) {
			l.rung()
		}
	}
	return nil
}

// ackPrefix returns the beginning of a subscription's ack IDs. The time is in it so that the ack IDs of a simulator
// that was started again do not mean anything to this one.
func ackPrefix(number uint64) string {
	return strconv.FormatInt(time.Now().UnixNano(), 36) + "-" + strconv.FormatUint(number, 36) + "-"
}

func (l *lease) ackID() string {
	return l.hold.queue.subscription.ackPrefix + strconv.FormatUint(l.alarm.number, 36)
}

// find returns the leases that ackIDs stand for, without those that are over, and how many those are. It returns
// InvalidArgument if one cannot be an ack ID at all.
func (s *subscription) find(ackIDs []string) (found []*lease, stale int, err error) {
	if len(ackIDs) == 0 {
		return nil, 0, status.Error(codes.InvalidArgument, "You have not specified an ack ID in the request.")
	}
	found = make([]*lease, 0, len(ackIDs))
	for _, id := range ackIDs {
		tail, ok := strings.CutPrefix(id, s.ackPrefix)
		number, err := strconv.ParseUint(tail, 36, 64)
		switch {
		case !ok && strings.Count(id, "-") == 2: // of another subscription, or from before a restart
			stale++
		case !ok || err != nil:
			return nil, 0, status.Errorf(codes.InvalidArgument,
				"You have passed an invalid ack ID to the service (ack_id=%s).", id)
		case s.leases[number] == nil:
			stale++
		default:
			found = append(found, s.leases[number])
		}
	}
	return found, stale, nil
}
