// Package ordering keeps the items of one key in sequence and works on different keys side by side.
//
// A lane is the queue of one key in this process. It is made when its first item comes and gone when it is
// empty, so a million keys seen cost nothing. The invariants:
//
//   - the items of a key are handed to the handler one at a time, in the order in which Put was called;
//   - at most Config.MaxCalls handlers run at once, and a lane that waits takes none of those places;
//   - lanes that are ready take turns: a lane with a long queue goes behind the others after each item;
//   - at most Config.MaxItems items and Config.MaxBytes bytes are held, Put blocks for room;
//   - every item that Put accepted is finished by the handler or given to Return, exactly one of the two.
//
// What an item is, what handling it means and when it has to be tried again is the caller's to say.
package ordering

import (
	"context"
	"errors"
	"sync"
	"time"
)

// ErrStopped is what Put answers once Stop was called. The item was not taken.
var ErrStopped = errors.New("lanes are stopped")

// Config says how much the lanes hold and what they do with it. All fields are required.
type Config[T any] struct {
	MaxItems int // items held over all lanes
	MaxBytes int // bytes held over all lanes; a larger item is taken when nothing else is held
	MaxCalls int // handlers running at once

	// Handle works on the item at the head of a lane and blocks while it does. It returns the zero time when
	// the item is finished, else the time at which the lane hands it over again; the lane waits until then.
	// It must not panic.
	Handle func(key string, item T) time.Time
	// Return takes back an item that will not be handled, or not again, because the lanes stop. The items of
	// a key come in their order. It must not block.
	Return func(key string, item T)
}

// Lanes are the lanes of all keys. Its methods are safe for concurrent use. Nothing runs while nothing is held.
type Lanes[T any] struct {
	config Config[T]
	room   *room
	work   sync.WaitGroup // the goroutines that hand items over

	mu       sync.Mutex // guards the fields below
	lanes    map[string]*lane[T]
	ready    queue[*lane[T]] // lanes whose head can be handed over now, in turn
	working  int             // goroutines under way, at most MaxCalls
	stopping bool
}

// lane is the queue of one key. It is in Lanes.ready, or being handled, or waiting for its timer.
type lane[T any] struct {
	key   string
	items queue[held[T]]
	busy  bool        // the head is with the handler
	wait  *time.Timer // not nil while the head waits to be handed over again
}

type held[T any] struct {
	item  T
	bytes int
}

// New returns lanes that hold nothing. It starts nothing.
func New[T any](c Config[T]) *Lanes[T] {
	return &Lanes[T]{config: c, room: newRoom(c.MaxItems, c.MaxBytes), lanes: map[string]*lane[T]{}}
}

// Put adds an item of the given size to the end of the key's lane. It blocks while the lanes hold their limit.
// The error is ctx's, or ErrStopped; in both cases the item was not taken.
func (l *Lanes[T]) Put(ctx context.Context, key string, bytes int, item T) error {
	if err := l.room.take(ctx, bytes); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopping {
		l.room.give(bytes)
		return ErrStopped
	}
	ln, ok := l.lanes[key]
	if !ok {
		ln = &lane[T]{key: key}
		l.lanes[key] = ln
	}
	ln.items.push(held[T]{item, bytes})
	if !ok {
		l.makeReady(ln)
	}
	return nil
}

// makeReady queues a lane for its turn and sees to it that somebody takes it. Callers hold mu.
func (l *Lanes[T]) makeReady(ln *lane[T]) {
	l.ready.push(ln)
	if l.working < l.config.MaxCalls {
		l.working++
		l.work.Go(l.handOver)
	}
}

// handOver hands over the heads of ready lanes, one after the other, until none is ready.
func (l *Lanes[T]) handOver() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for !l.stopping && l.ready.len() > 0 {
		ln := l.ready.pop()
		ln.busy = true
		head := ln.items.first().item
		l.mu.Unlock()
		again := l.config.Handle(ln.key, head)
		l.mu.Lock()
		ln.busy = false
		l.after(ln, again)
	}
	l.working--
}

// after decides what becomes of a lane whose head was handled. Callers hold mu.
func (l *Lanes[T]) after(ln *lane[T], again time.Time) {
	finished := again.IsZero()
	if finished {
		l.room.give(ln.items.pop().bytes)
	}
	switch {
	case l.stopping:
		l.giveBack(ln, 0)
	case ln.items.len() == 0:
		delete(l.lanes, ln.key)
	case finished:
		l.makeReady(ln)
	default:
		ln.wait = time.AfterFunc(time.Until(again), func() { l.waited(ln) })
	}
}

// waited is what the timer of a waiting lane calls.
func (l *Lanes[T]) waited(ln *lane[T]) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopping {
		return // Stop has given the lane's items back
	}
	ln.wait = nil
	l.makeReady(ln)
}

// Stop ends the lanes: nothing more is handed over, what no handler works on is given to Config.Return at once,
// and Stop blocks until the handlers that run have returned. An item in a running handler is finished by its
// answer. Calling it again is harmless and blocks likewise.
func (l *Lanes[T]) Stop() {
	l.mu.Lock()
	l.stopping = true
	for _, ln := range l.lanes {
		if ln.wait != nil {
			ln.wait.Stop()
		}
		if ln.busy {
			l.giveBack(ln, 1)
		} else {
			l.giveBack(ln, 0)
		}
	}
	l.mu.Unlock()
	l.work.Wait()
}

// giveBack returns what a lane holds behind its first keep items, in order. Callers hold mu.
func (l *Lanes[T]) giveBack(ln *lane[T], keep int) {
	for _, h := range ln.items.cut(keep) {
		l.room.give(h.bytes)
		l.config.Return(ln.key, h.item)
	}
	if keep == 0 {
		delete(l.lanes, ln.key)
	}
}

// Held reports how many items and lanes there are.
func (l *Lanes[T]) Held() (items, lanes int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, ln := range l.lanes {
		items += ln.items.len()
	}
	return items, len(l.lanes)
}
