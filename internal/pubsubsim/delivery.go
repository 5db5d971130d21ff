package pubsubsim

import "time"

// take leases what the stream may have now.
func (st *Stream) take() ([]Delivery, error) {
	b := st.broker
	b.mu.Lock()
	defer b.mu.Unlock()
	if st.err != nil {
		return nil, st.err
	}
	out := st.collect(time.Now())
	if len(out) == 0 {
		st.waiting = true
		return nil, nil
	}
	st.subscription.wakeOne() // there may be more, and this stream is busy now
	if b.happens(b.faults.CutStream) {
		st.end(errCut())
		if b.happens(0.5) {
			return nil, st.err // the messages are on their way when the stream breaks: nobody has them
		}
	}
	return out, nil
}

// collect leases a batch.
func (st *Stream) collect(now time.Time) []Delivery {
	var out []Delivery
	bytes := 0
	for len(out) < maxBatch && bytes < maxBatchBytes {
		q := st.next()
		if q == nil {
			break
		}
		q.unlist()
		for range turn {
			bytes += q.cursor.size
			out = st.deliver(out, q, now)
			if !q.deliverable(st) || len(out) >= maxBatch || bytes >= maxBatchBytes {
				break
			}
		}
		q.settle()
	}
	return out
}

// deliverable reports whether a stream may be given the next message of a queue that it holds.
func (q *keyQueue) deliverable(st *Stream) bool {
	return q.target() == &st.ready && st.window.room(q.cursor.size)
}

// deliver leases the next message of q, and now and then the same one twice.
func (st *Stream) deliver(out []Delivery, q *keyQueue, now time.Time) []Delivery {
	if q.hold == nil {
		q.hold = &hold{queue: q, stream: st}
	}
	e := q.cursor
	q.cursor = e.next
	out = append(out, st.hand(e, now))
	b := st.broker
	if !b.happens(b.faults.Duplicate) {
		return out
	}
	if b.happens(0.5) {
		q.subscription.relapses(e.lease, now)
	} else if st.window.room(e.size) {
		e.lease.supersede()
		out = append(out, st.hand(e, now))
	}
	return out
}

// hand makes one delivery of e.
func (st *Stream) hand(e *entry, now time.Time) Delivery {
	s := st.subscription
	e.deliveries++
	s.stats.Deliveries++
	if e.deliveries > 1 {
		s.stats.Redeliveries++
	}
	d := Delivery{AckID: s.lease(e, st.deadline, now).ackID(), Message: e.message}
	if s.settings.DeadLetter != nil {
		d.Attempt = e.failures + 1
	}
	return d
}
