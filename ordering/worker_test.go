package ordering

import (
	"context"
	"errors"
	"slices"
	"time"
)

// receive is what the callback of the client does: a message that is held is not put again, one that is refused is
// given back.
func (w *world) receive(ctx context.Context, m *message, stream int) {
	s, gate := w.expected(m, stream)
	if s == nil {
		return
	}
	begin := time.Now()
	err := w.lanes.Put(ctx, Arrival[*message]{m.key, m.id, stream, int64(m.n), s.done, m.bytes, m})
	closed := w.answered(ctx, s, gate, err, time.Since(begin))
	if err != nil {
		w.service.nack(m, !closed)
	}
	w.audit()
}

// lock takes the lock of the lanes too, so that a return is seen as a whole.
func (w *world) lock() (unlock func()) {
	w.lanes.mu.Lock()
	w.mu.Lock()
	return func() { w.mu.Unlock(); w.lanes.mu.Unlock() }
}

// expected enters a message that is about to be put, and reports the gate before that; nothing if it is held.
func (w *world) expected(m *message, stream int) (*standing, shut) {
	defer w.lock()()
	if w.held[m.id] {
		return nil, shut{}
	}
	w.held[m.id] = true
	w.cut(m.key)
	came := w.came[m.key]
	came[stream] = time.Now()
	w.came[m.key] = came
	s := &standing{message: m, stream: stream, done: w.settled[m.id]}
	w.inLane[m.key] = append(w.inLane[m.key], s)
	return s, w.gate[m.key]
}

// answered sees whether the answer of a Put was right, and reports whether the gate waits for its head.
func (w *world) answered(ctx context.Context, s *standing, gate shut, err error, took time.Duration) (closed bool) {
	defer w.lock()()
	if took > 0 {
		w.tallies.Blocked++
	}
	closed = gate != shut{}
	moved := w.gate[s.key] != gate // it was closed while the Put was under way
	switch {
	case err == nil:
		s.taken = true
		w.expectAbreast(s)
		if closed && !moved && gate.head != s.id && time.Now().Before(gate.until) {
			w.errorf("%s was taken although the gate is closed on %s", s.id, gate.head)
		}
		if closed && !moved {
			delete(w.gate, s.key)
			w.ajar[s.key] = ajar{s.stream, time.Now().Add(-took), time.Now().Add(w.config.GateTimeout)}
		}
		return false
	case errors.Is(err, ErrGate) && (closed || moved || w.stopping || w.ajar[s.key].refuses(s.stream, w.came[s.key])):
		w.tallies.Refused++
	case errors.Is(err, ErrStopped) && w.stopping:
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
	default:
		w.errorf("Put(%s) = %v, gate closed: %v", s.id, err, closed)
	}
	w.held[s.id] = false
	w.inLane[s.key] = slices.DeleteFunc(w.inLane[s.key], func(other *standing) bool { return other == s })
	return closed || moved
}

// expectAbreast sees that nothing before a new item was returned, or it has come in through a closed gate.
func (w *world) expectAbreast(s *standing) {
	list := w.inLane[s.key]
	i := slices.Index(list, s)
	if i < 0 || s.returned {
		return // it has gone through already
	}
	for _, earlier := range list[:i] {
		if earlier.returned && !w.stopping {
			w.errorf("%s was taken behind %s, which was given back", s.id, earlier.id)
		}
	}
}

// cut forgets the items of a lane that were given back, which are the end of it.
func (w *world) cut(key string) {
	gone := ""
	for _, s := range w.inLane[key] {
		if s.returned {
			gone = s.id
		} else if gone != "" && s.taken && !w.stopping {
			w.errorf("%s was given back and %s behind it was not", gone, s.id)
		}
	}
	w.inLane[key] = slices.DeleteFunc(w.inLane[key], func(s *standing) bool { return s.returned })
}

// find returns what the world knows of an item in the lane.
func (w *world) find(m *message) (s *standing, i int) {
	i = slices.IndexFunc(w.inLane[m.key], func(s *standing) bool { return s.message == m && !s.returned })
	if i < 0 {
		w.errorf("%s came out of the lanes and is not in them", m.id)
		return &standing{message: m}, 0
	}
	return w.inLane[m.key][i], i
}

func (w *world) release(_ string, m *message) {
	w.mu.Lock()
	s, i := w.find(m)
	if i != 0 || !w.settled[m.id] || s.running {
		w.errorf("%s was released as number %d of its lane, applied: %v, running: %v", m.id, i, w.settled[m.id], s.running)
	}
	w.inLane[m.key] = w.inLane[m.key][1:]
	w.held[m.id] = false
	w.mu.Unlock()
	w.service.ack(m)
}

func (w *world) giveBack(key string, m *message) {
	w.mu.Lock()
	s, i := w.find(m)
	list := w.inLane[key]
	if s.running || !w.stopping && w.lanes.paused {
		w.errorf("%s was given back: running %v, paused %v", m.id, s.running, w.lanes.paused)
	}
	if first := i == 0 || !list[i-1].returned; first && !w.stopping {
		w.gate[key] = shut{m.id, time.Now().Add(85 * time.Second), w.tallies.Returned}
		if ln := w.lanes.lanes[key]; ln.stage != waiting {
			w.errorf("%s was given back by a lane in stage %d", m.id, ln.stage)
		}
		if g := w.lanes.gates.byKey[key]; g == nil || g.head != m.id {
			w.errorf("%s was given back and the gate is not closed on it: %+v", m.id, g)
		}
	}
	s.returned = true
	w.held[m.id] = false
	w.tallies.Returned++
	if w.settled[m.id] {
		w.tallies.Finished++
	}
	w.mu.Unlock()
	w.service.nack(m, true)
}

// group depends on how often an item was tried: after its third call it goes alone.
func (w *world) group(m *message) string {
	if m.tries > 2 {
		return ""
	}
	return m.group
}

// take finds the next call the slow way and compares. It is called before that is taken out of the groups, except
// for the oldest.
func (w *world) take(key string, oldest *message, contacts int) int {
	ln := w.lanes.lanes[key]
	sum := 0
	for _, h := range ln.items.all() {
		switch {
		case h.item == oldest || h.state == eligible && h.group.name == w.group(oldest):
			sum += h.weight()
		case h.state == eligible && sum == 0:
			w.errorf("the call of %s goes before the older %s", oldest.id, h.id)
		}
	}
	if sum != contacts || w.group(oldest) == "" {
		w.errorf("Take was asked about %d contacts of group %q, there are %d", contacts, w.group(oldest), sum)
	}
	allowed := dice(w.seed, "take", oldest.id, oldest.tries).IntN(8)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.allowed[key] = allowed
	return allowed
}

func (w *world) handle(key string, messages []*message) []Fate {
	w.audit()
	w.begin(key, messages)
	rng := dice(w.seed, "work", messages[0].id, messages[0].tries)
	time.Sleep(time.Duration(rng.IntN(3)*rng.IntN(1000)) * time.Millisecond)
	w.audit()
	return w.end(key, messages)
}

// begin sees whether a call may begin.
func (w *world) begin(key string, messages []*message) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tallies.Calls++
	w.running[key]++
	handlers, weight := 0, 0
	for _, n := range w.running {
		handlers += n
	}
	if w.running[key] > 1 || handlers > w.config.MaxCalls {
		w.errorf("%d handlers of %s, %d of %d at all", w.running[key], key, handlers, w.config.MaxCalls)
	}
	last := -1
	for _, m := range messages {
		s, i := w.find(m)
		weight += max(1, len(unique(m.contacts)))
		if s.running || i < last || w.group(m) != w.group(messages[0]) {
			w.errorf("%s is number %d of its lane, behind %d in its call, running: %v", m.id, i, last, s.running)
		}
		last = i
		s.running = true
		for _, c := range unique(m.contacts) {
			id := key + "/" + c
			if at := w.applied[id]; !w.settled[m.id] && (at == len(w.order[id]) || w.order[id][at] != m) {
				w.errorf("%s is in a call and not the next of contact %s", m.id, c)
			}
		}
	}
	if len(messages) > 1 {
		w.tallies.Together++
		if w.group(messages[0]) == "" || weight > w.allowed[key] {
			w.errorf("%d contacts of group %q in a call, %d allowed", weight, w.group(messages[0]), w.allowed[key])
		}
	}
}

// end decides what becomes of the items of a call, and applies those that are finished.
func (w *world) end(key string, messages []*message) []Fate {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.running[key]--
	var fates []Fate
	for _, m := range messages {
		s, _ := w.find(m)
		s.running = false
		m.tries++
		fate := w.fate(m)
		fates = append(fates, fate)
		if !fate.Finished {
			w.tallies.Failed++
			continue
		}
		if w.settled[m.id] {
			continue // it was delivered again: once is enough
		}
		w.settled[m.id] = true
		for _, c := range unique(m.contacts) {
			w.applied[key+"/"+c]++
		}
	}
	return fates
}

func (w *world) fate(m *message) Fate {
	if w.calm || w.settled[m.id] {
		return Fate{Finished: true}
	}
	rng := dice(w.seed, "fate", m.id, m.tries)
	f := Fate{Finished: rng.IntN(3) > 0}
	if slices.Contains(m.contacts, "c0") && w.seed%4 == 0 {
		f.Finished = false // this contact fails as long as anything does
	}
	switch rng.IntN(4) {
	case 0:
		f.Again = time.Now().Add(time.Duration(rng.IntN(1000)) * time.Millisecond)
	case 1, 2:
		f.Again = time.Now().Add(time.Duration(rng.IntN(100)) * time.Second)
	}
	if rng.IntN(12) == 0 {
		f.Lane = time.Now().Add(time.Duration(rng.IntN(120)) * time.Second)
	}
	return f
}
