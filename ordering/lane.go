package ordering

import "time"

// lane is the queue of one key: what it holds and what of it can go on. It knows nothing of other lanes. Each change
// leaves it to Lanes.review to find out whether the lane is gone, calls, is ready or waits.
type lane[T any] struct {
	key       string
	arrived   uint64          // number of the last item
	items     queue[*held[T]] // by arrival; the first of them is unfinished
	contacts  contacts[T]     // of the unfinished ones
	groups    groups[T]       // the eligible ones
	postponed heap[*held[T]]  // the postponed ones, by time
	load      load            // of all of them
	since     time.Time       // when the first of them became the first

	stage stage
	until time.Time   // the whole lane waits until then
	why   string      // for this
	alarm time.Time   // when timer wakes it; zero: not at all
	timer *time.Timer // nil before the first wait

	counted          load   // what it counts for among the waiting lanes
	inItems, inBytes int    // its places there
	torn             uint64 // after a stop: number of the first item that was given back; 0: none was
}

// stage is what a lane as a whole does. A lane that is ready or calling works.
type stage uint8

const (
	waiting stage = iota // nothing of it can go on before some time has passed
	ready                // it has eligible items and stands in Lanes.ready
	calling              // a handler has items of it
)

func newLane[T any](key string) *lane[T] {
	return &lane[T]{key: key, contacts: contacts[T]{}, since: time.Now()}
}

// add takes an item in at the end.
func (ln *lane[T]) add(h *held[T], names []string, group func(T) string) {
	ln.arrived++
	h.seq = ln.arrived
	ln.items.push(h)
	ln.contacts.join(h, names)
	if h.behind == 0 {
		ln.groups.add(h, group(h.item))
	}
}

// take removes the items of the next call from those that are eligible.
func (ln *lane[T]) take(allow func(oldest T, contacts int) int) []*held[T] {
	taken := ln.groups.take(allow)
	for _, h := range taken {
		h.state = running
	}
	return taken
}

// finish frees the contacts of an item of the call for what follows.
func (ln *lane[T]) finish(h *held[T], group func(T) string) {
	h.state = finished
	ln.contacts.leave(h, func(next *held[T]) { ln.groups.add(next, group(next.item)) })
}

// postpone lets an item of the call, and with it its contacts, wait until it is tried again.
func (ln *lane[T]) postpone(h *held[T], fate Fate) {
	h.state, h.again, h.why = postponed, fate.Again, fate.Why
	ln.postponed.put(h)
}

// rouse makes eligible what was postponed until now or earlier.
func (ln *lane[T]) rouse(now time.Time, group func(T) string) {
	for ln.postponed.len() > 0 && !ln.postponed.first().again.After(now) {
		h := ln.postponed.pop()
		h.again = time.Time{}
		ln.groups.add(h, group(h.item))
	}
}

// canCall reports whether something is eligible and the lane as a whole does not wait.
func (ln *lane[T]) canCall(now time.Time) bool {
	return ln.groups.len() > 0 && !ln.until.After(now)
}

// due is when a waiting lane can go on.
func (ln *lane[T]) due(now time.Time) time.Time {
	if ln.until.After(now) {
		return ln.until
	}
	// The first item is unfinished and the first of all its contacts. It is not eligible, so it is postponed.
	return ln.postponed.first().again
}

// cause is what a waiting lane waits for: as a whole, or with its first item.
func (ln *lane[T]) cause() string {
	switch {
	case ln.alarm.IsZero():
		return ""
	case ln.until.Equal(ln.alarm):
		return ln.why
	}
	return ln.items.first().why
}

// shift removes the first item, which is finished.
func (ln *lane[T]) shift() *held[T] {
	ln.since = time.Now()
	return ln.items.pop()
}

// pull removes the newest item, which must not be running, from wherever it stands.
func (ln *lane[T]) pull() *held[T] {
	h := ln.items.popLast()
	switch h.state {
	case eligible:
		ln.groups.remove(h)
	case postponed:
		ln.postponed.drop(h)
	}
	ln.contacts.withdraw(h) // does nothing for a finished one
	return h
}
