package worker

import (
	"context"
	"slices"
	"time"

	peopleapi "google.golang.org/api/people/v1"

	"github.com/contactrelay/contactrelay/deadletter"
	"github.com/contactrelay/contactrelay/internal/people"
)

// conflictWait is how long a conflict waits before it is judged again, once: the change that explains it may be a
// redelivery that is still on its way.
const conflictWait = 2 * time.Second

// resolve reads a contact whose etag is not the one that a change carries, or of which it carries none, judges what the
// change means now, and writes what of it may be written.
func (c *calls) resolve(ctx context.Context, h *history, p *part) verdict {
	current, v := c.look(ctx, h, p, p.read())
	if current == nil {
		return v
	}
	read := sourceEtag(current)
	p.saw(read)
	shown := valuesIn(current)
	found := h.judge(p.claim(), shown, read, c.newer(p, shown))
	if against := fieldsFound(found, conflict); len(against) > 0 {
		return c.dispute(p, against, read)
	}
	if p.latest && p.mayBeOld(h, fieldsFound(found, free)) && changedSince(current, p) {
		return c.overtaken(p, current)
	}
	if wait := h.undone(found, read); wait > 0 {
		return verdict{wait: wait, cause: "late_write", idle: true}
	}
	c.take(h, p, found, read)
	if p.done {
		return verdict{outcome: p.outcome()}
	}
	v = c.send(ctx, h, p, etag{value: read}, true)
	if v.outcome == Applied && p.refusal != nil {
		c.worker.tally.resolved("merged")
		p.named = append(p.named, p.fields...)
	}
	return v
}

// undone is for how long a change waits some fields of which are found superseded: for so long an earlier call, guarded by
// the etag that was read now, could yet write them. The change may have been returned since, and have come again.
func (h *history) undone(found map[string]finding, read string) time.Duration {
	if h.open.value != read || len(fieldsFound(found, superseded)) == 0 {
		return 0
	}
	return max(0, time.Until(h.openTo))
}

// again is the wait for a read that shows the contact as it was before. When it has lasted for 30 s that counts as a
// failure like any other, and never as a verdict.
func (c *calls) again(p *part) verdict {
	c.worker.tally.resolved("stale_read")
	if wait := p.stale.next(); wait > 0 {
		p.tries.uncount(wait) // nothing failed
		return verdict{wait: wait, cause: causeStaleRead}
	}
	return p.tries.transient(&people.Error{Kind: people.StaleEtag}, c.worker.config, time.Now())
}

// dispute is the verdict on a conflict: a wait the first time, then a letter.
func (c *calls) dispute(p *part, fields []string, read string) verdict {
	if !p.argued {
		p.argued = true
		p.tries.uncount(conflictWait)
		return verdict{wait: conflictWait, cause: causeConflict}
	}
	c.worker.tally.resolved("conflict")
	v := park(deadletter.EtagConflict, "somebody changed the contact after the change was made", p.refusal)
	v.fields, v.currentEtag = fields, read
	return v
}

// take notes what was found of the fields of a part, and keeps those that are to be written. By what the read shows that
// write is guarded, so that a read which lags behind does no harm. What it shows as wanted is not done before: once the write
// is refused, it is wanted again.
func (c *calls) take(h *history, p *part, found map[string]finding, read string) {
	already, older := fieldsFound(found, done), fieldsFound(found, superseded)
	p.found.superseded = p.found.superseded || len(older) > 0
	p.named = append(p.named, older...)
	p.fields, p.shown = fieldsFound(found, free), already
	if p.done = len(p.fields) == 0; !p.done {
		return
	}
	if p.shown = nil; len(already) > 0 {
		p.settle(h, already)
		p.found.already = true
		if p.sent.value != read {
			h.refused(p.sent) // it guarded the write of which the read shows the effect
		}
	}
	if p.refusal != nil && p.outcome() == AlreadyApplied {
		c.worker.tally.resolved("done")
	}
}

// fieldsFound is the fields with a finding, sorted.
func fieldsFound(found map[string]finding, what finding) (fields []string) {
	for field, f := range found {
		if f == what {
			fields = append(fields, field)
		}
	}
	slices.Sort(fields)
	return fields
}

// knows reports whether a change of each of these fields was settled.
func (h *history) knows(fields []string) bool {
	return !slices.ContainsFunc(fields, func(field string) bool { _, ok := h.last(field); return !ok })
}

// changedSince reports whether the contact was changed after the change was published, or its original if it is a replay.
// A worker that knows nothing of a contact cannot tell by whom.
func changedSince(current *peopleapi.Person, p *part) bool {
	return sightOf(current).changed.After(p.message.rank.own.published)
}

// decided reports whether an operator decided to write the part over the contact with this etag, or over one to which
// only this worker has written since.
func (h *history) decided(p *part, read string) bool {
	if p.message.replayed == nil {
		return false
	}
	seen := etag{value: p.message.replayed.SeenEtag}
	return seen.value != "" && (seen.value == read || h.chain.has(seen) && h.chain.end == read)
}

// overtaken is the verdict on a replay of a change that nothing guards, of a contact that was changed since.
func (c *calls) overtaken(p *part, current *peopleapi.Person) verdict {
	c.worker.tally.resolved("conflict")
	v := park(deadletter.EtagConflict, "the contact was changed after the change was published", nil)
	v.fields, v.currentEtag = p.wanting(), sourceEtag(current)
	return v
}
