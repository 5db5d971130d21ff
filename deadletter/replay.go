package deadletter

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/contactrelay/contactrelay/messages"
)

// ErrTooLarge means that a letter does not fit into a message of Pub/Sub together with what a replay carries.
var ErrTooLarge = errors.New("too large to be replayed: its attributes and body leave no room for those of a replay")

// Again returns the message that replays the entry: the original without anything of a letter, and with what makes it
// the event that it was. It is recognised by the letter's ID if it is published twice, and ordered by its original's
// publish time. The error is [ErrTooLarge].
func (e *Entry) Again() (Message, error) {
	r := messages.Replay{
		Letter: e.ID, MessageID: cmp.Or(e.Original.MessageID, e.ID), PublishTime: e.Original.PublishTime, Count: e.Replays + 1,
		SeenEtag: e.SeenEtag,
	}
	if r.PublishTime.IsZero() {
		r.PublishTime = e.Time
	}
	m := Message{Data: e.Original.Data, OrderingKey: e.Original.OrderingKey, Attributes: producers(e.Original.Attributes)}
	if m.Attributes == nil {
		m.Attributes = map[string]string{}
	}
	r.AddTo(m.Attributes)
	if !m.fitsInto(maxReplay) {
		return Message{}, ErrTooLarge
	}
	return m, nil
}

// InOrder returns the entries in the order of their replay: whole users together, the one with the oldest change first,
// and each user's in the order in which their originals were published.
func InOrder(entries []*Entry) []*Entry {
	sorted := slices.SortedStableFunc(slices.Values(entries), older)
	rank := map[string]int{}
	for i, e := range sorted {
		if _, known := rank[e.Original.OrderingKey]; !known {
			rank[e.Original.OrderingKey] = i
		}
	}
	slices.SortStableFunc(sorted, func(a, b *Entry) int { return rank[a.Original.OrderingKey] - rank[b.Original.OrderingKey] })
	return sorted
}

// older compares two entries by when their originals were published. Publish times tie within a publish call; the
// service's IDs, which are numbers, then tell.
func older(a, b *Entry) int {
	return cmp.Or(a.Original.PublishTime.Compare(b.Original.PublishTime),
		len(a.Original.MessageID)-len(b.Original.MessageID), strings.Compare(a.Original.MessageID, b.Original.MessageID))
}

// Over returns the entry as one that is written over what the contacts hold, whatever that is: the same values on the
// etags that were just read. What is written later is not overwritten. The entry itself stays as it is.
func (e *Entry) Over(change *messages.Change, contacts []Prospect) (*Entry, error) {
	etags := map[string]string{}
	for _, p := range contacts {
		etags[p.Contact] = p.Etag
	}
	over := *e
	if change.Photo != nil {
		over.SeenEtag = etags[change.Photo.ResourceName]
		return &over, nil
	}
	c, err := messages.Decode(e.message(), anyPhoto) // a copy to change
	if err != nil {
		return nil, err
	}
	if c.Patch != nil {
		c.Patch.Precondition = messages.Etag
		c.Patch.Person.Etag, c.Patch.Person.Metadata = guardedBy(etags[c.Patch.Person.ResourceName])
	} else {
		c.Batch.Precondition = messages.Etag
		for name, person := range c.Batch.Contacts {
			person.Etag, person.Metadata = guardedBy(etags[name])
		}
	}
	return over.rewrite(c)
}

// Without returns the entry without some of its contacts; false if no other one is left.
func (e *Entry) Without(contacts []string) (*Entry, bool, error) {
	c, err := messages.Decode(e.message(), anyPhoto)
	if err != nil {
		return nil, false, err
	}
	if c.Batch == nil {
		return nil, false, nil
	}
	gone := func(name string) bool { return slices.Contains(contacts, name) }
	for name := range c.Batch.Contacts {
		if gone(name) {
			delete(c.Batch.Contacts, name)
			delete(c.Batch.Base, name)
		}
	}
	if len(c.Batch.Contacts) == 0 {
		return nil, false, nil
	}
	rest := *e
	entry, err := rest.rewrite(c)
	return entry, err == nil, err
}

// rewrite gives e the body that says c.
func (e *Entry) rewrite(c *messages.Change) (*Entry, error) {
	m, err := messages.Encode(c)
	if err != nil {
		return nil, err
	}
	e.Letter = e.Letter.with(func(o *Original) { o.Data = m.Data })
	e.Contacts = c.Contacts()
	return e, nil
}

// with returns a copy of the letter with another original.
func (l *Letter) with(change func(*Original)) *Letter {
	changed := *l
	changed.Original.Attributes = maps.Clone(l.Original.Attributes)
	change(&changed.Original)
	return &changed
}

// message is the original as the worker would get it.
func (e *Entry) message() messages.Message {
	return messages.Message{OrderingKey: e.Original.OrderingKey, Attributes: e.Original.Attributes, Data: e.Original.Data}
}

// anyPhoto lets the size of a photo be judged by whoever has the setting.
var anyPhoto = messages.Limits{MaxPhotoBytes: maxBody}
