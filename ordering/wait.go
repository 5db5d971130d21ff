package ordering

import "time"

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
