package worker

import (
	"hash/maphash"
	"slices"
	"time"

	peopleapi "google.golang.org/api/people/v1"
)

// contactSource is the source whose values and etag count: the default merges those of the profile in.
const contactSource = "CONTACT"

// etag is what guards a write: the etag of a contact's CONTACT source, or, where a producer knows nothing else, that of
// the person, which varies with the read mask though nothing changed. The zero value is none.
type etag struct {
	value    string
	ofPerson bool
}

// etagOf is the etag that a change carries. The one of the source counts, if both are given: what the service does when
// they disagree is not documented.
func etagOf(p *peopleapi.Person) etag {
	if source := sourceEtag(p); source != "" {
		return etag{value: source}
	}
	return etag{value: p.Etag, ofPerson: true}
}

// sourceEtag is the etag of the contact itself, the one to compare.
func sourceEtag(p *peopleapi.Person) string { return sightOf(p).etag }

// sight is the contact at one time, as the service told it: the etag of its source, and when that was last changed, the zero
// time if it did not tell.
type sight struct {
	etag    string
	changed time.Time
}

// sightOf is what an answer tells; the zero value if that is nothing.
func sightOf(p *peopleapi.Person) sight {
	if p == nil || p.Metadata == nil {
		return sight{}
	}
	for _, s := range p.Metadata.Sources {
		if s.Type == contactSource {
			changed, _ := time.Parse(time.RFC3339Nano, s.UpdateTime) // a time that cannot be read tells nothing
			return sight{s.Etag, changed}
		}
	}
	return sight{}
}

// guarded is a person with that etag and no other.
func guarded(p *peopleapi.Person, e etag) *peopleapi.Person {
	g := *p
	g.Etag = ""
	source := &peopleapi.Source{Type: contactSource}
	if e.ofPerson {
		g.Etag = e.value
	} else {
		source.Etag = e.value
	}
	g.Metadata = &peopleapi.PersonMetadata{Sources: []*peopleapi.Source{source}}
	return &g
}

// print is an etag in eight bytes. Two of a contact's have the same with a chance of 2^-64.
func (e etag) print() uint64 {
	if e.ofPerson {
		return maphash.String(etagSeed, "person "+e.value)
	}
	return maphash.String(etagSeed, "source "+e.value)
}

var etagSeed = maphash.MakeSeed()

// etags are the prints of a contact's etags, the one that was of use last at the end. Those that were of no use for
// longest make room.
type etags []uint64

// maxEtags is how many of each kind are kept for a contact.
const maxEtags = 32

// add notes an etag.
func (es *etags) add(e etag) {
	if e.value == "" || es.has(e) {
		return
	}
	if len(*es) == maxEtags {
		*es = slices.Delete(*es, 0, 1)
	}
	*es = append(*es, e.print())
}

// renew keeps an etag that is of use for longer.
func (es *etags) renew(e etag) {
	i := slices.Index(*es, e.print())
	*es = append(slices.Delete(*es, i, i+1), e.print())
}

func (es etags) has(e etag) bool { return e.value != "" && slices.Contains(es, e.print()) }

// chain is the etags that this worker's own writes of a contact replaced one after the other, and the one that the last
// of them left. Only a write's own answer extends it: what a read shows may be somebody else's. The zero value is none.
type chain struct {
	replaced etags
	end      string // of the source
	number   uint32 // of the chains so far
}

// wrote notes a write that was guarded by an etag, and the source's etag in its answer. A guard that is not the end of
// the chain means that somebody wrote in between: a new one begins.
func (c *chain) wrote(guard etag, answered string) {
	if guard.ofPerson || guard.value != c.end {
		c.replaced, c.number = nil, c.number+1
	}
	c.replaced.add(guard)
	if c.end = answered; answered == "" {
		c.replaced = nil
	}
}

// photographed notes the write of a photo, which nothing guards: somebody may have written before it. Only where it
// leaves the end as it was has nobody.
func (c *chain) photographed(answered string) {
	if answered != c.end {
		*c = chain{number: c.number}
	}
}

// has reports whether a write of this chain replaced the etag: who carries it saw the contact before that write.
func (c *chain) has(e etag) bool { return c.end != "" && c.replaced.has(e) }
