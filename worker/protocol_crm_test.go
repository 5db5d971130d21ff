package worker

import (
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	peopleapi "google.golang.org/api/people/v1"

	"github.com/contactrelay/contactrelay/deadletter"
	"github.com/contactrelay/contactrelay/messages"
)

// crmEdit is a change that the CRM made of one contact, in how many messages ever it is published.
type crmEdit struct {
	number int // of the CRM's changes; says which of two is newer
	card   *card
	fields []int
	wanted [len(protocolFields)]string
	base   *[len(protocolFields)]string // what the CRM thought that they held; nil if it does not say
	latest bool
	seen   int // version of the contact that the CRM had read last, of which the change carries the etag

	message   messages.Message
	published time.Time
	sick      bool // the service rejects it, until it has been a letter
	refused   bool // it did that
	done      bool // it was settled, or became a letter
	settledBy []*desk
	besides   []*desk // that ran when another one settled it
	letters   int     // that it became
}

func (e *crmEdit) String() string {
	kind := fmt.Sprintf("etag #%d", e.seen)
	switch {
	case e.photo():
		kind = "photo"
	case e.latest:
		kind = "latest"
	case e.base != nil:
		kind += fmt.Sprintf(" base %q", *e.base)
	}
	return fmt.Sprintf("change %d of %s: %v %s", e.number, e.card.name(), e.fields, kind)
}

func (e *crmEdit) photo() bool              { return e.fields[0] == photoIndex }
func (e *crmEdit) has(field int) bool       { return slices.Contains(e.fields, field) }
func (e *crmEdit) guarded() bool            { return !e.photo() && !e.latest }
func (e *crmEdit) newer(than *crmEdit) bool { return than != nil && e != nil && e.number > than.number }

// view is what the CRM thinks that a contact is.
type view struct {
	seen     int // version that it read
	values   [len(protocolFields)]string
	ofPerson bool // it takes the person's etag
	hasBase  bool // it says what was there
}

// read lets the CRM read a contact. Where a change of its own is under way it knows better what the field is to hold.
func (r *protocol) read(c *card) {
	v := r.views[c.number-1]
	v.seen = c.current()
	for f := range protocolFields {
		v.values[f] = c.now().fields[f].value
	}
	for _, e := range r.edits {
		if e.card == c && !e.done {
			for _, f := range e.fields {
				v.values[f] = e.wanted[f]
			}
		}
	}
	r.note("the CRM reads %s as of #%d: %q", c.name(), v.seen, v.values)
}

// change lets the CRM change contacts, in one publish call: the publish times tie.
func (r *protocol) change() {
	now := time.Now().Round(0).UTC() // as Pub/Sub tells it
	if r.chance(r.climate.inverted) {
		now = now.Add(-time.Duration(r.rng.IntN(20)) * time.Millisecond)
	}
	for n := 1 + r.rng.IntN(r.climate.burst); n > 0 && len(r.edits) < r.climate.edits; n-- {
		e := r.newEdit(r.service.cards[r.rng.IntN(len(r.service.cards))])
		e.published = now
		r.queue.publish(e, e.message, now)
	}
}

func (r *protocol) newEdit(c *card) *crmEdit {
	v := r.views[c.number-1]
	e := &crmEdit{number: len(r.edits) + 1, card: c, seen: v.seen, sick: r.chance(r.climate.sick)}
	switch {
	case r.chance(r.climate.photos):
		e.fields = []int{photoIndex}
	case r.climate.together.of > 0:
		e.fields = [][]int{{0}, {0, 1}}[r.rng.IntN(2)]
		e.latest = r.chance(r.climate.latest)
	default:
		e.fields = slices.Sorted(slices.Values(r.rng.Perm(photoIndex)[:1+r.rng.IntN(photoIndex)]))
		e.latest = r.chance(r.climate.latest)
	}
	if v.hasBase && e.guarded() {
		base := v.values
		e.base = &base
	}
	for _, f := range e.fields {
		e.wanted[f] = r.value(c, f, fmt.Sprint("crm", e.number))
		v.values[f] = e.wanted[f]
	}
	e.message = e.encode(v)
	r.edits = append(r.edits, e)
	return e
}

// value is a new value for a field, or one that it had before, or none.
func (r *protocol) value(c *card, field int, fresh string) string {
	switch old := c.held[field]; {
	case r.chance(r.climate.again):
		return old[r.rng.IntN(len(old))].value
	case field != photoIndex && r.rng.IntN(16) == 0:
		return ""
	}
	return fresh
}

// encode makes the message of a change.
func (e *crmEdit) encode(v *view) messages.Message {
	change := &messages.Change{Type: messages.Photo, User: ann}
	if e.number%2 == 0 {
		change.Source, change.ID = "crm", fmt.Sprint(e.number)
	}
	if e.photo() {
		photo := base64.StdEncoding.EncodeToString([]byte("\x89PNG\r\n\x1a\n" + e.wanted[photoIndex]))
		change.Photo = &messages.PhotoBody{ResourceName: e.card.name(), PhotoBytes: photo}
	} else {
		change.Type = messages.Patch
		body := &messages.PatchBody{Person: e.person(e.wanted), Precondition: messages.Etag}
		var mask []string
		for _, f := range e.fields {
			mask = append(mask, protocolFields[f])
		}
		body.UpdatePersonFields = strings.Join(mask, ",")
		switch source := body.Person.Metadata.Sources[0]; {
		case e.latest:
			body.Precondition = messages.Latest
		case v.ofPerson:
			body.Person.Etag = e.card.ofPerson(e.seen)
		default:
			source.Etag = e.card.etag(e.seen)
		}
		if e.base != nil {
			body.Base = e.person(*e.base)
			body.Base.Metadata, body.Base.ResourceName = nil, ""
		}
		change.Patch = body
	}
	m, err := messages.Encode(change)
	if err != nil {
		panic(err)
	}
	return m
}

// person is the masked fields with these values.
func (e *crmEdit) person(values [len(protocolFields)]string) *peopleapi.Person {
	p := &peopleapi.Person{ResourceName: e.card.name(), Metadata: &peopleapi.PersonMetadata{Sources: []*peopleapi.Source{{Type: contactSource}}}}
	for _, f := range e.fields {
		switch value := values[f]; {
		case value == "":
		case f == 0:
			p.Interests = []*peopleapi.Interest{{Value: value}}
		case f == 1:
			p.Nicknames = []*peopleapi.Nickname{{Value: value}}
		case f == 2:
			p.Occupations = []*peopleapi.Occupation{{Value: value}}
		}
	}
	return p
}

// replay lets the operator repair what the service rejects, and publish all dead letters again, in the order of their
// originals.
func (r *protocol) replay() {
	letters := r.operator
	r.operator = nil
	slices.SortStableFunc(letters, func(a, b *deadletter.Letter) int {
		return r.messages[a.Original.MessageID].number - r.messages[b.Original.MessageID].number
	})
	for _, l := range letters {
		e := r.messages[l.Original.MessageID].crmEdit
		e.sick = false
		attributes := maps.Clone(l.Original.Attributes)
		replay := messages.Replay{Letter: l.ID, MessageID: l.Original.MessageID, PublishTime: l.Original.PublishTime, Count: l.Replays + 1}
		replay.AddTo(attributes)
		m := messages.Message{OrderingKey: l.Original.OrderingKey, Attributes: attributes, Data: l.Original.Data}
		r.queue.publish(e, m, time.Now().Round(0).UTC())
	}
}

// hand lets a person change a contact at the service: a field, to something new or back to what it was, or nothing that
// shows in a field.
func (r *protocol) hand(c *card) {
	c.move()
	if f := r.rng.IntN(len(protocolFields)); f != photoIndex {
		r.hands++
		c.put(f, entry{value: r.value(c, f, fmt.Sprint("hand", r.hands))})
		r.note("a hand changes %s: %d = %q, now %s", c.name(), f, c.now().fields[f].value, c.etag(c.current()))
		return
	}
	r.note("%s moves by itself, now %s", c.name(), c.etag(c.current()))
}
