package ordering

import "time"

// gate is closed for a key of which items were given back: what comes for the key is refused until the oldest of
// those comes again.
type gate struct {
	key  string
	head string    // ID of the item that opens it
	open time.Time // it opens by itself at this time
	last time.Time // or at this at the latest
	at   int       // its place in gates.byTime
}

// quiet is how long nothing may have been refused when a gate opens by itself. Refused items come again in their
// order, in waves: one that is let in behind others that were refused in the same wave would overtake them. A wave
// takes milliseconds and the next follows seconds later, with the usual backoff of redeliveries.
const quiet = time.Second

func (g *gate) before(other *gate) bool { return g.open.Before(other.open) }
func (g *gate) place() *int             { return &g.at }

// gates are the closed gates. They outlive the lanes of their keys. No timer belongs to them: whose time has passed
// is found when the next one is asked for.
type gates struct {
	timeout time.Duration
	limit   int
	byKey   map[string]*gate
	byTime  heap[*gate]
}

// close shuts the gate of a key until the item with this ID comes. A gate that is closed already moves to this ID:
// the lane gave back what it still held, and that is older than all that was refused. If there are too many gates
// then, the one that was closed first opens.
func (gs *gates) close(key, head string, now time.Time) {
	gs.expire(now)
	g, ok := gs.byKey[key]
	if !ok {
		g = &gate{key: key}
		gs.byKey[key] = g
	}
	g.head, g.open, g.last = head, now.Add(gs.timeout), now.Add(2*gs.timeout)
	gs.byTime.put(g)
	if len(gs.byKey) > gs.limit {
		delete(gs.byKey, gs.byTime.pop().key)
	}
}

// admits reports whether the gate of a key lets an item pass.
func (gs *gates) admits(key, id string, now time.Time) bool {
	gs.expire(now)
	g, ok := gs.byKey[key]
	if !ok || g.head == id {
		return true
	}
	if calm := now.Add(quiet); calm.After(g.open) && g.open.Before(g.last) {
		g.open = calm
		gs.byTime.put(g)
	}
	return false
}

// open opens the gate of a key, if it is closed.
func (gs *gates) open(key string) {
	if g, ok := gs.byKey[key]; ok {
		gs.byTime.drop(g)
		delete(gs.byKey, key)
	}
}

// expire opens the gates whose time has passed.
func (gs *gates) expire(now time.Time) {
	for gs.byTime.len() > 0 && !gs.byTime.first().open.After(now) {
		delete(gs.byKey, gs.byTime.pop().key)
	}
}
