package worker

import (
	"slices"
	"time"

	peopleapi "google.golang.org/api/people/v1"

	"github.com/contactrelay/contactrelay/messages"
)

// part is what one message wants of one contact, and how far that has come. A patch and a photo have one part, a batch
// message one for each of its contacts.
type part struct {
	resource string
	person   *peopleapi.Person // nil for a photo
	photo    string
	mask     string
	latest   bool // write over whatever is there

	tries   tries
	failed  int  // batch calls that failed for a reason which this contact may be
	alone   bool // goes in a call of its own from now on
	unsure  bool // a call of unknown outcome had it: it is read back before it is sent again
	doubted bool // that was so at some time
	stale   staleReads
	done    bool    // nothing is left to do
	already bool    // and it was done before: the contact held what is wanted
	parked  verdict // why its change cannot be made, if it cannot
}

// partsOf is what a change wants, by contact.
func partsOf(c *messages.Change) []*part {
	switch {
	case c.Photo != nil:
		return []*part{{resource: c.Photo.ResourceName, photo: c.Photo.PhotoBytes, mask: "photos"}}
	case c.Patch != nil:
		return []*part{{
			resource: c.Patch.Person.ResourceName,
			person:   c.Patch.Person,
			mask:     c.Patch.UpdatePersonFields,
			latest:   c.Patch.Precondition == messages.Latest,
		}}
	}
	var parts []*part
	for _, name := range c.Contacts() {
		person := *c.Batch.Contacts[name]
		person.ResourceName = name
		parts = append(parts, &part{
			resource: name, person: &person, mask: c.Batch.UpdateMask, latest: c.Batch.Precondition == messages.Latest,
		})
	}
	return parts
}

// group names the changes that can be made in one call with this one: those with the same mask and the same kind of
// guard. Empty: none can.
func (p *part) group() string {
	if p.person == nil || p.alone {
		return ""
	}
	guard := "etag\x00"
	if p.latest {
		guard = "latest\x00"
	}
	return guard + maskKey(p.mask)
}

// maskKey is equal for masks that name the same fields.
func maskKey(mask string) string {
	fields := messages.MaskFields(mask)
	key := make([]byte, 0, len(mask))
	for _, f := range fields {
		key = append(append(key, f...), ',')
	}
	return string(key)
}

// open is the parts of a message that something is left to do for.
func (h *held) open() []*part {
	return slices.DeleteFunc(slices.Clone(h.parts), func(p *part) bool { return p.done })
}

// staleReads counts the waits for a read that may be older than our own last write: 0.5, 1, 2 … s, 30 s in all.
type staleReads struct{ waits int }

// maxStaleWaits is how many there are: together 31.5 s.
const maxStaleWaits = 6

// wait reports whether there is one left.
func (s *staleReads) wait() bool { return s.waits < maxStaleWaits }

// next is the next one.
func (s *staleReads) next() time.Duration {
	s.waits++
	return 250 * time.Millisecond << s.waits
}
