package worker

import (
	"slices"
	"strings"
	"time"

	"github.com/contactrelay/contactrelay/internal/people"
	"github.com/contactrelay/contactrelay/messages"
)

// part is what one message wants of one contact, and how far that has come. A patch and a photo have one part, a batch
// message one for each of its contacts.
type part struct {
	message  *held
	resource string
	photo    bool     // it is one, else a patch
	content  *content // nil while it waits; see said
	fields   []string // of the mask, sorted; a photo is one
	etag     etag     // that it carries
	latest   bool     // write over whatever is there
	asked    asked

	tries   tries
	failed  int              // batch calls that failed for a reason which this contact may be
	again   time.Time        // it waits until then, and others of its message do not
	why     string           // for this
	alone   bool             // goes in a call of its own from now on
	refusal *people.Error    // of its etag, if that was refused: the contact is read then, and the change judged
	unsure  bool             // a call of unknown outcome had it: a batch is read back before it is sent again
	sent    etag             // the guard of its last write
	chained bool             // that was the end of our own chain in place of its own etag
	stale   waits            // for a read that shows the contact as it was before
	argued  bool             // a conflict was found once, and waited for what may explain it
	shown   []string         // fields that a read showed as wanted, which the write of the others, guarded by its etag, is to prove
	found   outcomes         // of its fields
	parked  *verdict         // why its change cannot be made; nil if it can, as far as is known
	done    bool             // nothing is left to do
	named   []string         // fields of which a change was dropped, or merged
	left    left             // the contact as it is now
	prints  map[string]print // of those; see print
}

// photoField is what a photo counts as: a field that no mask of a patch can name.
const photoField = "photos"

// outcomes are what became of the fields of a part.
type outcomes struct {
	written, already, superseded bool // some of them
}

// partsOf is what a message wants, by contact.
func partsOf(h *held, c *messages.Change) []*part {
	fields, precondition := []string{photoField}, messages.Etag
	switch {
	case c.Patch != nil:
		fields, precondition = messages.MaskFields(c.Patch.UpdatePersonFields), c.Patch.Precondition
	case c.Batch != nil:
		fields, precondition = messages.MaskFields(c.Batch.UpdateMask), c.Batch.Precondition
	}
	names, contents := c.Contacts(), contentsOf(c)
	parts := make([]*part, len(names))
	for i, content := range contents {
		parts[i] = &part{message: h, resource: names[i], photo: c.Photo != nil, content: content, fields: fields}
		if content.person != nil {
			parts[i].guardBy(precondition)
		}
	}
	return parts
}

// guardBy notes what guards the write.
func (p *part) guardBy(precondition messages.Precondition) {
	if p.latest = precondition == messages.Latest; !p.latest {
		p.etag = etagOf(p.content.person)
	}
}

// guard is the etag with which the part is sent: the end of our own chain in place of one that lies in it, unless it is
// in doubt whether the part comes after the writes of that chain. If somebody wrote after the etag that it carries and before
// that chain, a read would have to tell whether our own last writes of its fields stand; where they are of the chain, and of
// other values, its end guards that, and nothing is read.
func (p *part) guard(h *history) etag {
	switch {
	case p.doubtful():
		return p.etag
	case h.outdated(p.etag) && !h.chain.has(p.etag) && h.stand(p.fields, p.print):
		return etag{value: h.chain.end}
	}
	return h.guard(p.etag)
}

// order is that of the change among those of the contact.
func (p *part) order() order {
	o, _ := p.message.rank.of(p.resource)
	return o
}

// doubtful reports whether publish times say that the change is older than one of the contact which waited before it.
func (p *part) doubtful() bool {
	_, doubtful := p.message.rank.of(p.resource)
	return doubtful
}

// mayBeOld reports whether nothing that this worker knows tells that a change which no etag guards is the newest of these
// fields: a replay of before a restart, or one in doubt.
func (p *part) mayBeOld(h *history, fields []string) bool {
	return p.doubtful() || p.message.replay && !h.knows(fields)
}

// wanting is the fields that are not settled, sorted.
func (p *part) wanting() []string {
	if len(p.shown) == 0 {
		return p.fields
	}
	return slices.Sorted(slices.Values(slices.Concat(p.fields, p.shown)))
}

// mask is the fields to be written, as the service wants them.
func (p *part) mask() string { return strings.Join(p.fields, ",") }

// print is that of what is wanted of a field. It is worked out when it is needed first.
func (p *part) print(field string) print {
	known, ok := p.prints[field]
	switch {
	case ok:
		return known
	case p.photo:
		known = printText(p.said().photo)
	default:
		known = printWanted(field, p.said().wanted()[field])
	}
	if p.prints == nil {
		p.prints = map[string]print{}
	}
	p.prints[field] = known
	return known
}

// mayExplain reports whether one of the fields shown may hold what is wanted of it. It is sure if it says no.
func (p *part) mayExplain(shown map[fieldPrint]bool) bool {
	return slices.ContainsFunc(p.wanting(), func(field string) bool { return shown[fieldPrint{field, p.print(field)}] })
}

// claim is what the judgement needs.
func (p *part) claim() claim {
	said := p.said()
	c := claim{order: p.order(), etag: p.etag, latest: p.latest, wanted: said.wanted(), fields: p.wanting(), doubtful: p.doubtful()}
	if said.base != nil {
		c.base = valuesIn(said.base)
	}
	return c
}

// drop takes those fields out of the part of which this or a newer change was settled, and reports whether any is left.
// What is left of a change of which something was dropped is a change with another mask.
func (p *part) drop(h *history) bool {
	o, left := p.order(), 0
	for _, field := range p.fields {
		switch {
		case h.older(o, field):
			p.found.superseded = true
			p.named = append(p.named, field)
		case h.made(o, field, p.print):
			p.found.already = true
		default:
			left++
		}
	}
	if left < len(p.fields) {
		p.keep(func(field string) bool { return !h.older(o, field) && !h.made(o, field, p.print) })
	}
	if left == 0 && len(p.shown) > 0 {
		p.fields, p.shown = p.shown, nil // there is no write any more that would prove them
		return p.drop(h)
	}
	p.done = left == 0
	return !p.done
}

// keep keeps some fields only.
func (p *part) keep(which func(field string) bool) {
	p.fields = slices.DeleteFunc(slices.Clone(p.fields), func(field string) bool { return !which(field) })
}

// single reports whether a part goes in a call of its own. One whose etag was refused does: it would be refused again, and
// the call with it.
func (p *part) single() bool { return p.photo || p.alone || p.refusal != nil }

// group names the changes that can be made in one call with this one: those with the same mask, the same kind of guard
// and the same wish for an answer. One read mask for several wishes would fetch of a contact what nobody asked for, and
// with other sources other values; what a change gets would depend on its company. Empty: none can.
func (p *part) group() string {
	if p.single() {
		return ""
	}
	guard := "etag\x00"
	if p.latest {
		guard = "latest\x00"
	}
	return guard + p.mask() + "\x00" + p.asked.key()
}

// outcome is how a part ends that could be done.
func (p *part) outcome() Outcome {
	switch {
	case p.found.written:
		return Applied
	case p.found.already:
		return AlreadyApplied
	}
	return Superseded
}

// open is the parts of a message that something is left to do for.
func (h *held) open() []*part {
	return slices.DeleteFunc(slices.Clone(h.parts), func(p *part) bool { return p.done })
}

// waits counts waits that double from half a second on, for 30 s in all.
type waits struct{ made int }

// maxWaits is how many there are: together 31.5 s.
const maxWaits = 6

// next is the next wait; 0 if there is none left, and then they begin anew.
func (w *waits) next() time.Duration {
	if w.made == maxWaits {
		w.made = 0
		return 0
	}
	w.made++
	return 250 * time.Millisecond << w.made
}
