package ordering

import "time"

// held is an item between the Put that brought it and its release or return.
type held[T any] struct {
	item  T
	id    string
	bytes int    // what it counts in the budget; 0 once it is finished
	seq   uint64 // number of its arrival in the lane

	state    state
	contacts []*contact[T] // in whose queues it stands, until it is finished
	behind   int           // in so many of them it is not the first
	group    *group[T]     // where it stands while it is eligible
	again    time.Time     // when it is tried again, while it is postponed; else zero
	why      string        // what it waits for
	at       int           // its place in the group or among those that are postponed
}

// state is where an item stands. It goes from blocked to eligible to running, from there to finished or, to be tried
// again, over postponed to eligible.
type state uint8

const (
	blocked   state = iota // an earlier item of one of its contacts is unfinished
	eligible               // it stands in its group
	postponed              // it stands in lane.postponed, and its contacts wait with it
	running                // it is in the lane's call
	finished               // it keeps its place in the lane until it is released
)

// weight is how many contacts the item counts for in a call. One that touches none still takes the room of one, or a
// call of such items would have no limit.
func (h *held[T]) weight() int { return max(1, len(h.contacts)) }

// before orders postponed items by their time, and eligible ones by arrival.
func (h *held[T]) before(other *held[T]) bool {
	if !h.again.Equal(other.again) {
		return h.again.Before(other.again)
	}
	return h.seq < other.seq
}

func (h *held[T]) place() *int { return &h.at }
