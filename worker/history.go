package worker

import (
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// history is what this worker knows of a contact: which change it made last of each field, and which etags are past. It
// outlives everything but the process. The lane of the contact's user is the only one to use it at a time.
type history struct {
	fields []made // one of each field: a map of one or two would take ten times the room
	chain  chain
	past   etags // of the source: refused, or replaced by a write
	newest sight // the one with the latest change

	// late is until when a write may still take effect of which no answer came and that nothing guards, or only what was
	// read just before; lateBy is the change that wanted it.
	late   time.Time
	lateBy order

	// open is the etag that guards the last write of which no answer came, and openTo until when that may still take effect.
	open   etag
	openTo time.Time
}

// made is the newest change of a field that was settled as applied or already applied.
type made struct {
	field string
	order order
	value print
	chain uint32 // the one in which it was written; 0: none
}

// last is the newest change of a field that was settled, and whether one was.
func (h *history) last(field string) (m made, known bool) {
	for _, m := range h.fields {
		if m.field == field {
			return m, true
		}
	}
	return made{}, false
}

// older reports whether a newer change of the field was settled.
func (h *history) older(o order, field string) bool {
	m, ok := h.last(field)
	return ok && o.before(m.order)
}

// made reports whether this very change of the field was settled: it was returned then before the rest of its message was,
// and has come again. A letter that an operator repaired has the order of its original, and may want something else.
func (h *history) made(o order, field string, value func(field string) print) bool {
	m, ok := h.last(field)
	return ok && o == m.order && value(field) == m.value
}

// settled notes that a change of a field is applied.
func (h *history) settled(o order, field string, value print) {
	h.note(made{field: field, order: o, value: value})
}

// written notes that the last write, which was answered well, made a change of a field.
func (h *history) written(o order, field string, value print) {
	h.note(made{field, o, value, h.chain.number})
}

// note notes a change of a field, unless a newer one was settled.
func (h *history) note(m made) {
	if h.older(m.order, m.field) {
		return
	}
	h.fields = append(slices.DeleteFunc(h.fields, func(old made) bool { return old.field == m.field }), m)
}

// guard is the etag with which a change that carries this one is sent: what the CRM published after a write of ours
// was meant to come after it. A CRM that never reads back sends the same etag with each change of a burst, however long.
func (h *history) guard(e etag) etag {
	if !h.chain.has(e) {
		return e
	}
	h.chain.replaced.renew(e)
	return etag{value: h.chain.end}
}

// stand reports whether the contact holds in these fields what this worker wrote last, as long as its etag is the end of the
// chain, which no read has refuted, and whether all of that is sure to be something else than is wanted now, which is not to
// be written a second time: where one of them has the member that the service fills in and the other has not, their prints do
// not tell.
func (h *history) stand(fields []string, wanted func(field string) print) bool {
	return h.chain.end != "" && h.newest.etag == h.chain.end && !slices.ContainsFunc(fields, func(field string) bool {
		m, known := h.last(field)
		now := wanted(field)
		return !known || m.chain != h.chain.number || m.value == now || m.value.filled != now.filled
	})
}

// wrote notes a write that was answered well. Unlike a read, that answer lags behind nothing: it counts, whatever its time.
func (h *history) wrote(guard etag, answered sight) {
	h.refused(guard)
	h.chain.wrote(guard, answered.etag)
	if !answered.changed.IsZero() {
		h.newest = answered
	}
}

// saw notes what the service told of the contact.
func (h *history) saw(s sight) {
	if !s.changed.Before(h.newest.changed) {
		h.newest = s
	}
}

// refused notes that an etag is not the contact's, or not any more.
func (h *history) refused(e etag) {
	if !e.ofPerson {
		h.past.add(e)
	}
}

// outdated reports whether a write with this etag is sure to be refused: it was the contact's once, and is not any more.
func (h *history) outdated(e etag) bool { return !e.ofPerson && h.past.has(e) }

// stale reports whether a read shows the contact as it was before. An etag that this worker never met is told by its time:
// a write that was guarded by the etag of the person, which cannot be compared, leaves that of the source unknown.
func (h *history) stale(read sight) bool {
	return h.past.has(etag{value: read.etag}) || h.earlier(read)
}

// earlier reports whether what a read shows was changed before something that this worker has seen.
func (h *history) earlier(read sight) bool {
	return !read.changed.IsZero() && read.changed.Before(h.newest.changed) && read.etag != h.newest.etag
}

// size is about what a history takes, in bytes.
func (h *history) size() int {
	const base, field = 400, 80
	texts := len(h.chain.end) + len(h.newest.etag) + len(h.open.value)
	return base + field*cap(h.fields) + 8*(cap(h.chain.replaced)+cap(h.past)) + texts
}

// What is remembered, from section 6 of the design.
const (
	maxHistories    = 100_000
	maxHistoryBytes = 64 << 20
)

// histories are those of the contacts that were used last. Safe for concurrent use, a single history is not.
type histories struct {
	mu    sync.Mutex // guards the fields below
	lru   *simplelru.LRU[digest, *remembered]
	bytes int
}

type remembered struct {
	history
	counted int // what it counts in bytes
}

func newHistories() *histories {
	hs := &histories{}
	lru, err := simplelru.NewLRU(maxHistories, func(_ digest, r *remembered) { hs.bytes -= r.counted })
	if err != nil {
		panic(err) // only a size below one is refused
	}
	hs.lru = lru
	return hs
}

// of returns the history of a user's contact; a new one if nothing is known.
func (hs *histories) of(user, contact string) *history {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	key := digestOf(user, contact)
	r, ok := hs.lru.Get(key)
	if !ok {
		r = &remembered{}
		hs.lru.Add(key, r)
	}
	hs.count(r)
	return &r.history
}

// weigh counts how large the history of a contact has become by a change that has ended.
func (hs *histories) weigh(user, contact string) {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	if r, ok := hs.lru.Peek(digestOf(user, contact)); ok {
		hs.count(r)
	}
}

// count notes the size of a history and sees to the limit of all. Callers hold mu.
func (hs *histories) count(r *remembered) {
	size := r.size()
	hs.bytes += size - r.counted
	r.counted = size
	for hs.bytes > maxHistoryBytes && hs.lru.Len() > 1 {
		hs.lru.RemoveOldest()
	}
}
