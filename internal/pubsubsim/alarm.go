package pubsubsim

import (
	"container/heap"
	"time"
)

// An alarm tells its owner that a time has come: the end of a lease, of a redelivery's delay, of a stream.
type alarm struct {
	at     time.Time
	number uint64 // of alarms for the same time the lower number rings first
	owner  interface{ rung() }
	place  int // in the clock's heap, counted from 1; 0: not set
}

// set reports whether the alarm is going to ring.
func (a *alarm) set() bool { return a.place > 0 }

// clock rings alarms in the order of their times with a single timer. The broker's lock guards it.
type clock struct {
	tick   func() // must take the lock and call ring
	alarms alarmHeap
	timer  *time.Timer
	due    time.Time // when the timer fires; zero: it is not running
}

// set makes a ring at the given time, and not at the one it was set to before.
func (c *clock) set(a *alarm, at time.Time) {
	a.at = at
	if a.set() {
		heap.Fix(&c.alarms, a.place-1)
	} else {
		heap.Push(&c.alarms, a)
	}
	c.arm()
}

// stop keeps a from ringing. The timer is left alone: it may fire in vain, which is cheaper than to set it again for
// every message acknowledged.
func (c *clock) stop(a *alarm) {
	if a.set() {
		heap.Remove(&c.alarms, a.place-1)
	}
}

// ring rings all alarms that are due.
func (c *clock) ring(now time.Time) {
	c.due = time.Time{}
	for len(c.alarms) > 0 && !c.alarms[0].at.After(now) {
		heap.Pop(&c.alarms).(*alarm).owner.rung()
	}
	c.arm()
}

// arm sets the timer for the first alarm unless it fires before that anyway.
func (c *clock) arm() {
	if len(c.alarms) == 0 {
		return
	}
	first := c.alarms[0].at
	if !c.due.IsZero() && !first.Before(c.due) {
		return
	}
	c.due = first
	if c.timer == nil {
		c.timer = time.AfterFunc(time.Until(first), c.tick)
		return
	}
	c.timer.Reset(time.Until(first))
}

// halt stops all alarms.
func (c *clock) halt() {
	if c.timer != nil {
		c.timer.Stop()
	}
	c.alarms = nil
}

// alarmHeap implements heap.Interface.
type alarmHeap []*alarm

func (h alarmHeap) Len() int { return len(h) }

func (h alarmHeap) Less(i, j int) bool {
	if c := h[i].at.Compare(h[j].at); c != 0 {
		return c < 0
	}
	return h[i].number < h[j].number
}

func (h alarmHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i+1, j+1
}

func (h *alarmHeap) Push(x any) {
	a := x.(*alarm)
	*h = append(*h, a)
	a.place = len(*h)
}

func (h *alarmHeap) Pop() any {
	old := *h
	a := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	a.place = 0
	return a
}
