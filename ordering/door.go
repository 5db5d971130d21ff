package ordering

import (
	"slices"
	"time"
)

// guest is a Put that has not been answered.
type guest[T any] struct {
	visit
	key      string
	bytes    int
	item     T
	contacts []string
	came     uint64 // number of the Put

	at       int        // its place in Lanes.line
	answered bool       // err is the answer
	err      error      // nil: the item was taken
	answer   chan error // nil until Put waits for it; has room for it, so that giving it does not block
}

// before orders guests by when they came.
func (g *guest[T]) before(other *guest[T]) bool { return g.came < other.came }
func (g *guest[T]) place() *int                 { return &g.at }

// reply answers the Put.
func (g *guest[T]) reply(err error) {
	g.answered, g.err = true, err
	if g.answer != nil {
		g.answer <- err
	}
}

// door is where the guests of one key stand, by their coming. The first of them is refused, or held up while its
// lane is crowded, or stands in Lanes.line for room; the others wait for the first.
type door[T any] struct{ guests []*guest[T] }

// arrive lets a guest come to the door of its key. Callers hold mu, here and below.
func (l *Lanes[T]) arrive(g *guest[T]) {
	d, ok := l.doors[g.key]
	switch {
	case l.stopping:
		g.reply(ErrStopped)
		return
	case !l.gates.admits(g.key, g.visit, ok, time.Now()):
		g.reply(ErrGate)    // at once, even if others stand at the door: what it would follow may come on another stream
		l.answerDoor(g.key) // those that are newer have to follow it now
		return
	}
	l.guests++
	g.came = l.guests
	if !ok {
		d = &door[T]{}
		l.doors[g.key] = d
	}
	d.guests = append(d.guests, g)
	if !ok {
		l.answerDoor(g.key)
	}
}

// answerDoor sees to the first guest of a key after the lane, the gate or the door has changed. Guests behind a gate
// that closes are refused together; those behind the one that opens it wait for that.
func (l *Lanes[T]) answerDoor(key string) {
	d, ok := l.doors[key]
	if !ok {
		return
	}
	for len(d.guests) > 0 {
		g := d.guests[0]
		switch {
		case !l.gates.admits(key, g.visit, true, time.Now()):
			l.depart(g)
			g.reply(ErrGate)
		case l.crowded(key):
			return // review asks again
		default:
			l.line.put(g)
			return
		}
	}
	delete(l.doors, key)
}

// crowded reports whether a lane holds so much that its own guests have to wait. A lane that waits is not crowded:
// what the waiting lanes hold too much is given back. Neither is any while the lanes are paused, since nothing
// would end it.
func (l *Lanes[T]) crowded(key string) bool {
	ln, ok := l.lanes[key]
	return ok && ln.stage != waiting && !l.paused && l.budget.crowds(ln.load)
}

// depart takes a guest away from its door. Somebody has to answer the door to those behind it.
func (l *Lanes[T]) depart(g *guest[T]) {
	l.line.drop(g)
	d := l.doors[g.key]
	i := slices.Index(d.guests, g)
	d.guests = slices.Delete(d.guests, i, i+1)
}

// nextInLine returns the guest that is the next to be let in when there is room; nil if there is none.
func (l *Lanes[T]) nextInLine() *guest[T] {
	for l.line.len() > 0 {
		g := l.line.first()
		if !l.crowded(g.key) {
			return g
		}
		l.line.drop(g) // its lane works again: review asks again
	}
	return nil
}

// letIn takes the item of a guest into its lane, for which there is room.
func (l *Lanes[T]) letIn(g *guest[T]) {
	l.depart(g)
	l.gates.passed(g.key, g.id, time.Now())
	ln, ok := l.lanes[g.key]
	if !ok {
		ln = newLane[T](g.key)
		l.lanes[g.key] = ln
	}
	h := &held[T]{item: g.item, id: g.id, bytes: g.bytes}
	l.charge(ln, load{1, h.bytes})
	ln.add(h, g.contacts, l.config.Group)
	g.reply(nil)
	l.review(ln)
}
