package worker

import (
	"context"
	"net/http"
	"slices"
	"time"

	peopleapi "google.golang.org/api/people/v1"

	"github.com/contactrelay/contactrelay/internal/people"
)

// together changes several contacts with one mask, one kind of guard and one wish for an answer in one call. What was
// changed is done afterwards. When the call fails, the contacts that it names go alone, where conflicts are resolved;
// whether the others were changed is not known, so they are read back before they are sent again. The verdict is what the
// rest waits for.
func (c *calls) together(ctx context.Context, parts []*part) verdict {
	parts = c.timely(parts, time.Now())
	if len(parts) == 0 {
		return verdict{}
	}
	c.about = parts
	mask := parts[0].mask()
	sent, err := c.prepare(ctx, parts, mask)
	if err == nil && (len(sent) == 0 || c.worker.stopped.Load()) {
		return verdict{}
	}
	var results map[string]people.Result
	written := err == nil
	if written {
		contacts := make(map[string]*peopleapi.Person, len(sent))
		for _, p := range sent {
			contacts[p.resource] = guarded(p.said().person, p.sent)
		}
		c.about = sent
		c.worker.tally.together(len(sent))
		err = c.timed(ctx, "people.batchUpdateContacts", func(ctx context.Context) (err error) {
			results, err = c.worker.contacts.BatchUpdate(ctx, c.user, contacts, mask, parts[0].asked.read())
			return err
		})
	}
	if err == nil {
		c.sort(sent, results)
		return verdict{}
	}
	if interrupted(ctx) {
		return verdict{}
	}
	return c.failed(parts, err, written)
}

// timely is the parts that can be sent now as they are. A part of which a field was dropped goes with others of its new
// mask, or is done; one that waits for an earlier write goes alone.
func (c *calls) timely(parts []*part, now time.Time) []*part {
	mask := parts[0].mask()
	return slices.DeleteFunc(parts, func(p *part) bool {
		h := c.history(p)
		if !p.drop(h) || p.mask() != mask {
			return true
		}
		if h.lateFor(p, now) > 0 {
			p.separate()
			return true
		}
		p.tries.begin(now)
		return false
	})
}

// prepare decides by which etags the contacts are guarded. Those are read first that write over what they find, those of a
// call with an unknown outcome, and those that carry an etag of which it is known that it would be refused, and with it the
// call: a CRM that never reads carries one in each change of a contact whose photo it has changed. It returns what is to be
// sent; what proves to be applied is done, and what a read leaves open goes alone.
func (c *calls) prepare(ctx context.Context, parts []*part, mask string) (sent []*part, err error) {
	var read, fields []string
	for _, p := range parts {
		if p.latest || p.unsure || c.history(p).outdated(p.guard(c.history(p))) {
			read, fields = append(read, p.resource), append(fields, p.wanting()...)
		}
	}
	var found map[string]people.Result
	if len(read) > 0 {
		err = c.timed(ctx, "people.getBatchGet", func(ctx context.Context) (err error) {
			found, err = c.worker.contacts.GetBatch(ctx, c.user, read, readBack(fields))
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	for _, p := range parts {
		h := c.history(p)
		if r, wasRead := found[p.resource]; wasRead && !c.readBefore(h, p, mask, r) {
			continue
		}
		if !p.latest && p.refusal == nil {
			p.sent = p.guard(h)
			p.chained = p.sent != p.etag
		}
		sent = append(sent, p)
	}
	return sent, nil
}

// readBefore judges what a part means for a contact that was read before the call, and reports whether it is to be sent
// as a whole.
func (c *calls) readBefore(h *history, p *part, mask string, r people.Result) bool {
	seen := sightOf(r.Person)
	h.saw(seen)
	if r.Err != nil || r.Person == nil || h.stale(seen) || p.latest && (p.message.replay || p.doubtful()) {
		p.separate()
		return false
	}
	read := seen.etag
	switch {
	case p.latest, !p.unsure:
		p.saw(read)
		shown := valuesIn(r.Person)
		found := h.judge(p.claim(), shown, read, c.newer(p, shown))
		if h.undone(found, read) > 0 || len(fieldsFound(found, conflict)) > 0 {
			p.separate() // it waits
			return false
		}
		if !p.latest {
			p.refusal = knownRefusal()
		}
		regrouped := len(p.shown) > 0
		switch c.take(h, p, found, read); {
		case p.mask() == mask:
			p.sent = etag{value: read}
		case regrouped && !p.done:
			p.separate() // reads that contradict each other by turns would have it regrouped and read for ever
		}
	case p.shownBy(r.Person):
		p.saw(read)
		p.proved(h, read)
		p.found.written, p.done = true, true // by the call of which nothing was known
	}
	p.unsure = false
	return !p.done && p.mask() == mask // else it is done, or goes with others of what is left of its mask
}

// sort takes what an answered call says of each contact. A 200 does not prove that each was changed: one that the
// answer leaves out, or gives an error, goes alone.
func (c *calls) sort(sent []*part, results map[string]people.Result) {
	for _, p := range sent {
		h, r := c.history(p), results[p.resource]
		switch {
		case r.Err == nil:
			p.wrote(h, p.sent, r.Person)
			p.done = true
			switch {
			case p.refusal != nil:
				c.worker.tally.resolved("merged")
				p.named = append(p.named, p.fields...)
			case p.chained:
				c.worker.tally.resolved("chain")
			}
		case r.Err.Kind == people.StaleEtag:
			c.differs(h, p, r.Err)
		default:
			p.separate() // the call was answered: nothing of it may still take effect
		}
	}
}

// knownRefusal is what the service would say to an etag that it has refused before, or that a write of ours replaced.
func knownRefusal() *people.Error {
	return &people.Error{Method: "people.updateContact", Kind: people.StaleEtag, HTTPStatus: http.StatusBadRequest, APIStatus: "FAILED_PRECONDITION"}
}

// differs notes that the etag of a contact in a batch was refused: it goes alone, and is read and judged at once.
func (c *calls) differs(h *history, p *part, fact *people.Error) {
	h.refused(p.sent)
	p.refusal = fact
	p.separate()
}
