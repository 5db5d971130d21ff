package ordering

import "time"

// gate is closed for a key of which items were given back: what comes for the key is refused until the oldest of
// those, the head, comes again.
//
// It does not open for everybody then. Items of one stream come in their order, those of two do not keep any between
// them: a stream that broke may still hand over what it had fetched, behind items that were refused there, and that
// would overtake what the head's stream brings again. So only the head's stream passes, until the others have been quiet.
//
// What is refused meanwhile has to come again too, and its return may get lost: then it comes when its lease has run out,
// long after those that were behind it. So the oldest of it is the next to claim the gate, and nothing newer passes before.
type gate struct {
	key     string
	head    string    // ID of the item that opens it; empty once that was let in
	claimed bool      // the head has come again
	stream  int       // and on this stream
	heard   time.Time // something was let pass last
	missing *visit    // the oldest item that was refused since the head came, and has not come again
	open    time.Time // it opens by itself at this time
	last    time.Time // or at this at the latest
	at      int       // its place in gates.byTime
}

// visit is what a gate asks of an item that comes.
type visit struct {
	id     string
	stream int
	number int64
	done   bool
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
func (g *gate) admits(v visit) bool {
	switch {
	case g.missing != nil && v.number >= g.missing.number:
		return false
	case g.claimed:
		return v.stream == g.stream
	}
	return v.id == g.head
}

// claim has what was missing claim the gate when it comes again. While others stand at the door it does not: the head may
// be among them, and so may what is newer. On another stream it has to wait for quiet on the present one, where what is
// older may still be on its way.
func (g *gate) claim(v visit, now time.Time, standing bool) {
	if g.missing != nil && v.id == g.missing.id && !standing && (v.stream == g.stream || now.Sub(g.heard) >= quiet) {
		g.head, g.missing, g.stream = v.id, nil, v.stream
	}
}

// refuse notes that an item has come that may not pass.
func (g *gate) refuse(v visit) {
	if g.claimed && !v.done && (g.missing == nil || v.number < g.missing.number) {
		g.missing = &v
	}
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
	g.head, g.claimed, g.missing = head, false, nil
	gs.shut(g, now.Add(gs.timeout-calmSeek), now.Add(gs.timeout))
	if len(gs.byKey) > gs.limit {
		delete(gs.byKey, gs.byTime.pop().key)
	}
}

// shut sets when a gate opens by itself if nothing is refused before, and when at the latest.
func (gs *gates) shut(g *gate, open, last time.Time) {
	g.last = last
	if g.open = open; open.After(last) {
		g.open = last
	}
	gs.byTime.put(g)
}

// admits reports whether the gate of a key lets an item pass, and notes what follows from that. The head claims the gate for
// its stream. Standing tells whether others stand at the door.
func (gs *gates) admits(key string, v visit, standing bool, now time.Time) bool {
	gs.expire(now)
	g, ok := gs.byKey[key]
	if !ok {
		return true
	}
	g.claim(v, now, standing)
	if g.admits(v) {
		g.claimed, g.stream, g.heard = true, v.stream, now
		return true
	}
	g.refuse(v)
	switch calm := now.Add(quiet); {
	case g.missing != nil:
		gs.shut(g, g.last, g.last)
	case calm.After(g.open):
		gs.shut(g, calm, g.last)
	}
	return false
}

// passed notes that an item was let in. If it is the head, the gate opens as soon as the other streams are quiet.
func (gs *gates) passed(key, id string, now time.Time) {
	g, ok := gs.byKey[key]
	if !ok || g.head != id {
		return
	}
	g.head = ""
	open, last := now.Add(quiet), now.Add(gs.timeout)
	if g.missing != nil {
		open = last
	}
	gs.shut(g, open, last)
}

// abandon notes that an item has come and was not let in after all. If it is the head, the gate waits for it again, or for
// what is older.
func (gs *gates) abandon(key string, v visit) {
	g, ok := gs.byKey[key]
	if !ok || g.head != v.id {
		return
	}
	if g.missing != nil && g.missing.number < v.number {
		g.head = g.missing.id
	}
	g.claimed, g.missing = false, nil
}

// expire opens the gates whose time has passed.
func (gs *gates) expire(now time.Time) {
	for gs.byTime.len() > 0 && !gs.byTime.first().open.After(now) {
		delete(gs.byKey, gs.byTime.pop().key)
	}
}
