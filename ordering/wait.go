package ordering

import (
	"slices"
	"time"
)

// waitingLanes are the lanes of which nothing can go on before some time has passed. Together they may hold a part
// of the budget only.
type waitingLanes[T any] struct {
	load    load // what they hold together
	byItems heap[mostItems[T]]
	byBytes heap[mostBytes[T]]
}

// mostItems and mostBytes put the fullest lane first, by the one measure and by the other.
type (
	mostItems[T any] struct{ *lane[T] }
	mostBytes[T any] struct{ *lane[T] }
)

func (a mostItems[T]) before(b mostItems[T]) bool { return a.load.items > b.load.items }
func (a mostItems[T]) place() *int                { return &a.inItems }
func (a mostBytes[T]) before(b mostBytes[T]) bool { return a.load.bytes > b.load.bytes }
func (a mostBytes[T]) place() *int                { return &a.inBytes }

// put enters a lane, or notes that what it holds has changed.
func (ws *waitingLanes[T]) put(ln *lane[T]) {
	ws.load = ws.load.plus(ln.load.minus(ln.counted))
	ln.counted = ln.load
	ws.byItems.put(mostItems[T]{ln})
	ws.byBytes.put(mostBytes[T]{ln})
}

// drop takes a lane out, if it is there.
func (ws *waitingLanes[T]) drop(ln *lane[T]) {
	ws.load = ws.load.minus(ln.counted)
	ln.counted = load{}
	ws.byItems.drop(mostItems[T]{ln})
	ws.byBytes.drop(mostBytes[T]{ln})
}

// setAlarm sees to it that a lane is woken when it is due, and not at all if due is zero. Callers hold mu, here and
// below.
func (l *Lanes[T]) setAlarm(ln *lane[T], due time.Time) {
	if ln.alarm.Equal(due) {
		return
	}
	ln.alarm = due
	switch {
	case due.IsZero():
		ln.timer.Stop()
	case ln.timer == nil:
		ln.timer = time.AfterFunc(time.Until(due), func() { l.wake(ln) })
	default:
		ln.timer.Reset(time.Until(due))
	}
}

// wake is what the timer of a lane calls. It may come late, to a lane that has gone on or is gone.
func (l *Lanes[T]) wake(ln *lane[T]) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if ln.alarm.IsZero() || l.stopping {
		return
	}
	ln.alarm = time.Time{} // it has gone off; review sets it again if it came too early
	l.review(ln)
	l.proceed()
}

// shed gives back what the waiting lanes hold too much, of the fullest of them and the newest first, and reports
// whether there was anything. Next, which may be nil, is the guest to be let in next. While the lanes are paused
// everything waits for the same reason, and nothing is given back: the lanes simply stop taking more.
func (l *Lanes[T]) shed(next *guest[T]) bool {
	bytes := 0
	if next != nil {
		bytes = next.bytes
	}
	may, ws := l.budget.forWaiting(bytes), &l.waiting
	switch {
	case l.paused:
		return false
	case ws.load.items > may.items:
		l.giveBack(ws.byItems.first().lane, func() bool { return ws.load.items > may.items })
	case ws.load.bytes > may.bytes:
		l.giveBack(ws.byBytes.first().lane, func() bool { return ws.load.bytes > may.bytes })
	default:
		return false
	}
	return true
}

// giveBack returns the newest items of a waiting lane as long as there is too much, at least one, and closes the
// gate of its key on the oldest of them.
func (l *Lanes[T]) giveBack(ln *lane[T], tooMuch func() bool) {
	var back []*held[T]
	for tooMuch() && ln.items.len() > 0 {
		h := ln.pull()
		l.charge(ln, load{-1, -h.bytes})
		l.waiting.put(ln)
		back = append(back, h)
	}
	slices.Reverse(back)
	l.gates.close(ln.key, back[0].id, time.Now())
	for _, h := range back {
		l.config.Return(ln.key, h.item)
	}
	l.review(ln)
}
