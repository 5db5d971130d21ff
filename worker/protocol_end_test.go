package worker

import "slices"

// end judges what is left when everything is settled.
func (o *oracle) end() {
	letters := map[*crmEdit]bool{}
	for _, l := range o.run.operator {
		letters[o.run.messages[l.Original.MessageID].crmEdit] = true
	}
	for _, c := range o.run.service.cards {
		for field := range protocolFields {
			if o.spoilt[c] == nil || !o.spoilt[c][field] {
				o.last(c, field, letters)
			}
		}
	}
}

// last judges what a field holds in the end: its newest change that is no letter, or what a hand made of that.
func (o *oracle) last(c *card, field int, letters map[*crmEdit]bool) {
	var newest *crmEdit
	for _, e := range o.run.edits {
		if e.card != c || !e.has(field) || letters[e] {
			continue
		}
		newest = e
		if !o.made(e, field) && !o.tied(e, field) {
			o.fail("lost: %v ended well, and field %d never had it", e, field)
		}
	}
	end := c.now().fields[field]
	explains := func(n *crmEdit) bool { return n.card == c && n.has(field) && n.wanted[field] == end.value }
	switch {
	case newest == nil, end.byHand(), end.value == newest.wanted[field], end.by.newer(newest):
	case slices.ContainsFunc(o.run.edits[newest.number:], explains), o.gaveWay(newest, field):
		o.limits["what a change was superseded by became a letter"]++
	case o.tied(newest, field):
		o.limits["a replay ties with a change, and this worker never had its original"]++
	case !slices.ContainsFunc(c.held[field], func(h entry) bool { return h.by == newest }) && o.unaware(end, newest):
		o.limits["a newer change wrote nothing, and another worker never knew"]++
	default:
		o.fail("order: field %d ends as %q of %v, not as %v", field, end.value, end.by, newest)
	}
}

// unaware reports whether the worker that left what a field holds need not know of a newer change: another one settled it
// while this one ran or its call did, or this one was given a replay alone.
func (o *oracle) unaware(end entry, newest *crmEdit) bool {
	switch {
	case end.by == nil, slices.Contains(newest.settledBy, end.desk):
		return false
	case end.late, slices.Contains(newest.besides, end.desk):
		return true
	}
	return end.by.letters > 0 && !end.desk.seen[newest]
}

// tied reports whether a replay of an older change has the publish time of a change: the number of its original, which
// says which is newer, may not be known.
func (o *oracle) tied(e *crmEdit, field int) bool {
	return slices.ContainsFunc(o.run.edits[:e.number-1], func(n *crmEdit) bool {
		return n.card == e.card && n.has(field) && n.letters > 0 && n.published.Equal(e.published)
	})
}

// gaveWay reports whether a change can have been superseded in a field by a newer one that waited, found its value there,
// and became a letter.
func (o *oracle) gaveWay(e *crmEdit, field int) bool {
	return slices.ContainsFunc(o.run.edits[e.number:], func(n *crmEdit) bool {
		return n.card == e.card && n.has(field) && n.letters > 0 &&
			slices.ContainsFunc(e.card.held[field], func(h entry) bool { return h.value == n.wanted[field] })
	})
}

// made reports whether a field held what a change, or a newer one, made of it, or what it wanted was there already.
func (o *oracle) made(e *crmEdit, field int) bool {
	held := e.card.held[field]
	for i, h := range held {
		if h.by == e || h.by.newer(e) {
			return true
		}
		past := i+1 < len(held) && e.card.versions[held[i+1].version].at.Before(e.published)
		wants := func(n *crmEdit) bool { return n.card == e.card && n.has(field) && n.wanted[field] == h.value }
		if !past && slices.ContainsFunc(o.run.edits[e.number-1:], wants) {
			return true
		}
	}
	return false
}
