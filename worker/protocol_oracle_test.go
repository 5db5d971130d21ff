package worker

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
)

// oracle holds what the workers of a run do against the promises: order, once, hands off, no loss and no false dead
// letter. It knows which worker made which write for which change, so equal values do not confuse it.
//
// Where a promise has a limit, it is counted instead, as narrowly as it can be told: what a new or a second worker
// cannot know; values that are equal though not the same; publish times that run against the order; the etag of the
// person, which cannot be compared with that of the source. What comes of a field afterwards is not judged.
type oracle struct {
	run    *protocol
	faults []string
	limits map[string]int // what was met, and how often
	spoilt map[*card]*[len(protocolFields)]bool
}

func (o *oracle) fail(format string, args ...any) {
	o.run.note("VIOLATED: "+format, args...)
	o.faults = append(o.faults, fmt.Sprintf(format, args...))
}

// limit notes that a promise was broken as the design says that it can be.
func (o *oracle) limit(c *card, field int, why string) {
	o.run.note("limit: %s", why)
	o.limits[why]++
	if o.spoilt[c] == nil {
		o.spoilt[c] = &[len(protocolFields)]bool{}
	}
	o.spoilt[c][field] = true
}

// Enabled, Handle, WithAttrs and WithGroup make the oracle hear of the errors that the workers log: a panic, or a change
// that ended after a later one.
func (o *oracle) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelError }
func (o *oracle) WithAttrs([]slog.Attr) slog.Handler               { return o }
func (o *oracle) WithGroup(string) slog.Handler                    { return o }

func (o *oracle) Handle(_ context.Context, line slog.Record) error {
	if !strings.HasPrefix(line.Message, "cannot publish") {
		o.fail("a worker logs: %s", line.Message)
		line.Attrs(func(a slog.Attr) bool { o.run.note("%v", a); return true })
	}
	return nil
}

// written judges the write of a field that takes effect now.
func (o *oracle) written(c *card, field int, before, after entry) {
	e := after.by
	switch {
	case before.byHand():
		o.handsOff(c, field, before, e)
	case before.by == e:
		if !e.photo() || before.desk == after.desk && !after.late && !o.run.unsure[e] {
			o.fail("once: %v is written to field %d again", e, field)
		}
	case before.by.newer(e):
		o.inOrder(c, field, before, after)
	}
}

// handsOff judges the write over what a hand left.
func (o *oracle) handsOff(c *card, field int, before entry, e *crmEdit) {
	switch {
	case !e.guarded(), before.version <= e.seen:
		// It asked for that, or the CRM had seen it.
	case e.base != nil && before.value == e.base[field]:
		o.limit(c, field, "a hand left what the CRM had seen")
	case o.wanted(e, field, before.value):
		o.limit(c, field, "a hand left what an earlier change wanted")
	default:
		o.fail("hands off: %v overwrites field %d of a hand's #%d", e, field, before.version)
	}
}

// wanted reports whether a change before this one wanted that value in a field.
func (o *oracle) wanted(e *crmEdit, field int, value string) bool {
	return slices.ContainsFunc(o.run.edits[:e.number-1], func(n *crmEdit) bool {
		return n.card == e.card && n.has(field) && n.wanted[field] == value
	})
}

// inOrder judges the write of a change over a newer one.
func (o *oracle) inOrder(c *card, field int, before, after entry) {
	e := after.by
	switch {
	case after.replay && e.published.Equal(after.desk.publishTime(before.by)) && !after.desk.seen[e]:
		o.limit(c, field, "a replay ties with a change, and this worker never had its original")
	case after.replay && e.photo() && !o.run.climate.photosMove && before.desk != after.desk:
		o.limit(c, field, "a replayed photo, and nothing tells of the photo of another worker")
	case after.replay && !e.guarded() && before.desk != after.desk && remembers(after.desk, c, field):
		o.limit(c, field, "a replay that nothing guards, to a worker which remembers less than another made since")
	case o.inverted(after.desk, before.by, field):
		o.limit(c, field, "publish times ran against the order, and what came before was settled or is unknown")
	case after.late && before.desk != after.desk:
		o.limit(c, field, "a write of the key's last worker took effect late")
	case before.desk != after.desk && (e.base != nil && e.base[field] == before.value || o.wanted(e, field, before.value)):
		o.limit(c, field, "another worker's newer change left what was there before")
	case after.replay && before.by.letters > 0 && o.run.unsure[before.by] && e.base != nil && e.base[field] == before.value:
		o.limit(c, field, "of a newer change that became a letter this worker was not told that it was made, and it left what was there before")
	case !e.guarded() && !after.replay && before.desk != after.desk:
		o.limits["another worker's newer change is undone until it comes again"]++
	default:
		o.fail("order: %v overwrites field %d of the newer %v", e, field, before.by)
	}
}

// remembers reports whether a worker has a change of a field in its order memory.
func remembers(d *desk, c *card, field int) bool {
	_, known := d.worker.histories.of(ann, c.name()).last(protocolFields[field])
	return known
}

// told judges what a read shows to a worker. If it is not the newest that can be told by its etag, or by the time of its
// change if the worker has met a newer one, unless another worker left that.
func (o *oracle) told(d *desk, c *card, shown int) {
	if shown == c.current() || d.past[c.etag(shown)] || c.versions[shown].at.Before(c.versions[d.told[c]].at) {
		return
	}
	for f := range protocolFields {
		if c.versions[shown].fields[f].value != c.now().fields[f].value {
			o.limit(c, f, "a read lagged behind what this worker cannot know of")
		}
	}
}

// inverted reports whether an earlier change of a field has a later publish time for a worker than this one.
func (o *oracle) inverted(d *desk, e *crmEdit, field int) bool {
	return slices.ContainsFunc(o.run.edits[:e.number-1], func(n *crmEdit) bool {
		return n.card == e.card && n.has(field) && d.publishTime(n).After(d.publishTime(e))
	})
}

// settled judges how a delivery ended.
func (o *oracle) settled(d *desk, s Settlement) {
	e := o.run.messages[s.MessageID].crmEdit
	o.run.note("%v: message %s (%v) is %s %v", d, s.MessageID, e, s.Outcome, s.Fields)
	o.limits["outcome "+string(s.Outcome)]++
	for _, f := range e.fields {
		if now := e.card.now().fields[f]; s.Outcome == Duplicate && e.newer(now.by) && now.desk != d {
			o.limit(e.card, f, "a worker remembers what another has undone since")
		}
	}
	for _, f := range e.fields {
		if o.inverted(d, e, f) && s.Outcome != Returned && s.Outcome != Duplicate {
			o.limit(e.card, f, "publish times ran against the order, and what came before was settled or is unknown")
		}
	}
	if s.Outcome != Returned && s.Outcome != DeadLettered && s.Outcome != Duplicate {
		e.done, e.settledBy = true, append(e.settledBy, d)
		e.besides = append(e.besides, slices.DeleteFunc(slices.Clone(o.run.desks), func(other *desk) bool { return other == d || other.dead })...)
	}
}
