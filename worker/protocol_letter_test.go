package worker

import (
	"slices"

	"github.com/contactrelay/contactrelay/deadletter"
)

// parked judges a dead letter.
func (o *oracle) parked(d *desk, l *deadletter.Letter) {
	e := o.run.messages[l.Original.MessageID].crmEdit
	o.run.note("%v makes %v a letter: %s %v, is %s", d, e, l.Reason, l.Fields, l.CurrentEtag)
	defer func() { e.letters, e.done, e.settledBy = e.letters+1, true, append(e.settledBy, d) }()
	switch {
	case l.Reason == deadletter.Rejected && e.refused:
	case l.Reason != deadletter.EtagConflict:
		o.fail("false letter: %v is %s", e, l.Reason)
	case !e.guarded() && o.run.inverted(e):
		o.limits["letter: its publish time runs against its delivery"]++
	case !e.guarded():
		if e.letters == 0 {
			o.fail("false letter: %v was to be written whatever is there", e)
		}
	default:
		for _, name := range l.Fields {
			field := slices.Index(protocolFields[:], name)
			if !o.tooMany(d, e, field, l.Fields) {
				o.conflict(d, e, field, versionOf(l.CurrentEtag))
			}
		}
	}
}

// tooMany reports whether a letter that a hand brought about names a field besides, of which a newer change explains what the
// contact holds: this worker has returned that one, and it has not come again.
func (o *oracle) tooMany(d *desk, e *crmEdit, field int, named []string) bool {
	byHand := func(f int) bool { return e.card.touchedByHand(f, e.seen, e.card.current()) }
	if byHand(field) || !slices.ContainsFunc(named, func(name string) bool { return byHand(slices.Index(protocolFields[:], name)) }) {
		return false
	}
	now := e.card.now().fields[field].value
	returned := slices.ContainsFunc(o.run.edits[e.number:], func(n *crmEdit) bool {
		return n.card == e.card && n.has(field) && n.wanted[field] == now && d.returned[n]
	})
	if returned {
		o.limits["letter: it names a field too many, of which a newer change was returned"]++
	}
	return returned
}

// inverted reports whether a worker has seen an edit as older than what waited before it: it may be an old one that comes
// again.
func (r *protocol) inverted(e *crmEdit) bool {
	return slices.ContainsFunc(r.desks, func(d *desk) bool { _, ok := d.clamped[e]; return ok })
}

// before is the last change of a field before this one; nil if there is none.
func (o *oracle) before(e *crmEdit, field int) *crmEdit {
	for _, n := range slices.Backward(o.run.edits[:e.number-1]) {
		if n.card == e.card && n.has(field) {
			return n
		}
	}
	return nil
}

// conflict judges what a letter says of a field.
func (o *oracle) conflict(d *desk, e *crmEdit, field, current int) {
	c := e.card
	now := c.versions[current].fields[field]
	earlier := func(other *crmEdit) bool {
		return other.card == c && other.has(field) && e.newer(other) && other.letters > 0
	}
	switch {
	case c.touchedByHand(field, e.seen, c.current()):
	case slices.ContainsFunc(o.run.edits[:e.number-1], earlier):
		o.limits["letter: the change before it is one, or was"]++
	case o.spoilt[c] != nil && o.spoilt[c][field]:
		o.limits["letter: what broke a promise before"]++
	case now.by.newer(e) && now.by.letters > 0:
		o.limits["letter: a newer change was made, and became one"]++
	case now.by.newer(e) && now.desk != d && d.returned[now.by]:
		o.limits["letter: the newer change that another worker made was returned while it waited"]++
	case now.by.newer(e) && now.desk != d && !d.holds(now.by) && !o.run.queue.brings(now.by, d):
		o.limits["letter: another worker made a newer change"]++
	case now.by != nil && o.run.inverted(now.by):
		o.limits["letter: the publish time of the newer change runs against its delivery"]++
	case o.before(e, field) != nil && o.gaveWay(o.before(e, field), field):
		o.limits["letter: what the change before it was superseded by became one"]++
	case e.base != nil:
		o.fail("false letter: %v, but no hand changed field %d", e, field)
	case o.run.inverted(e):
		o.limits["letter without base: its publish time runs against its delivery"]++
	case now.by != nil && now.desk == d && slices.Contains(now.by.settledBy, d) && !now.late:
		o.fail("false letter: %v, but field %d is as this worker left it", e, field)
	case c.touchedByHand(-1, e.seen, c.current()):
		o.limits["letter without base: a hand changed another field"]++
	case o.run.views[c.number-1].ofPerson:
		o.limits["letter without base: the person's etag"]++
	default:
		for v := e.seen + 1; v <= current; v++ {
			if c.versions[v].known != d {
				o.limits["letter without base: not every etag since is one that this worker was given"]++
				return
			}
		}
		o.fail("false letter: %v, but only this worker has written", e)
	}
}
