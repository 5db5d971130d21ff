package worker

import (
	"slices"
	"strings"

	peopleapi "google.golang.org/api/people/v1"

	"github.com/contactrelay/contactrelay/internal/people"
	"github.com/contactrelay/contactrelay/messages"
)

// answerRead is what the worker asks of every answer: the etags, of the contact alone.
var answerRead = people.Read{Fields: "metadata", Sources: []string{contactReadSource}}

// contactReadSource is the contact's own values and etag, as reads name their sources.
const contactReadSource = "READ_SOURCE_TYPE_CONTACT"

// metadataField is the field of a read mask that holds the sources and their etags.
const metadataField = "metadata"

// readBack asks for fields as well.
func readBack(fields []string) people.Read {
	read := answerRead
	read.Fields = strings.Join(append(slices.Compact(slices.Sorted(slices.Values(fields))), metadataField), ",")
	return read
}

// asked is what a producer wants to be told of a contact once its change is made. The zero value is nothing.
type asked struct {
	fields  []string // sorted
	sources []string // sorted; none: the service's default, which merges the values of the profile in
}

// askedBy is what a change asks for.
func askedBy(c *messages.Change) asked {
	var mask string
	var sources []string
	switch {
	case c.Patch != nil:
		mask, sources = c.Patch.PersonFields, c.Patch.Sources
	case c.Photo != nil:
		mask, sources = c.Photo.PersonFields, c.Photo.Sources
	case c.Batch != nil:
		mask, sources = c.Batch.ReadMask, c.Batch.Sources
	}
	if mask == "" {
		return asked{}
	}
	return asked{messages.MaskFields(mask), slices.Compact(slices.Sorted(slices.Values(sources)))}
}

// read is what the answer to a write shall hold: what was asked for, and the etag of the contact itself.
func (a asked) read() people.Read {
	if len(a.fields) == 0 {
		return answerRead
	}
	read := people.Read{Fields: strings.Join(a.fields, ","), Sources: a.sources}
	if !slices.Contains(a.fields, metadataField) {
		read.Fields += "," + metadataField
	}
	if len(a.sources) > 0 && !slices.Contains(a.sources, contactReadSource) {
		read.Sources = append(slices.Clone(a.sources), contactReadSource)
	}
	return read
}

// cut is what of an answer was asked for; nil if nothing was.
func (a asked) cut(answer *peopleapi.Person) *peopleapi.Person {
	switch {
	case answer == nil, len(a.fields) == 0:
		return nil
	case slices.Contains(a.fields, metadataField):
		return answer
	}
	person := *answer
	person.Metadata = nil
	return &person
}

// key is the same for those that ask for the same.
func (a asked) key() string {
	return strings.Join(a.fields, ",") + "\x00" + strings.Join(a.sources, ",")
}
