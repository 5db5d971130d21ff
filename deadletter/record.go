package deadletter

import (
	"bytes"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/contactrelay/contactrelay/messages"
)

// Record is a line of an export. User, Attributes and Body are the original's and can be repaired; the rest says what
// the line is about, and only Letter is looked at when it is read again.
type Record struct {
	Letter      string            `json:"letter"`
	Reason      Reason            `json:"reason,omitempty"`
	Detail      string            `json:"detail,omitempty"`
	Fields      []string          `json:"fields,omitempty"`
	Time        time.Time         `json:"time,omitzero"`
	PublishTime time.Time         `json:"publishTime,omitzero"`
	Replays     int               `json:"replays,omitempty"`
	User        string            `json:"user"`
	Attributes  map[string]string `json:"attributes"`
	// Body is the original's, on one line. One that is not JSON stands in Bytes instead, as base64.
	Body  jsontext.Value `json:"body,omitempty"`
	Bytes []byte         `json:"bytes,omitempty"`
}

// Record is the entry as a line of an export.
func (e *Entry) Record() Record {
	r := Record{
		Letter: e.ID, Reason: e.Reason, Detail: e.Detail, Fields: e.Fields, Time: e.Time, PublishTime: e.Original.PublishTime.UTC(),
		Replays: e.Replays, User: e.Original.OrderingKey, Attributes: e.Original.Attributes,
	}
	var line bytes.Buffer
	if utf8.Valid(e.Original.Data) && stdjson.Compact(&line, e.Original.Data) == nil {
		r.Body = line.Bytes()
	} else {
		r.Bytes = e.Original.Data
	}
	return r
}

// Line is the record as JSON on one line.
func (r Record) Line() ([]byte, error) {
	line, err := json.Marshal(r, json.Deterministic(true), jsontext.AllowDuplicateNames(true))
	if err != nil {
		return nil, fmt.Errorf("write letter %s: %w", r.Letter, err)
	}
	return append(line, '\n'), nil
}

// ParseRecord reads a line of an export. Its error names the field and the rule, and no value.
func ParseRecord(line []byte) (Record, error) {
	var r Record
	// Names that stand twice in a body are for the contract to refuse, which names them better.
	err := json.Unmarshal(line, &r, json.RejectUnknownMembers(true), jsontext.AllowDuplicateNames(true))
	semantic, isSemantic := errors.AsType[*json.SemanticError](err)
	syntactic, isSyntactic := errors.AsType[*jsontext.SyntacticError](err)
	switch {
	case isSyntactic:
		return r, fmt.Errorf("not JSON at byte %d", syntactic.ByteOffset)
	case isSemantic && errors.Is(err, json.ErrUnknownName):
		return r, fmt.Errorf("%s: unknown name", path(semantic.JSONPointer))
	case isSemantic:
		return r, fmt.Errorf("%s: does not fit its type", path(semantic.JSONPointer))
	case err != nil:
		return r, errors.New("not a record")
	case r.Letter == "":
		return r, errors.New("letter: required: the ID of the letter that the line replaces")
	case r.Body != nil && r.Bytes != nil:
		return r, errors.New("bytes: must not stand beside a body")
	}
	return r, nil
}

// path is a JSON pointer in the form in which the contract names fields.
func path(p jsontext.Pointer) string {
	return strings.ReplaceAll(strings.TrimPrefix(string(p), "/"), "/", ".")
}

// Repaired returns the entry with what a record says in the place of its original. The error is a [*messages.Error] if
// that breaks the contract.
func (e *Entry) Repaired(r Record, l messages.Limits) (*Entry, error) {
	repaired := *e
	repaired.Letter = e.Letter.with(func(o *Original) {
		o.OrderingKey, o.Attributes, o.Data = r.User, producers(r.Attributes), r.Bytes
		if r.Body != nil {
			o.Data = r.Body
		}
	})
	c, err := repaired.Change(l)
	if err != nil {
		return nil, err
	}
	repaired.Type, repaired.Contacts = c.Type.Short(), c.Contacts()
	if repaired.State != Incomplete {
		repaired.State = Whole
	}
	return &repaired, nil
}
