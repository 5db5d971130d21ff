package ordering

import (
	"fmt"
	"time"
)

// start begins as many calls as there are ready lanes and places for calls. Callers hold mu, here and below.
func (l *Lanes[T]) start() {
	for !l.paused && l.running < l.limit && l.ready.len() > 0 {
		l.begin(l.ready.pop())
	}
}

// begin begins the call of a lane that was ready.
func (l *Lanes[T]) begin(ln *lane[T]) {
	ln.rouse(time.Now(), l.config.Group) // what became due since it got ready may be the oldest
	taken := ln.take(func(oldest T, contacts int) int { return l.config.Take(ln.key, oldest, contacts) })
	ln.stage = calling
	l.running++
	next := &call[T]{ln, taken}
	if l.free != nil {
		*l.free, l.free = next, nil
		return
	}
	l.calls.Go(func() {
		for next != nil {
			next = l.call(next)
		}
	})
}

// call is one call of a lane, and what it is for.
type call[T any] struct {
	lane  *lane[T]
	taken []*held[T]
}

// call hands items over and settles them. It holds mu only for the latter. It returns the next call for the same
// goroutine, nil if there is none: the stack of a new one would have to grow first, which costs as much as a tenth of what
// a call does.
func (l *Lanes[T]) call(c *call[T]) (next *call[T]) {
	ln, taken := c.lane, c.taken
	items := make([]T, len(taken))
	for i, h := range taken {
		items[i] = h.item
	}
	fates := l.config.Handle(ln.key, items)
	if len(fates) != len(items) {
		panic(fmt.Sprintf("ordering: Handle answered %d fates for %d items", len(fates), len(items)))
	}

	l.mu.Lock()
	defer l.mu.Unlock()
	l.running--
	ln.stage = waiting
	if l.stopping {
		l.disband(ln, taken, fates)
		return nil
	}
	l.settle(ln, taken, fates)
	l.review(ln)
	l.free = &next
	l.proceed()
	l.free = nil
	return next
}

// settle does to the items of a call what their fates say, and releases those whose turn has come.
func (l *Lanes[T]) settle(ln *lane[T], taken []*held[T], fates []Fate) {
	for i, h := range taken {
		fate := fates[i]
		if fate.Finished {
			l.charge(ln, load{0, -h.bytes})
			h.bytes = 0
			ln.finish(h, l.config.Group)
		} else {
			ln.postpone(h, fate)
		}
		if fate.Lane.After(ln.until) { // what it was has passed
			ln.until, ln.why = fate.Lane, fate.Why
		}
	}
	for ln.items.len() > 0 && ln.items.first().state == finished {
		h := ln.shift()
		l.charge(ln, load{-1, 0})
		l.config.Release(ln.key, h.item)
	}
}
