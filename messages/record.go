package messages

import (
	"errors"
	"reflect"

	"github.com/go-json-experiment/json/jsontext"
)

// record is one line of the file that `contactrelay publish` reads: a message as an object of JSON.
type record struct {
	User   string         `json:"user"`   // the ordering key
	Type   string         `json:"type"`   // ce-type, or its short form: patch, photo, batch
	ID     *string        `json:"id"`     // ce-id, if given
	Source *string        `json:"source"` // ce-source, if given
	Body   jsontext.Value `json:"body"`
}

var recordShape = make(shapes).of(reflect.TypeFor[record]())

// ParseRecord reads one line of JSON,
//
//	{"user": "…", "type": "contactrelay.patch.v1", "id": "…", "source": "…", "body": {…}}
//
// and is the message to publish and the change that it says. The type may be written in short: patch, photo or
// batch. ID and source may be left out. The message's body is the bytes of the line's body.
//
// The error is always an [*Error] and is about the line: malformed if the line is not JSON; else as of Decode, with
// its fields by their names in the line (user, type, id, source, body.person.names). What exceeds a limit of Pub/Sub
// is invalid too.
func ParseRecord(line []byte, l Limits) (Message, *Change, error) {
	var r record
	if err := unmarshal(line, &r, recordShape, maxDepth+1); err != nil {
		return Message{}, nil, err
	}
	if r.Body == nil {
		return Message{}, nil, fail(Invalid, "body", ruleRequired)
	}
	m := r.message()
	c, err := Decode(m, l)
	if err == nil {
		var f faults
		m.checkSize(&f)
		err = f.err(Invalid)
	}
	if err != nil {
		return Message{}, nil, inRecord(err)
	}
	return m, c, nil
}

func (r record) message() Message {
	m := Message{
		OrderingKey: r.User,
		Attributes:  map[string]string{AttrSpecVersion: specVersion, AttrContentType: contentType},
		Data:        r.Body,
	}
	if t := r.longType(); t != "" {
		m.Attributes[AttrType] = t
	}
	// An ID that is given must not be empty: Decode says so if it is.
	if r.ID != nil {
		m.Attributes[AttrID] = *r.ID
	}
	if r.Source != nil {
		m.Attributes[AttrSource] = *r.Source
	}
	return m
}

func (r record) longType() string {
	for _, t := range []Type{Patch, Photo, Batch} {
		if r.Type == t.Short() {
			return string(t)
		}
	}
	return r.Type
}

// inRecord is an error of a message, told of the record that the message is from.
func inRecord(err error) error {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return err
	}
	var f faults
	for _, fault := range e.Faults {
		f.add(recordField(fault.Field), fault.Rule)
	}
	return f.err(e.Reason)
}

func recordField(field string) string {
	switch field {
	case fieldUser:
		return "user"
	case AttrType:
		return "type"
	case AttrID:
		return "id"
	case AttrSource:
		return "source"
	case "":
		return "body"
	}
	return "body." + field
}
