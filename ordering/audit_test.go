package ordering

import (
	"slices"
	"testing"
	"time"
)

// audit works out from the items alone, the slow and obvious way, what all the bookkeeping should be, and compares.
// Its functions are no t.Helpers: they are called a million times, and that is what it would cost.
func audit[T any](t testing.TB, l *Lanes[T]) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopping {
		return // the lanes are taken apart
	}
	var all, waits load
	works, waitsFor := 0, 0
	for key, ln := range l.lanes {
		sum := auditLane(t, l, ln)
		all = all.plus(sum)
		if key != ln.key || ln.items.len() == 0 {
			t.Errorf("lane %q under key %q holds %d items", ln.key, key, ln.items.len())
		}
		switch ln.stage {
		case waiting:
			waits = waits.plus(sum)
			waitsFor++
			if ln.alarm.IsZero() || ln.inItems == 0 || ln.inBytes == 0 {
				t.Errorf("lane %s waits: alarm %v, places %d and %d", key, ln.alarm, ln.inItems, ln.inBytes)
			}
		case calling:
			works++
		case ready:
			if !slices.Contains(l.ready.all(), ln) {
				t.Errorf("lane %s is ready and has no turn", key)
			}
		}
		if ln.stage != waiting && (ln.inItems != 0 || ln.inBytes != 0 || !ln.alarm.IsZero()) {
			t.Errorf("lane %s works: alarm %v, places %d and %d", key, ln.alarm, ln.inItems, ln.inBytes)
		}
	}
	if all != l.budget.held || waits != l.waiting.load {
		t.Errorf("held %v, counted %v; waiting %v, counted %v", all, l.budget.held, waits, l.waiting.load)
	}
	if all.items > l.budget.limit.items || all.bytes > l.budget.limit.bytes && withBytes(l) > 1 {
		t.Errorf("held %v of %v, %d items with bytes", all, l.budget.limit, withBytes(l))
	}
	if !l.paused && (2*waits.items > l.budget.limit.items || 2*waits.bytes > l.budget.limit.bytes) {
		t.Errorf("waiting lanes hold %v of %v", waits, l.budget.limit)
	}
	if works != l.running || works > l.config.MaxCalls {
		t.Errorf("%d lanes call, %d handlers counted, limit %d", works, l.running, l.config.MaxCalls)
	}
	if waitsFor != l.waiting.byItems.len() || waitsFor != l.waiting.byBytes.len() {
		t.Errorf("%d lanes wait, %d and %d counted", waitsFor, l.waiting.byItems.len(), l.waiting.byBytes.len())
	}
	if !l.paused && l.ready.len() > 0 && l.running < l.limit {
		t.Errorf("%d lanes are ready and %d of %d handlers run", l.ready.len(), l.running, l.limit)
	}
	auditDoors(t, l)
	auditHeap(t, "gates", &l.gates.byTime)
	auditHeap(t, "waiting by items", &l.waiting.byItems)
	auditHeap(t, "waiting by bytes", &l.waiting.byBytes)
	if len(l.gates.byKey) != l.gates.byTime.len() || len(l.gates.byKey) > l.config.MaxGates {
		t.Errorf("%d gates, %d in time, limit %d", len(l.gates.byKey), l.gates.byTime.len(), l.config.MaxGates)
	}
}

// auditLane holds what a lane keeps about its items to the items, and returns their load.
func auditLane[T any](t testing.TB, l *Lanes[T], ln *lane[T]) (sum load) {
	counts := map[state]int{}
	var last uint64
	first := map[string]*held[T]{} // by contact, the first unfinished item
	for i, h := range ln.items.all() {
		sum = sum.plus(load{1, h.bytes})
		counts[h.state]++
		behind := 0
		for _, c := range h.contacts {
			if _, ok := first[c.name]; ok {
				behind++
			} else {
				first[c.name] = h
			}
			if ln.contacts[c.name] != c {
				t.Errorf("lane %s: item %s stands in a contact %s that is not the lane's", ln.key, h.id, c.name)
			}
		}
		switch {
		case i > 0 && h.seq <= last:
			t.Errorf("lane %s: arrival %d behind %d", ln.key, h.seq, last)
		case i == 0 && h.state == finished:
			t.Errorf("lane %s: the first item is finished and not released", ln.key)
		case behind != h.behind || (behind > 0) != (h.state == blocked):
			t.Errorf("lane %s: item %s is in state %d behind %d, counted %d", ln.key, h.id, h.state, behind, h.behind)
		case h.state == finished && (h.bytes != 0 || h.contacts != nil):
			t.Errorf("lane %s: item %s is finished and keeps %d bytes, contacts %v", ln.key, h.id, h.bytes, h.contacts)
		case (h.state == eligible) != (h.group != nil), h.state != postponed && !h.again.IsZero():
			t.Errorf("lane %s: item %s in state %d has group %v, waits until %v", ln.key, h.id, h.state, h.group, h.again)
		}
		last = h.seq
	}
	if sum != ln.load || len(first) != len(ln.contacts) {
		t.Errorf("lane %s holds %v in %d contacts, counted %v in %d", ln.key, sum, len(first), ln.load, len(ln.contacts))
	}
	inGroups := 0
	for name, g := range ln.groups.byName {
		auditHeap(t, "group "+name, &g.items)
		inGroups += g.items.len()
		weight := 0
		for _, h := range g.items.elems {
			weight += h.weight()
		}
		if weight != g.total || weight == 0 {
			t.Errorf("lane %s: group %s weighs %d, counted %d", ln.key, name, weight, g.total)
		}
	}
	auditHeap(t, "groups", &ln.groups.byAge)
	auditHeap(t, "postponed", &ln.postponed)
	if inGroups != counts[eligible] || ln.postponed.len() != counts[postponed] {
		t.Errorf("lane %s: %v, but %d in groups and %d postponed", ln.key, counts, inGroups, ln.postponed.len())
	}
	now := time.Now()
	waits := ln.until.After(now)
	switch {
	case (ln.stage == calling) != (counts[running] > 0):
		t.Errorf("lane %s in stage %d has %d running items", ln.key, ln.stage, counts[running])
	case ln.stage == ready && (counts[eligible] == 0 || waits):
		t.Errorf("lane %s is ready with %d eligible items, until %v", ln.key, counts[eligible], ln.until)
	case ln.stage == waiting && ln.until.Before(now) && counts[eligible] > 0: // at that very time, its timer may be late
		t.Errorf("lane %s waits with %d eligible items", ln.key, counts[eligible])
	}
	return sum
}

// auditDoors sees to it that no guest stands outside who could be inside or refused.
func auditDoors[T any](t testing.TB, l *Lanes[T]) {
	l.gates.expire(time.Now())
	inLine := 0
	for key, d := range l.doors {
		if len(d.guests) == 0 {
			t.Errorf("nobody stands at the door of %s", key)
			continue
		}
		g := d.guests[0]
		crowded := l.crowded(key)
		if g.at != 0 {
			inLine++
		}
		gate, closed := l.gates.byKey[key]
		if g.at == 0 && !crowded || closed && !gate.admits(g.visit) {
			t.Errorf("guest %s/%s stands forgotten", key, g.id)
		}
		for _, g := range d.guests {
			if g.answered {
				t.Errorf("guest %s/%s was answered and stands at the door", key, g.id)
			}
		}
	}
	auditHeap(t, "line", &l.line)
	if inLine != l.line.len() {
		t.Errorf("%d guests in line, counted %d", inLine, l.line.len())
	}
	if l.line.len() > 0 && !l.crowded(l.line.first().key) && l.budget.fits(l.line.first().bytes) {
		t.Errorf("there is room for %s/%s, which stands outside", l.line.first().key, l.line.first().id)
	}
}

func auditHeap[E ranked[E]](t testing.TB, name string, h *heap[E]) {
	for i, e := range h.elems {
		if *e.place() != i+1 {
			t.Errorf("%s: element %d believes to be at %d", name, i+1, *e.place())
		}
		if i > 0 && e.before(h.elems[(i-1)/2]) {
			t.Errorf("%s: element %d ranks before its parent", name, i+1)
		}
	}
}

// withBytes counts the items that have bytes.
func withBytes[T any](l *Lanes[T]) (n int) {
	for _, ln := range l.lanes {
		for _, h := range ln.items.all() {
			if h.bytes > 0 {
				n++
			}
		}
	}
	return n
}
