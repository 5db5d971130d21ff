// Package ordering works on the items of one key in as few calls as their order allows, and on different keys side
// by side. The items of a key stand in its lane. An item touches contacts: items of different contacts commute,
// those of one contact never do. The invariants:
//
//   - Of each contact, items are finished in the order of their Puts. An item is eligible when it is the first
//     unfinished one of every contact it touches, is not postponed and not in a call.
//   - A key has one call at a time, all keys together Config.MaxCalls, or fewer as Limit says. A lane with an eligible item calls as soon as
//     there is a place for it: nothing waits for company. Lanes take turns, and one that waits takes no place.
//   - A call takes the group of the oldest eligible item, by arrival.
//   - Finished items are released in the order of the lane, each when all before it are.
//   - Not more than Config.MaxItems and Config.MaxBytes are held: Put blocks, and those that wait for room are
//     served in the order in which they came. Nobody is held hostage: a working lane (one that calls or could)
//     with a quarter of either limit holds up its own Puts, and the waiting lanes together keep at most half. Of what
//     they hold more, the newest of the fullest go back. So room never depends on what waits, unless all is paused.
//   - What goes back is the end of a lane, and its gate closes: nothing of the key is taken until the first of the
//     returned items comes again, or Config.GateTimeout has passed. Then the stream on which it came goes on alone until
//     the others have been quiet.
//   - Every item that Put took is given to Release or to Return, exactly one of the two, once.
//
// A lane is made by its first item and gone with its last. Goroutines run for calls only. Put, the end of a call and
// the choice of the next cost the logarithm of what is held for each item concerned, never a walk through a lane.
//
// What an item is, what it touches, what can be done together and when it has to be tried again is the caller's to say.
package ordering

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// ErrStopped and ErrGate are why Put did not take an item.
var (
	ErrStopped = errors.New("the lanes are stopped")
	ErrGate    = errors.New("the gate of the key is closed: an earlier item was given back")
)

// Config says how much the lanes hold and what they do with it. All fields are required.
//
// The lanes call Contacts and Handle from many goroutines. All other functions are called one at a time, with the
// lanes locked: they must neither block nor call the lanes.
type Config[T any] struct {
	MaxItems    int           // items held over all lanes
	MaxBytes    int           // bytes held over all lanes; a larger item is taken when no bytes are held
	MaxCalls    int           // handlers running at once
	GateTimeout time.Duration // a closed gate opens by itself after this; 5 s before, if nothing was refused for a second
	MaxGates    int           // closed gates at once; beyond that the one closed first opens

	// Contacts tells what an item touches. It is asked once for an item, by Put. An item that touches nothing
	// commutes with everything.
	Contacts func(item T) []string
	// Group tells which items may be handed over together. Items of the group "" are always handed over alone. It is
	// asked each time an item becomes eligible, so the answer may change after a call.
	Group func(item T) string
	// Take tells how many contacts of a group go into the next call: there are so many eligible ones, an item without
	// contacts counted as one. At least the oldest item goes, and items go whole.
	Take func(key string, oldest T, contacts int) int

	// Handle is a call: it works on items of a key, by arrival, and blocks while it does. It answers for each of them,
	// in their order. It must not panic.
	Handle func(key string, items []T) []Fate
	// Release gets a finished item whose turn in the lane has come: it can be acknowledged.
	Release func(key string, item T)
	// Return gets an item back that the lanes keep no longer, finished or not. The items of a key come in the order
	// of the lane, except those of a call that runs when the lanes are stopped: they come when it has ended.
	Return func(key string, item T)
}

// Fate is what became of an item in a call.
type Fate struct {
	Finished bool      // it is done, and its contacts are free for what follows
	Again    time.Time // if it is not: it and its contacts wait until then. Zero: it can be tried at once
	Lane     time.Time // the whole lane waits until then, the latest that a call answers; an empty lane forgets it
	Why      string    // what it waits for: shown by Snapshot
}

// Lanes are the lanes of all keys. Its methods are safe for concurrent use. Nothing runs while nothing is called.
type Lanes[T any] struct {
	config Config[T]
	calls  sync.WaitGroup // the goroutines in which handlers run

	mu       sync.Mutex // guards the fields below
	budget   budget
	lanes    map[string]*lane[T]
	ready    queue[*lane[T]] // the lanes that can call, in turn
	waiting  waitingLanes[T] // the lanes that cannot
	limit    int             // of the handlers that run at once, at most MaxCalls
	running  int             // handlers, at most limit unless it was lowered or a probe is among them
	free     **call[T]       // takes the next call of a goroutine whose call has just ended; else nil
	doors    map[string]*door[T]
	line     heap[*guest[T]] // those guests that only want room, by their coming
	guests   uint64          // number of the last one
	gates    gates
	paused   bool
	stopping bool
}

// New returns lanes that hold nothing. It starts nothing.
func New[T any](c Config[T]) *Lanes[T] {
	return &Lanes[T]{
		config: c,
		budget: budget{limit: load{c.MaxItems, c.MaxBytes}},
		limit:  c.MaxCalls,
		lanes:  map[string]*lane[T]{},
		doors:  map[string]*door[T]{},
		gates:  gates{timeout: c.GateTimeout, limit: c.MaxGates, byKey: map[string]*gate{}},
	}
}

// Arrival is an item that comes to the lane of its key.
type Arrival[T any] struct {
	Key    string
	ID     string // by what the key's gate knows it
	Stream int    // on which it came: the items of a key on one stream come in their order, those of two do not
	Number int64  // ascending in the order of the key, the same whenever the item comes
	Done   bool   // it was finished before: if the gate refuses it, it need not come again
	Bytes  int    // what it counts in the budget
	Item   T
}

// Put adds an item to the end of its lane. It blocks while there is no room, while the lane works and holds a quarter
// of either limit, and while earlier Puts of the key block. How long other lanes wait does not matter, unless all are
// paused: what they keep too much of is given back.
//
// The error is ctx's, ErrStopped, or ErrGate when the key's gate is closed and the item has to be given back. In all
// three cases the item was not taken. An item whose ctx is done is never taken: after a Put that was cancelled, the
// followers of its item are kept from overtaking it by cancelling theirs too.
func (l *Lanes[T]) Put(ctx context.Context, a Arrival[T]) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	v := visit{a.ID, a.Stream, a.Number, a.Done}
	g := &guest[T]{visit: v, key: a.Key, bytes: a.Bytes, item: a.Item, contacts: l.config.Contacts(a.Item)}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.arrive(g)
	l.proceed()
	if g.answered {
		return g.err
	}
	g.answer = make(chan error, 1)
	l.mu.Unlock()
	select {
	case <-g.answer:
	case <-ctx.Done():
	}
	l.mu.Lock()
	if !g.answered {
		l.depart(g)
		l.gates.abandon(g.key, g.visit)
		l.answerDoor(g.key)
		l.proceed()
		return ctx.Err()
	}
	return g.err
}

// review finds out what a lane does after a change, and enters it where such lanes stand. Callers hold mu, here and
// below.
func (l *Lanes[T]) review(ln *lane[T]) {
	now := time.Now()
	ln.rouse(now, l.config.Group)
	var due time.Time
	switch {
	case ln.stage == calling:
		// The end of the call reviews it again.
	case ln.items.len() == 0:
		l.waiting.drop(ln)
		delete(l.lanes, ln.key)
	case ln.canCall(now):
		if ln.stage != ready {
			ln.stage = ready
			l.waiting.drop(ln)
			l.ready.push(ln)
		}
	default:
		ln.stage = waiting
		l.waiting.put(ln)
		due = ln.due(now)
	}
	l.setAlarm(ln, due)
	l.answerDoor(ln.key)
}

// proceed does what has become possible: it gives back what the waiting lanes hold too much, lets guests in while
// there is room, and starts calls. All that changes anything ends with it.
func (l *Lanes[T]) proceed() {
	for {
		next := l.nextInLine()
		switch {
		case l.shed(next):
			// The guest may have been refused with it.
		case next != nil && l.budget.fits(next.bytes):
			l.letIn(next)
		default:
			l.start()
			return
		}
	}
}

// Unfinished calls each with the unfinished items of a lane that touch a contact, the newest first, until it returns
// false. The lanes are locked meanwhile: each must neither block nor call them. Handle may call it.
func (l *Lanes[T]) Unfinished(key, contact string, each func(item T) bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	ln, ok := l.lanes[key]
	if !ok {
		return
	}
	c, ok := ln.contacts[contact]
	if !ok {
		return
	}
	for _, h := range slices.Backward(c.items.all()) {
		if !each(h.item) {
			return
		}
	}
}

// Held reports what is held, and in how many lanes.
func (l *Lanes[T]) Held() (items, bytes, lanes int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.budget.held.items, l.budget.held.bytes, len(l.lanes)
}
