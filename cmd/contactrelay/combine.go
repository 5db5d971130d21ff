package main

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strings"

	people "google.golang.org/api/people/v1"

	"github.com/contactrelay/contactrelay/messages"
)

// outgoing is a message to publish, and the lines it is made of.
type outgoing struct {
	lines   []int
	message messages.Message
}

// Limits of a combined message: what the service takes in one call, and half of what Pub/Sub takes in one message.
const (
	combinedContacts = 200
	combinedBytes    = 5_000_000
	// combinerBytes is how much the combiner holds back, over all users.
	combinerBytes = 64 << 20
)

// combiner makes batch messages of a user's consecutive patches with one mask, so that a bulk import is fast however few
// messages of a key Pub/Sub lets be outstanding. The changes of a user keep their order.
type combiner struct {
	users map[string]*combination
	bytes int
}

// combination is the patches of a user that wait to be combined.
type combination struct {
	like    string // what they have in common
	lines   []int
	first   messages.Message // as it was, in case it stays alone
	changes []*messages.Change
	named   map[string]bool // their contacts
	bytes   int
}

func newCombiner() *combiner { return &combiner{users: map[string]*combination{}} }

// add takes the message of a line and returns what is to be published now.
func (c *combiner) add(line int, m messages.Message, change *messages.Change) (ready []outgoing, err error) {
	waiting := c.users[change.User]
	if waiting != nil && !waiting.takes(m, change) {
		if ready, err = c.flush(change.User); err != nil {
			return nil, err
		}
		waiting = nil
	}
	switch {
	case change.Patch == nil:
		return append(ready, outgoing{[]int{line}, m}), nil
	case waiting == nil:
		waiting = &combination{like: likeness(change), first: m, named: map[string]bool{}}
		c.users[change.User] = waiting
	}
	waiting.lines = append(waiting.lines, line)
	waiting.changes = append(waiting.changes, change)
	waiting.named[change.Patch.Person.ResourceName] = true
	waiting.bytes += len(m.Data)
	if c.bytes += len(m.Data); c.bytes <= combinerBytes {
		return ready, nil
	}
	rest, err := c.rest()
	return append(ready, rest...), err
}

// takes reports whether a change may join the combination: one contact never stands twice in a message.
func (w *combination) takes(m messages.Message, change *messages.Change) bool {
	return change.Patch != nil && likeness(change) == w.like && !w.named[change.Patch.Person.ResourceName] &&
		len(w.changes) < combinedContacts && w.bytes+len(m.Data) <= combinedBytes
}

// likeness is equal for patches that one batch message can say.
func likeness(change *messages.Change) string {
	p := change.Patch
	identified := "without ID"
	if change.ID != "" {
		identified = "with ID"
	}
	return strings.Join([]string{
		strings.Join(messages.MaskFields(p.UpdatePersonFields), ","), strings.Join(messages.MaskFields(p.PersonFields), ","),
		strings.Join(p.Sources, ","), string(p.Precondition), identified, change.Source,
	}, "\x00")
}

// rest returns all that waits, by user.
func (c *combiner) rest() (ready []outgoing, err error) {
	for _, user := range slices.Sorted(maps.Keys(c.users)) {
		out, err := c.flush(user)
		if err != nil {
			return nil, err
		}
		ready = append(ready, out...)
	}
	return ready, nil
}

// flush returns what waits of a user: one message, if anything does.
func (c *combiner) flush(user string) ([]outgoing, error) {
	w := c.users[user]
	delete(c.users, user)
	c.bytes -= w.bytes
	if len(w.changes) == 1 {
		return []outgoing{{w.lines, w.first}}, nil
	}
	m, err := messages.Encode(w.change())
	return []outgoing{{w.lines, m}}, err
}

// change is the batch that says what the patches say.
func (w *combination) change() *messages.Change {
	first := w.changes[0]
	body := &messages.BatchBody{
		Contacts:     map[string]*people.Person{},
		UpdateMask:   first.Patch.UpdatePersonFields,
		ReadMask:     first.Patch.PersonFields,
		Sources:      first.Patch.Sources,
		Precondition: first.Patch.Precondition,
	}
	ids := sha256.New()
	for _, change := range w.changes {
		name := change.Patch.Person.ResourceName
		body.Contacts[name] = change.Patch.Person
		if change.Patch.Base != nil {
			if body.Base == nil {
				body.Base = map[string]*people.Person{}
			}
			body.Base[name] = change.Patch.Base
		}
		ids.Write([]byte(change.ID + "\x00" + name + "\x00"))
	}
	batch := &messages.Change{Type: messages.Batch, User: first.User, Source: first.Source, Batch: body}
	if first.ID != "" {
		batch.ID = "combined-" + hex.EncodeToString(ids.Sum(nil)[:16]) // the same lines again are the same event again
	}
	return batch
}
