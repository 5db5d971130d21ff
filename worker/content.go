package worker

import (
	peopleapi "google.golang.org/api/people/v1"

	"github.com/contactrelay/contactrelay/messages"
)

// content is what a message says of one contact, decoded. A message that waits has none: beside the body it would take many
// times what that does, so it is read from the body again when it is needed.
type content struct {
	person *peopleapi.Person // nil for a photo
	base   *peopleapi.Person
	photo  string // in base64
	wants  values // of the masked fields; see wanted
}

// contentsOf is what a change says, in the order of its contacts.
func contentsOf(c *messages.Change) []*content {
	switch {
	case c.Photo != nil:
		return []*content{{photo: c.Photo.PhotoBytes}}
	case c.Patch != nil:
		return []*content{{person: c.Patch.Person, base: c.Patch.Base}}
	}
	var all []*content
	for _, name := range c.Contacts() {
		person := c.Batch.Contacts[name]
		if person.ResourceName == "" {
			named := *person
			named.ResourceName, person = name, &named
		}
		all = append(all, &content{person: person, base: c.Batch.Base[name]})
	}
	return all
}

// wanted is the masked fields as JSON. They are worked out when they are needed first.
func (c *content) wanted() values {
	if c.wants == nil && c.person != nil {
		c.wants = valuesIn(c.person)
	}
	return c.wants
}

// said is what the message says of the contact.
func (p *part) said() *content {
	if p.content == nil {
		p.message.reread()
	}
	return p.content
}

// reread decodes a message whose content was dropped.
func (h *held) reread() {
	change, err := messages.Reread(h.message)
	if err != nil {
		panic(err) // it could be decoded when it came
	}
	for i, content := range contentsOf(change) {
		h.parts[i].content = content
	}
}

// rest drops what can be read from the body again.
func (h *held) rest() {
	for _, p := range h.parts {
		p.content = nil
	}
}
