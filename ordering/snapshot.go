package ordering

import (
	"slices"
	"time"
)

// Snapshot is what an operator wants to know of the lanes.
type Snapshot struct {
	Working int     // lanes that call or could
	Waiting int     // lanes that can do nothing before some time has passed
	Gates   int     // keys whose gate is closed
	Stuck   []Stuck // the lanes that have released nothing for the longest time, that time first
}

// Stuck is a lane as an operator sees it.
type Stuck struct {
	Key   string
	ID    string    // of its first item, for which the release of all others waits
	Items int       // that it holds
	Since time.Time // when that item became the first
	Until time.Time // when the lane goes on by itself; zero if it works
	Why   string    // what it waits for, as the last call said; empty if it works
}

// Snapshot reports how things stand, with at most n of the stuck lanes. It looks at each lane once if n is not 0, and
// at no item but the first.
func (l *Lanes[T]) Snapshot(n int) Snapshot {
	s := l.overview(n > 0)
	slices.SortFunc(s.Stuck, func(a, b Stuck) int { return a.Since.Compare(b.Since) })
	s.Stuck = slices.Clone(s.Stuck[:min(n, len(s.Stuck))]) // lets go of the others
	return s
}

// overview is what Snapshot does under the lock: no more than counting and copying.
func (l *Lanes[T]) overview(lanes bool) Snapshot {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.gates.expire(time.Now())
	waiting := l.waiting.byItems.len()
	s := Snapshot{Working: len(l.lanes) - waiting, Waiting: waiting, Gates: len(l.gates.byKey)}
	if !lanes {
		return s
	}
	s.Stuck = make([]Stuck, 0, len(l.lanes))
	for _, ln := range l.lanes {
		first := ln.items.first()
		s.Stuck = append(s.Stuck, Stuck{Key: ln.key, ID: first.id, Items: ln.items.len(), Since: ln.since, Until: ln.alarm, Why: ln.cause()})
	}
	return s
}
