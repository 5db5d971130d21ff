package pubsubsim

import (
	"maps"
	"strconv"
	"time"
)

// fail ends a delivery that was nacked or ran out. Its message is delivered again, after a while, and after it all
// that was delivered behind it in its key; or it is forwarded to the dead-letter topic.
func (s *subscription) fail(l *lease) {
	e, q := l.entry, l.hold.queue
	e.failures++
	e.acked = false // where the acknowledgement was lost
	l.end()
	policy := s.settings.DeadLetter
	if policy != nil && e.failures >= policy.Attempts && s.forward(e) {
		s.discard(e)
		return
	}
	if policy != nil && e.next != nil && s.broker.happens(0.5) {
		// Order may not hold beside a dead-letter policy: the message comes again alone, whenever its followers do.
		q = s.detach(e)
	} else {
		q.rewind(e)
	}
	q.sleep(s.delay(e))
	q.settle()
}

// delay is how long e waits for its redelivery.
func (s *subscription) delay(e *entry) time.Duration {
	d := s.broker.config.RedeliveryDelay
	if s.settings.Retry != nil {
		d = max(d, s.settings.Retry.delay(e.failures))
	}
	return d + time.Duration(s.broker.faults.SlowRedelivery)
}

// detach moves e to a queue of its own.
func (s *subscription) detach(e *entry) *keyQueue {
	from := e.queue
	from.unlink(e)
	from.forget()
	from.settle()
	own := s.newQueue(from.key)
	own.append(e)
	return own
}

// forward publishes e to the dead-letter topic. It reports whether it did: the topic may have been deleted.
func (s *subscription) forward(e *entry) bool {
	b := s.broker
	to := b.topics[s.settings.DeadLetter.Topic]
	if to == nil {
		return false
	}
	project, id := splitName(s.name)
	m := *e.message
	m.Attributes = maps.Clone(m.Attributes)
	if m.Attributes == nil {
		m.Attributes = make(map[string]string)
	}
	m.Attributes["CloudPubSubDeadLetterSourceSubscription"] = id
	m.Attributes["CloudPubSubDeadLetterSourceSubscriptionProject"] = project
	m.Attributes["CloudPubSubDeadLetterSourceDeliveryCount"] = strconv.Itoa(e.failures)
	m.Attributes["CloudPubSubDeadLetterSourceTopicPublishTime"] =
		e.message.PublishTime.Format("2006-01-02T15:04:05.000-07:00")
	m.ID, m.PublishTime = b.messageIDs.next(), publishTime()
	to.store(b, &m)
	s.stats.DeadLettered++
	return true
}

// discard takes e out of the backlog whatever its state.
func (s *subscription) discard(e *entry) {
	q := e.queue
	if e.lease != nil {
		e.acked = false // where the acknowledgement was lost
		e.lease.supersede()
	}
	s.drop(e)
	q.forget()
	q.settle()
}

// drop takes a message that has no lease out of the backlog.
func (s *subscription) drop(e *entry) {
	if e.settled() {
		s.retained--
	}
	s.messages.Remove(e.place)
	e.queue.unlink(e)
}

// relapse is the fault that the service takes a delivery for failed that is not.
type relapse struct {
	alarm alarm
	lease *lease
}

// relapseWithin is the longest time from a delivery to its relapse.
const relapseWithin = 2 * time.Second

// relapses has the service change its mind about a delivery within a while.
func (s *subscription) relapses(l *lease, now time.Time) {
	r := &relapse{lease: l}
	r.alarm = alarm{number: s.broker.number(), owner: r}
	after := 1 + time.Duration(s.broker.chance.Int64N(int64(relapseWithin)))
	s.broker.clock.set(&r.alarm, now.Add(after))
}

func (r *relapse) rung() {
	l := r.lease
	q := l.hold.queue
	if l.state != live {
		return
	}
	q.rewind(l.entry)
	q.settle()
}

// retention drops what is older than the subscription keeps it.
type retention struct{ s *subscription }

func (r retention) rung() {
	now := time.Now()
	for first := r.s.oldest(); first != nil && !r.s.expiry(first).After(now); first = r.s.oldest() {
		r.s.stats.Expired++
		r.s.discard(first)
	}
	r.s.age()
}

// age sets the alarm for the oldest message.
func (s *subscription) age() {
	if first := s.oldest(); first != nil {
		s.broker.clock.set(&s.aging, s.expiry(first))
	}
}

func (s *subscription) oldest() *entry {
	if front := s.messages.Front(); front != nil {
		return front.Value.(*entry)
	}
	return nil
}

func (s *subscription) expiry(e *entry) time.Time {
	return e.message.PublishTime.Add(s.settings.Retention)
}
