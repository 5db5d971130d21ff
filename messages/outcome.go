package messages

import (
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	people "google.golang.org/api/people/v1"
)

// OutcomeType is the ce-type of outcomes.
const OutcomeType = "contactrelay.outcome.v1"

// Outcome is the event that tells how contactrelay settled a message, for the producer of that message: with it the
// producer's next change carries the right etag. It comes at least once, and those of a user in the order in which the
// messages were settled. A copy has the same ID; a message that had to be settled again, after a crash, has an outcome
// of its own for each time.
type Outcome struct {
	User   string    // whose contacts were to change: the ordering key, "" if the message had none
	ID     string    // ce-id of this event
	Source string    // ce-source: the worker's subscription
	Time   time.Time // ce-time: when the message was settled

	OutcomeBody
}

// OutcomeBody is the JSON of an outcome.
type OutcomeBody struct {
	Event  Event  `json:"event"`
	Result Result `json:"outcome"` // DeadLettered if it is that for any contact

	// Reason and Fields are those of a dead letter, the first by reason if the message left several.
	Reason string   `json:"reason,omitzero"`
	Fields []string `json:"fields,omitempty"` // in conflict, or invalid

	// Contacts is what became of each contact, by resource name; empty if the message could not be decoded.
	Contacts map[string]ContactOutcome `json:"contacts,omitempty"`
}

// Event is the message that an outcome is about.
type Event struct {
	Type   string `json:"type,omitzero"`   // its ce-type, whatever it said
	ID     string `json:"id,omitzero"`     // its ce-id, if it had one
	Source string `json:"source,omitzero"` // its ce-source, if it had one

	// MessageID is the Pub/Sub ID that publishing it gave. Of a replayed dead letter it is the original's, and Letter the
	// ID of that letter.
	MessageID string `json:"messageId"`
	Letter    string `json:"letter,omitzero"`
}

// Result is how a message, or the change of one contact, ended.
type Result string

// The results.
const (
	Applied        Result = "applied"
	AlreadyApplied Result = "already_applied" // the contact held what was wanted
	Superseded     Result = "superseded"      // a newer change of the same fields was made
	DeadLettered   Result = "dead_lettered"   // it is in the dead-letter topic
)

// ContactOutcome is what became of the change of one contact.
type ContactOutcome struct {
	Result Result   `json:"outcome"`
	Reason string   `json:"reason,omitzero"`  // of the dead letter
	Fields []string `json:"fields,omitempty"` // in conflict

	// Etag is the etag of the contact's CONTACT source after the change; "" if the worker did not learn it.
	Etag string `json:"etag,omitzero"`

	// Unseen is true if others may have changed the contact between the etag that the change carried and Etag: a
	// producer that carries Etag without having read the contact would write over what it has not seen.
	Unseen bool `json:"unseen,omitzero"`

	// Person is the contact as the service answered the write, if the change asked for it by personFields or readMask.
	// It is nil where nothing was written.
	Person *people.Person `json:"person,omitzero"`
}

// EncodeOutcome is the message that says o, for contactrelay to publish. The error is always an [*Error]: an attribute
// or the whole exceeds a limit of Pub/Sub, or text is not UTF-8.
func EncodeOutcome(o *Outcome) (Message, error) {
	m := Message{OrderingKey: o.User, Attributes: map[string]string{
		AttrType: OutcomeType, AttrSpecVersion: specVersion, AttrContentType: contentType,
		AttrID: o.ID, AttrSource: o.Source, AttrTime: o.Time.UTC().Format(time.RFC3339Nano),
	}}
	var f faults
	m.checkText(&f)
	checkText(&f, nil, reflect.ValueOf(&o.OutcomeBody))
	if err := f.err(Invalid); err != nil {
		return Message{}, err
	}
	data, err := json.Marshal(&o.OutcomeBody, json.Deterministic(true))
	if err != nil {
		return Message{}, fail(Invalid, "", "cannot be written as JSON")
	}
	m.Data = data
	m.checkSize(&f)
	if err := f.err(Invalid); err != nil {
		return Message{}, err
	}
	return m, nil
}

// DecodeOutcome reads a message that EncodeOutcome wrote, in this version or a later one: names that it does not know
// are passed over. The error is always an [*Error]: unsupported_type if the message is no outcome, malformed if it is
// not JSON, invalid if it lacks what every outcome has.
func DecodeOutcome(m Message) (*Outcome, error) {
	if m.Attributes[AttrType] != OutcomeType {
		return nil, fail(UnsupportedType, AttrType, "must be "+OutcomeType)
	}
	o := &Outcome{User: m.OrderingKey, ID: m.Attributes[AttrID], Source: m.Attributes[AttrSource]}
	if err := json.Unmarshal(m.Data, &o.OutcomeBody); err != nil {
		if _, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
			return nil, fail(Malformed, "", "must be JSON")
		}
		return nil, fail(Invalid, "", "does not fit its type")
	}
	var f faults
	at, err := time.Parse(time.RFC3339Nano, m.Attributes[AttrTime])
	if err != nil {
		f.add(AttrTime, "must be a time of RFC 3339")
	}
	o.Time = at.UTC()
	for name, value := range map[string]string{
		AttrID: o.ID, AttrSource: o.Source, "event.messageId": o.Event.MessageID, "outcome": string(o.Result),
	} {
		if strings.TrimSpace(value) == "" {
			f.add(name, ruleRequired)
		}
	}
	if err := f.err(Invalid); err != nil {
		return nil, err
	}
	return o, nil
}

// Names is the resource names of the contacts, sorted.
func (o *Outcome) Names() []string { return slices.Sorted(maps.Keys(o.Contacts)) }

// OutcomeSchema is the JSON Schema (draft 2020-12) of the body of an outcome as this version writes it; the caller's own
// copy.
func OutcomeSchema() []byte {
	data, err := schemaFiles.ReadFile("schema/outcome.schema.json")
	if err != nil {
		panic(err) // it is embedded
	}
	return data
}
