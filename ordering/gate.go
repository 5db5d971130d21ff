package ordering

import "time"

// gate is closed for a key of which items were given back: what comes for the key is refused until the oldest of
// those, the head, comes again.
//
// It does not open for everybody then. Items of one stream come in their order, those of two do not keep any between
// them: a stream that broke may still hand over what it had fetched, behind items that were refused there, and that
// would overtake what the head's stream brings again. So only the head's stream passes, until the others have been quiet.
type gate struct {
	key     string
	head    string    // ID of the item that opens it; empty once that was let in
	claimed bool      // the head has come again
	stream  int       // and on this stream
	open    time.Time // it opens by itself at this time
	last    time.Time // or at this at the latest
	at      int       // its place in gates.byTime
}

// quiet is how long nothing may have been refused when a gate opens by itself. Refused items come again in their
// order, in waves: one that is let in behind others that were refused in the same wave would overtake them. A wave
// takes milliseconds and the next follows seconds later, with the usual backoff of redeliveries.
const quiet = time.Second

// calmSeek is how long before its time a gate opens in quiet, or a key whose redeliveries never pause would be kept out for
// longer than that.
const calmSeek = 5 * time.Second

func (g *gate) before(other *gate) bool { return g.open.Before(other.open) }
func (g *gate) place() *int             { return &g.at }

// admits reports whether an item may pass.
func (g *gate) admits(id string, stream int) bool {
	if g.claimed {
		return stream == g.stream
	}
	return id == g.head
}

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
	g.head, g.claimed = head, false
	gs.shut(g, gs.timeout-calmSeek, gs.timeout, now)
	if len(gs.byKey) > gs.limit {
		delete(gs.byKey, gs.byTime.pop().key)
	}
}

// shut sets when a gate opens by itself: after a time without refusals, and after another at the latest.
func (gs *gates) shut(g *gate, after, latest time.Duration, now time.Time) {
	g.open, g.last = now.Add(after), now.Add(latest)
	gs.byTime.put(g)
}

// admits reports whether the gate of a key lets an item pass that came on a stream. The head claims the gate for its
// stream.
func (gs *gates) admits(key, id string, stream int, now time.Time) bool {
	gs.expire(now)
	g, ok := gs.byKey[key]
	if !ok {
		return true
	}
	if g.admits(id, stream) {
		g.claimed, g.stream = true, stream
		return true
	}
	if calm := now.Add(quiet); calm.After(g.open) {
		g.open = now.Add(min(quiet, g.last.Sub(now)))
		gs.byTime.put(g)
	}
	return false
}

// passed notes that an item was let in. If it is the head, the gate opens as soon as the other streams are quiet.
func (gs *gates) passed(key, id string, now time.Time) {
	if g, ok := gs.byKey[key]; ok && g.head == id {
		g.head = ""
		gs.shut(g, quiet, gs.timeout, now)
	}
}

// abandon notes that an item has come and was not let in after all. If it is the head, the gate waits for it again.
func (gs *gates) abandon(key, id string) {
	if g, ok := gs.byKey[key]; ok && g.head == id {
		g.claimed = false
	}
}

// expire opens the gates whose time has passed.
func (gs *gates) expire(now time.Time) {
	for gs.byTime.len() > 0 && !gs.byTime.first().open.After(now) {
		delete(gs.byKey, gs.byTime.pop().key)
	}
}
