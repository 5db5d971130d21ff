package ordering

import (
	"fmt"
	"time"
)

// start begins as many calls as there are ready lanes and places for calls. Callers hold mu, here and below.
func (l *Lanes[T]) start() {
	for !l.paused && l.running < l.config.MaxCalls && l.ready.len() > 0 {
		l.begin(l.ready.pop())
	}
}

// begin begins the call of a lane that was ready.
func (l *Lanes[T]) begin(ln *lane[T]) {
	ln.rouse(time.Now(), l.config.Group) // what became due since it got ready may be the oldest
	taken := ln.take(func(oldest T, contacts int) int { return l.config.Take(ln.key, oldest, contacts) })
	ln.stage = calling
	l.running++
	l.calls.Go(func() { l.call(ln, taken) })
}

// call hands items over and settles them. It holds mu only for the latter.
func (l *Lanes[T]) call(ln *lane[T], taken []*held[T]) {
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
		return
	}
	l.settle(ln, taken, fates)
	l.review(ln)
	l.proceed()
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
