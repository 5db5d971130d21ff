package ordering

import "time"

// Stop ends the lanes in two stages: nothing more is taken and no handler starts, Puts that block are refused, and
// what no handler works on goes back at once; then Stop blocks until the handlers that run have returned. An item of
// theirs is released if it is finished and all before it in its lane were released, else it goes back too. Calling
// Stop again is harmless and blocks likewise.
func (l *Lanes[T]) Stop() {
	l.mu.Lock()
	if !l.stopping {
		l.stopping = true
		l.refuseAll()
		for _, ln := range l.lanes {
			l.abandon(ln)
		}
		l.ready, l.waiting, l.gates = queue[*lane[T]]{}, waitingLanes[T]{}, gates{}
	}
	l.mu.Unlock()
	l.calls.Wait()
}

// refuseAll answers all guests. Callers hold mu, here and below.
func (l *Lanes[T]) refuseAll() {
	for _, d := range l.doors {
		for _, g := range d.guests {
			g.reply(ErrStopped)
		}
	}
	l.doors, l.line = nil, heap[*guest[T]]{}
}

// abandon returns the items of a lane, in their order, save those of a running call.
func (l *Lanes[T]) abandon(ln *lane[T]) {
	l.setAlarm(ln, time.Time{})
	for range ln.items.len() {
		h := ln.items.pop()
		if h.state == running {
			ln.items.push(h) // behind the others, which all go: the order is kept
			continue
		}
		l.returned(ln, h)
	}
	if ln.items.len() == 0 {
		delete(l.lanes, ln.key)
	}
}

// disband ends an abandoned lane when its call has ended.
func (l *Lanes[T]) disband(ln *lane[T], taken []*held[T], fates []Fate) {
	for i, h := range taken { // they are all that the lane still holds
		if fates[i].Finished && (ln.torn == 0 || h.seq < ln.torn) {
			l.charge(ln, load{-1, -h.bytes})
			l.config.Release(ln.key, h.item)
			continue
		}
		l.returned(ln, h)
	}
	delete(l.lanes, ln.key)
}

// returned gives an item back that is out of its lane already, and notes from where on the lane is torn.
func (l *Lanes[T]) returned(ln *lane[T], h *held[T]) {
	if ln.torn == 0 || h.seq < ln.torn {
		ln.torn = h.seq
	}
	l.charge(ln, load{-1, -h.bytes})
	l.config.Return(ln.key, h.item)
}
