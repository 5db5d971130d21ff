package worker

import (
	"encoding/json"
	"slices"
)

// finding is what a comparison says of one field of a change.
type finding string

const (
	superseded finding = "superseded" // a newer change of the field was made
	done       finding = "done"       // the contact holds what is wanted
	free       finding = "free"       // nobody else touched it: it may be written
	conflict   finding = "conflict"   // somebody did
)

// claim is what a change wants of one contact, as far as the judgement needs it.
type claim struct {
	order  order
	etag   etag   // that the change carries; none with latest
	latest bool   // it is to be written over whatever is there
	wanted values // a masked field that is absent is to be cleared
	base   values // what the producer saw; nil if it does not say, and a masked field that is absent was empty
	fields []string

	doubtful bool // it may be older than its order says: nothing is written, and nothing gives way, because of that
}

// values are a person's fields as JSON.
type values map[string]json.RawMessage

// judge says of each field that a change wants what a read of the contact means for it. The read must not be stale.
// newer are the claims on the contact that wait behind this one; only those that are newer by order count.
//
// The rules are those of the design's section 6, in their order. They are exact: with obvious variants of them, random
// runs of the model lose hand edits or updates.
func (h *history) judge(c claim, current values, currentEtag string, newer []claim) map[string]finding {
	found := make(map[string]finding, len(c.fields))
	for _, field := range c.fields {
		found[field] = h.judgeField(c, field, current[field], currentEtag, newer)
	}
	return found
}

func (h *history) judgeField(c claim, field string, current json.RawMessage, currentEtag string, newer []claim) finding {
	m, known := h.last(field)
	switch {
	case h.older(c.order, field):
		return superseded
	case sameField(field, c.wanted[field], current, valueOrder(c.latest)):
		return done // by an earlier delivery, or by a call whose answer was lost
	case explained(c, field, current, newer):
		return superseded // this is a redelivery of what came before that one
	case c.latest:
		return free
	case c.base != nil && sameField(field, c.base[field], current, anyOrder):
		return free // nobody touched it since the CRM looked
	case c.doubtful:
		return conflict // our own last write may be the newer one
	case known && m.value == printOf(field, current, m.value.filled):
		return free // our own last write stands
	case h.chain.has(c.etag) && h.chain.end == currentEtag:
		return free // nobody has written since our own writes
	}
	return conflict
}

// explained reports whether the contact holds what a newer change wants that is still to come.
func explained(c claim, field string, current json.RawMessage, newer []claim) bool {
	for _, n := range newer {
		if !n.doubtful && c.order.before(n.order) && n.has(field) && sameField(field, n.wanted[field], current, anyOrder) {
			return true
		}
	}
	return false
}

func (c claim) has(field string) bool {
	return slices.Contains(c.fields, field)
}
