package ordering

import (
	"slices"
	"time"
)

// load is a number of items and of bytes.
type load struct{ items, bytes int }

func (a load) plus(b load) load  { return load{a.items + b.items, a.bytes + b.bytes} }
func (a load) minus(b load) load { return load{a.items - b.items, a.bytes - b.bytes} }

// budget is what all lanes together may hold, and what they do hold. An item that is finished and not yet released
// counts as one without bytes.
type budget struct {
	limit load
	held  load
}

// fits reports whether there is room for one more item of the given size. One that is larger than the limit fits
// when no bytes are held: it comes in alone.
func (b *budget) fits(bytes int) bool {
	return b.held.items < b.limit.items && (b.held.bytes == 0 || b.held.bytes+bytes <= b.limit.bytes)
}

// crowds reports whether a lane of this load holds a quarter of either limit.
func (b *budget) crowds(l load) bool {
	return 4*l.items >= b.limit.items || 4*l.bytes >= b.limit.bytes
}

// forWaiting is what the waiting lanes together may hold: half of either limit. They leave room for the next item
// that is to be let in, however large, or it would wait as long as they do and all others behind it.
func (b *budget) forWaiting(next int) load {
	return load{b.limit.items / 2, max(0, min(b.limit.bytes/2, b.limit.bytes-next))}
}

// charge notes that a lane holds more, or less. Callers hold mu, here and below.
func (l *Lanes[T]) charge(ln *lane[T], more load) {
	ln.load = ln.load.plus(more)
	l.budget.held = l.budget.held.plus(more)
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
