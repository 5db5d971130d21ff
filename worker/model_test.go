package worker

import (
	"maps"
	"reflect"
	"slices"

	"github.com/contactrelay/contactrelay/deadletter"
	"github.com/contactrelay/contactrelay/internal/peoplesim"
	"github.com/contactrelay/contactrelay/messages"
)

// model is the reference that the worker is held against: a plain map of contacts, to which every message of a feed is
// applied alone, in the order of publication. It knows no calls, no batches, no time and no faults that pass.
type model struct {
	contacts map[place]*modelContact
	flaws    map[place]deadletter.Reason // what is wrong for ever; with an empty name: with all of the user's contacts
	banned   map[string]bool             // users that the worker may not act for
	events   map[string]bool             // identities of the events seen
}

// place is where a contact is found: two users may have contacts of one name.
type place struct{ user, name string }

// modelContact is a contact as it must be in the end.
type modelContact struct {
	version  int64
	loose    bool            // it was written without an etag, perhaps more than once: its version is not known any more
	fields   map[string]any  // lists of values, as in JSON; an empty field is absent
	ours     map[string]bool // fields that a change wrote
	pictured bool            // its photo was written: what changed its etag since is not known for sure
	photo    string          // SHA-256 in hex
}

// ending is what must become of a message: it is applied, or a duplicate, or there is a letter for each reason, with the
// contacts it holds for. A message that touches nothing has a letter without contacts.
type ending struct {
	duplicate bool
	letters   map[deadletter.Reason][]string
}

func newModel() *model {
	return &model{
		contacts: map[place]*modelContact{}, flaws: map[place]deadletter.Reason{}, banned: map[string]bool{}, events: map[string]bool{},
	}
}

// seed gives a user a contact.
func (m *model) seed(p place, fields map[string]any) {
	m.contacts[p] = &modelContact{version: peoplesim.FirstVersion, fields: fields}
}

// apply makes a change, as far as it can be made.
func (m *model) apply(c *change) ending {
	event := c.user + "\x00" + c.event
	switch {
	case c.event != "" && m.events[event]:
		return ending{duplicate: true}
	case c.bad != "":
		m.events[event] = true
		return ending{letters: map[deadletter.Reason][]string{c.bad: nil}}
	}
	m.events[event] = true
	e := ending{letters: map[deadletter.Reason][]string{}}
	for _, w := range c.wishes {
		if reason := m.refuses(c, w); reason != "" {
			e.letters[reason] = append(e.letters[reason], w.contact)
			continue
		}
		m.write(c, w)
	}
	for _, names := range e.letters {
		slices.Sort(names)
	}
	return e
}

// refuses says why what a change wants of a contact cannot be done; empty if it can.
func (m *model) refuses(c *change, w wish) deadletter.Reason {
	if m.banned[c.user] {
		return deadletter.Forbidden
	}
	for _, p := range []place{{c.user, ""}, {c.user, w.contact}} {
		if reason := m.flaws[p]; reason != "" {
			return reason
		}
	}
	held := m.contacts[place{c.user, w.contact}]
	if held == nil {
		return deadletter.NotFound
	}
	after := w.version < held.version && !held.pictured // it was published after writes that are all known
	if c.guarded() && w.version != held.version && !after && held.disputes(c.mask, w) {
		return deadletter.EtagConflict
	}
	return ""
}

// disputes reports whether a change with an etag that is not the contact's wants another value of a field than it has,
// which no change before it wrote: that came from somebody else.
func (held *modelContact) disputes(mask []string, w wish) bool {
	return slices.ContainsFunc(mask, func(field string) bool {
		return !held.ours[field] && !reflect.DeepEqual(held.fields[field], w.fields[field])
	})
}

// write replaces the masked fields, or the photo.
func (m *model) write(c *change, w wish) {
	held := m.contacts[place{c.user, w.contact}]
	held.loose = held.loose || !c.guarded() || w.version != held.version
	held.version++
	if c.kind == messages.Photo {
		held.photo, held.pictured = sumOf(c.photo), true
		return
	}
	held.fields = maps.Clone(held.fields)
	if held.ours == nil {
		held.ours = map[string]bool{}
	}
	for _, field := range c.mask {
		held.ours[field] = true
		if delete(held.fields, field); w.fields[field] != nil {
			held.fields[field] = w.fields[field]
		}
	}
}
