// Package messages is the contract between a producer and contactrelay: what one Pub/Sub message says about one
// contact, its photo, or up to 200 contacts of one user.
//
// [Decode] turns a message into a [Change] or says, as an [*Error], why it cannot: every broken rule by field and
// rule, never by value, so that the error may be logged and shown. What Decode accepts, the People API has no
// documented reason to refuse before it looks at the contact. [Encode] is the way back, for producers in Go;
// [ParseRecord] reads the JSON lines of `contactrelay publish`; [Schema] has the bodies as JSON Schemas. What became of a
// change comes back as an [Outcome], which [DecodeOutcome] reads.
//
// Decoding of changes is strict. Names are case-sensitive; unknown names, names given twice, null and values of another type
// are refused, wherever they stand. An integer is written without fraction or exponent. A masked field that is
// absent is one to be cleared, as in the API, and an empty value means the same as an absent one.
//
// The package knows neither Pub/Sub's client nor HTTP. Its functions keep no state, do not block, do not retain
// what they are given, and are safe for concurrent use.
package messages

import (
	"maps"
	"slices"

	people "google.golang.org/api/people/v1"
)

// Type is what a message asks for: the value of its attribute ce-type.
type Type string

// The types, each the request of one endpoint of the People API.
const (
	Patch Type = "contactrelay.patch.v1" // people.updateContact
	Photo Type = "contactrelay.photo.v1" // people.updateContactPhoto
	Batch Type = "contactrelay.batch.v1" // people.batchUpdateContacts
)

// Short is t in one word, for log lines and metrics: patch, photo, batch, or unknown for any other value.
func (t Type) Short() string {
	switch t {
	case Patch:
		return "patch"
	case Photo:
		return "photo"
	case Batch:
		return "batch"
	}
	return "unknown"
}

// Message is what Decode reads: the parts of a Pub/Sub message.
type Message struct {
	OrderingKey string
	Attributes  map[string]string
	Data        []byte
}

// Limits are the rules that are settings of the worker.
type Limits struct {
	MaxPhotoBytes int // of the decoded photo; zero or less: 5 MiB
}

// Change is one decoded message. A Change that Decode returned obeys every rule of the contract; exactly one of
// Patch, Photo and Batch is not nil, the one that Type names.
type Change struct {
	Type   Type
	User   string  // whose contacts change: the ordering key
	ID     string  // ce-id, "" when not given
	Source string  // ce-source, "" when not given
	Replay *Replay // nil unless the message is a replayed dead letter

	Patch *PatchBody
	Photo *PhotoBody
	Batch *BatchBody
}

// Precondition says what guards a write. In a body it may be absent, which means Etag; Decode fills that in.
type Precondition string

const (
	Etag   Precondition = "etag"   // the contact must be as it was when the producer read its etag
	Latest Precondition = "latest" // whatever the contact is by now: the producer knows no etag
)

// PatchBody is the request of people.updateContact: the masked fields of one contact are replaced.
type PatchBody struct {
	Person             *people.Person `json:"person"`
	UpdatePersonFields string         `json:"updatePersonFields"`
	PersonFields       string         `json:"personFields,omitzero"`
	Sources            []string       `json:"sources,omitempty"`

	// Base is what the masked fields held before the change, as the producer knew them; nil when it did not say.
	// A masked field that a given Base lacks was empty.
	Base         *people.Person `json:"base,omitzero"`
	Precondition Precondition   `json:"precondition,omitzero"`
}

// PhotoBody is the request of people.updateContactPhoto.
type PhotoBody struct {
	ResourceName string   `json:"resourceName"`
	PhotoBytes   string   `json:"photoBytes"` // base64 of a JPEG or PNG, in the producer's alphabet and padding
	PersonFields string   `json:"personFields,omitzero"`
	Sources      []string `json:"sources,omitempty"`
}

// BatchBody is the request of people.batchUpdateContacts: the masked fields of each contact are replaced. The maps
// are keyed by resource name; the persons in them need not repeat it.
type BatchBody struct {
	Contacts     map[string]*people.Person `json:"contacts"`
	UpdateMask   string                    `json:"updateMask"`
	ReadMask     string                    `json:"readMask,omitzero"`
	Sources      []string                  `json:"sources,omitempty"`
	Base         map[string]*people.Person `json:"base,omitempty"` // as in PatchBody, for some or all contacts
	Precondition Precondition              `json:"precondition,omitzero"`
}

// Contacts is the resource names of the contacts that c changes, sorted; one for a patch and a photo.
func (c *Change) Contacts() []string {
	switch {
	case c.Patch != nil && c.Patch.Person != nil:
		return []string{c.Patch.Person.ResourceName}
	case c.Photo != nil:
		return []string{c.Photo.ResourceName}
	case c.Batch != nil:
		return slices.Sorted(maps.Keys(c.Batch.Contacts))
	}
	return nil
}

// body is one of the three bodies.
type body interface {
	// check adds every rule that the body breaks to f.
	check(f *faults, l Limits)
}

// newBody makes the empty body of c's type, with its defaults, in its place in c. It returns nil for a type that
// there is not.
func (c *Change) newBody() body {
	switch c.Type {
	case Patch:
		c.Patch = &PatchBody{Precondition: Etag}
		return c.Patch
	case Photo:
		c.Photo = &PhotoBody{}
		return c.Photo
	case Batch:
		c.Batch = &BatchBody{Precondition: Etag}
		return c.Batch
	}
	return nil
}

// onlyBody returns the body of c's type, and nil if c has none, or another one.
func (c *Change) onlyBody() body {
	switch {
	case c.Type == Patch && c.Patch != nil && c.Photo == nil && c.Batch == nil:
		return c.Patch
	case c.Type == Photo && c.Patch == nil && c.Photo != nil && c.Batch == nil:
		return c.Photo
	case c.Type == Batch && c.Patch == nil && c.Photo == nil && c.Batch != nil:
		return c.Batch
	}
	return nil
}
