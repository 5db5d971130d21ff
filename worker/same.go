package worker

import (
	_ "embed"
	"encoding/json"
	"slices"

	peopleapi "google.golang.org/api/people/v1"

	"github.com/contactrelay/contactrelay/messages"
)

// members is, for each field that a mask can name, the members of its values that a client can write; the rest the
// service adds. It is derived from the discovery document: go test -run Members -update writes it anew.
//
//go:embed members.json
var membersJSON []byte

// memberTree is the writable members of an object; a leaf has none.
type memberTree map[string]memberTree

// writableMembers is memberTree by field.
var writableMembers = func() (all map[string]memberTree) {
	if err := json.Unmarshal(membersJSON, &all); err != nil {
		panic(err) // the embedded file is broken
	}
	return all
}()

// filledIn are members that a client can write and that the service fills in where the client leaves them out, seen
// in its answers. They count only where the client gave them.
var filledIn = map[string]string{
	"names": "unstructuredName", "addresses": "formattedValue", "biographies": "contentType",
}

// valueOrder says whether the order of a field's values counts in a comparison.
type valueOrder bool

const (
	inOrder  valueOrder = true  // was it written? A change may be of the order alone
	anyOrder valueOrder = false // is there anything left to change?
)

// same reports whether the contact holds, in every field of the mask, what was wanted: of the members that a client
// can write.
func same(wanted, current *peopleapi.Person, mask string, order valueOrder) bool {
	want, have := fieldsOf(wanted), fieldsOf(current)
	for _, field := range messages.MaskFields(mask) {
		if !sameField(field, want[field], have[field], order) {
			return false
		}
	}
	return true
}

// fieldsOf is a person as JSON, by field.
func fieldsOf(p *peopleapi.Person) map[string]json.RawMessage {
	data, err := json.Marshal(p)
	if err != nil {
		return nil // a person with contradictory NullFields: nothing is like it
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(data, &fields) != nil {
		return nil
	}
	return fields
}

// sameField compares the values of a field, in their order or as a bag.
func sameField(field string, wanted, current json.RawMessage, order valueOrder) bool {
	want, have := valuesOf(wanted), valuesOf(current)
	if len(want) != len(have) {
		return false
	}
	tree := writableMembers[field]
	optional := filledIn[field]
	for _, w := range want {
		_, given := w[optional]
		written := prune(w, tree)
		i := slices.IndexFunc(have, func(h map[string]any) bool {
			found := prune(h, tree)
			if !given {
				delete(found, optional)
			}
			return equalJSON(written, found)
		})
		if i < 0 || order == inOrder && i > 0 {
			return false // the values before it have been found and taken out
		}
		have = slices.Delete(have, i, i+1)
	}
	return true
}

func valuesOf(raw json.RawMessage) (values []map[string]any) {
	if raw != nil && json.Unmarshal(raw, &values) != nil {
		return nil
	}
	return values
}

// prune is what a client can write of an object.
func prune(value map[string]any, tree memberTree) map[string]any {
	kept := map[string]any{}
	for name, below := range tree {
		v, ok := value[name]
		if object, nested := v.(map[string]any); nested {
			if v = prune(object, below); len(v.(map[string]any)) == 0 {
				ok = false
			}
		}
		if ok {
			kept[name] = v
		}
	}
	return kept
}

// equalJSON compares decoded JSON.
func equalJSON(a, b map[string]any) bool {
	if len(a) != len(b) {
		return false
	}
	for name, x := range a {
		y, ok := b[name]
		object, nested := x.(map[string]any)
		other, alike := y.(map[string]any)
		switch {
		case !ok || nested != alike:
			return false
		case nested && !equalJSON(object, other):
			return false
		case !nested && x != y:
			return false
		}
	}
	return true
}
