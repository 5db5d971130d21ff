package deadletter

import (
	"cmp"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/contactrelay/contactrelay/messages"
)

// Delivery is a message of the dead-letter topic as it was received.
type Delivery struct {
	Message   Message
	ID        string // of Pub/Sub
	Published time.Time
}

// State says what an entry is.
type State string

// The states. Only whole letters and, if asked for, foreign messages can be replayed.
const (
	Whole      State = "whole"
	Foreign    State = "foreign"    // no letter of ours: the service's own dead letters, for one
	Damaged    State = "damaged"    // says that it is a letter and cannot be read as one
	Incomplete State = "incomplete" // parts of it are not there
)

// Entry is one letter as an operator meets it: all messages that make it up, copies and parts, in one.
type Entry struct {
	// Letter is what is known of it. Of an entry that is not whole it has an ID, a time, the message as its original,
	// and in place of a reason its state.
	*Letter
	State State
	// Type is that of the original in one word: patch, photo, batch, unknown.
	Type string
	// Contacts are the resource names that the original is about, as far as it can be read; sorted.
	Contacts []string
	// Messages are the Pub/Sub IDs of its messages.
	Messages []string
	// SeenEtag is that of the contact over which a photo is to be written: see [Entry.Over].
	SeenEtag string
}

// Entries makes entries of what was received, in whatever order that came and however often. They are sorted by the
// letters' times, newest first.
func Entries(all []Delivery) []*Entry {
	var entries []*Entry
	parts := map[string][]*Letter{}
	ids := map[string][]string{}
	for _, d := range all {
		l, err := Decode(d.Message)
		switch {
		case errors.Is(err, ErrForeign):
			entries = append(entries, newEntry(foreignLetter(d), Foreign, d.ID))
		case err != nil || l.ID == "":
			entries = append(entries, newEntry(damagedLetter(d), Damaged, d.ID))
		default:
			parts[l.ID] = append(parts[l.ID], l)
			ids[l.ID] = append(ids[l.ID], d.ID)
		}
	}
	for id, letters := range parts {
		whole, err := Join(letters)
		state := Whole
		switch {
		case errors.Is(err, ErrIncomplete):
			whole, state = letters[0], Incomplete
		case err != nil:
			whole, state = letters[0], Damaged
		}
		entries = append(entries, newEntry(whole, state, ids[id]...))
	}
	slices.SortFunc(entries, func(a, b *Entry) int {
		return cmp.Or(b.Time.Compare(a.Time), strings.Compare(a.ID, b.ID))
	})
	return entries
}

func newEntry(l *Letter, state State, ids ...string) *Entry {
	if state != Whole {
		l.Reason = Reason(state)
	}
	t := messages.Type(l.Original.Attributes[messages.AttrType])
	return &Entry{Letter: l, State: state, Type: t.Short(), Contacts: contactsIn(t, l.Original.Data), Messages: ids}
}

// nativePrefix begins the attributes that the service adds when its own dead-letter policy forwards a message.
const (
	nativePrefix      = "CloudPubSubDeadLetterSource"
	nativePublishTime = nativePrefix + "TopicPublishTime"
)

// foreignLetter is a message that is no letter, in the form of one. Its ID is that of Pub/Sub. What the service's
// dead-letter policy added is not the producer's, and tells when that published it.
func foreignLetter(d Delivery) *Letter {
	original, replays := Received(d.Message, d.ID, d.Published)
	if first, err := time.Parse(time.RFC3339Nano, original.Attributes[nativePublishTime]); err == nil {
		original.PublishTime = first
	}
	detail := "not a letter of contactrelay"
	if original.Attributes[nativePublishTime] != "" || original.Attributes[nativePrefix+"Subscription"] != "" {
		detail = "forwarded by the subscription's own dead-letter policy"
	}
	maps.DeleteFunc(original.Attributes, func(name, _ string) bool { return strings.HasPrefix(name, nativePrefix) })
	return &Letter{ID: d.ID, Detail: detail, Time: d.Published.UTC(), Replays: replays, Original: original}
}

// damagedLetter is a letter that cannot be read, with what Pub/Sub says of its message.
func damagedLetter(d Delivery) *Letter {
	return &Letter{
		ID: d.ID, Detail: "the letter cannot be read", Time: d.Published.UTC(),
		Original: Original{
			Data: d.Message.Data, Attributes: producers(d.Message.Attributes), OrderingKey: d.Message.OrderingKey,
			MessageID: d.ID, PublishTime: d.Published,
		},
	}
}

// contactsIn is the contacts that a body names, whatever else is wrong with it.
func contactsIn(t messages.Type, data []byte) []string {
	var body struct {
		ResourceName string `json:"resourceName"`
		Person       struct {
			ResourceName string `json:"resourceName"`
		} `json:"person"`
		Contacts map[string]json.RawMessage `json:"contacts"`
	}
	_ = json.Unmarshal(data, &body) // what is readable of a wrong body is better than nothing
	switch {
	case t == messages.Photo && body.ResourceName != "":
		return []string{body.ResourceName}
	case t == messages.Patch && body.Person.ResourceName != "":
		return []string{body.Person.ResourceName}
	case t == messages.Batch:
		return slices.Sorted(maps.Keys(body.Contacts))
	}
	return nil
}

// Change decodes the original as the worker would. The error is always a [*messages.Error].
func (e *Entry) Change(l messages.Limits) (*messages.Change, error) {
	return messages.Decode(e.message(), l)
}

// Match finds the one entry of an ID, of which the beginning is enough.
func Match(entries []*Entry, id string) (found *Entry, ambiguous bool) {
	for _, e := range entries {
		switch {
		case e.ID == id:
			return e, false
		case strings.HasPrefix(e.ID, id) && id != "":
			ambiguous = found != nil || ambiguous
			found = e
		}
	}
	if ambiguous {
		return nil, true
	}
	return found, false
}

// shortest is the fewest characters of an ID that are shown.
const shortest = 8

// ShortIDs is the beginnings of the entries' IDs that tell each from all others.
func ShortIDs(entries []*Entry) map[string]string {
	ids := make([]string, len(entries))
	for i, e := range entries {
		ids[i] = e.ID
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	short := make(map[string]string, len(ids))
	for i, id := range ids {
		need := shortest
		if i > 0 {
			need = max(need, shared(id, ids[i-1])+1)
		}
		if i+1 < len(ids) {
			need = max(need, shared(id, ids[i+1])+1)
		}
		short[id] = id[:min(need, len(id))]
	}
	return short
}

// shared is how many bytes two texts begin with alike.
func shared(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}
