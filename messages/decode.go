package messages

import (
	"reflect"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Decode reads a message strictly and checks it against every rule of the contract.
//
// The error is always an [*Error]. Of several things wrong, the first of these decides, and all faults of its kind
// are told together: the type, which says how to read the rest (unsupported_type); the user and the attributes
// (invalid); the body's text (malformed); its names and types of values (invalid); the rules about values (invalid).
//
// The change shares no memory with m.
func Decode(m Message, l Limits) (*Change, error) {
	c, body := newChange(m)
	if body == nil {
		return nil, unsupported(m)
	}

	var f faults
	c.Replay = m.checkAttributes(&f)
	if err := f.err(Invalid); err != nil {
		return nil, err
	}
	if err := unmarshal(m.Data, body, bodyShapes[c.Type], maxDepth); err != nil {
		return nil, err
	}
	body.check(&f, l)
	if err := f.err(Invalid); err != nil {
		return nil, err
	}
	return c, nil
}

// Reread is Decode for a message that Decode has taken before, for who keeps the message alone until its change is needed. It
// looks for no fault again, and takes a third of the time; of another message it may make a change that breaks every rule.
// The change shares no memory with m.
func Reread(m Message) (*Change, error) {
	c, body := newChange(m)
	if body == nil {
		return nil, unsupported(m)
	}
	if err := fill(m.Data, body); err != nil {
		return nil, err
	}
	c.Replay = m.replay(&faults{})
	return c, nil
}

// newChange is what the attributes say of a change, and its empty body; nil if there is no such type.
func newChange(m Message) (*Change, body) {
	c := &Change{
		Type:   Type(m.Attributes[AttrType]),
		User:   m.OrderingKey,
		ID:     m.Attributes[AttrID],
		Source: m.Attributes[AttrSource],
	}
	return c, c.newBody()
}

func unsupported(m Message) error {
	if _, ok := m.Attributes[AttrType]; !ok {
		return fail(UnsupportedType, AttrType, ruleRequired)
	}
	return fail(UnsupportedType, AttrType, "must be "+string(Patch)+", "+string(Photo)+" or "+string(Batch))
}

// bodyShapes is what the bodies must look like. They share the shape of a Person.
var bodyShapes = func(s shapes) map[Type]*shape {
	return map[Type]*shape{
		Patch: s.of(reflect.TypeFor[PatchBody]()),
		Photo: s.of(reflect.TypeFor[PhotoBody]()),
		Batch: s.of(reflect.TypeFor[BatchBody]()),
	}
}(make(shapes))

// unmarshal reads data into v, a pointer to what sh is the shape of. Names that data lacks keep their value in v.
func unmarshal(data []byte, v any, sh *shape, maxDepth int) error {
	if err := scanText(data, sh, maxDepth); err != nil {
		return err
	}
	return fill(data, v)
}

// fill is the second pass of unmarshal.
func fill(data []byte, v any) error {
	// The scan has refused doubled names where v has names, and a value kept as JSON is scanned on its own.
	err := json.Unmarshal(data, v, json.RejectUnknownMembers(true), jsontext.AllowDuplicateNames(true))
	if err != nil {
		return fail(Invalid, "", "does not fit its type") // the scan has left nothing that leads here
	}
	return nil
}
