package worker

import (
	"crypto/sha256"
	_ "embed"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	peopleapi "google.golang.org/api/people/v1"
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

// valuesIn is the fields of a person that are not empty, as JSON. Those that no mask of a patch can name are left out.
func valuesIn(p *peopleapi.Person) values {
	fields, person := values{}, reflect.ValueOf(p).Elem()
	for field, i := range personFields {
		if list := person.Field(i); list.Len() > 0 {
			data, err := json.Marshal(list.Interface())
			if err != nil {
				panic(err) // it was JSON before
			}
			fields[field] = data
		}
	}
	return fields
}

// personFields is where the fields of writableMembers are in a person.
var personFields = func() map[string]int {
	all, person := map[string]int{}, reflect.TypeFor[peopleapi.Person]()
	for i := range person.NumField() {
		name, _, _ := strings.Cut(person.Field(i).Tag.Get("json"), ",")
		if _, ok := writableMembers[name]; ok {
			all[name] = i
		}
	}
	return all
}()

// sameField compares the values of a field, of the members that a client can write, in their order or as a bag.
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

// same reports whether the contact holds what is wanted in all of these fields.
func same(fields []string, wanted, current values, order valueOrder) bool {
	for _, field := range fields {
		if !sameField(field, wanted[field], current[field], order) {
			return false
		}
	}
	return true
}

// print stands for the values of a field in little room. Two are compared by it in whatever order they are.
type print struct {
	sum    [8]byte
	filled bool // with the member that the service fills in where it is not given
}

// fieldPrint is the print of a field.
type fieldPrint struct {
	field string
	print print
}

// printsOf is the prints of fields, with and without the members that the service fills in.
func printsOf(fields []string, shown values) map[fieldPrint]bool {
	all := make(map[fieldPrint]bool, 2*len(fields))
	for _, field := range fields {
		all[fieldPrint{field, printOf(field, shown[field], true)}] = true
		all[fieldPrint{field, printOf(field, shown[field], false)}] = true
	}
	return all
}

// printOf is the print of a field's values, with or without the member that the service fills in.
func printOf(field string, raw json.RawMessage, filled bool) print {
	return printValues(field, valuesOf(raw), filled)
}

func printValues(field string, values []map[string]any, filled bool) print {
	tree, without := writableMembers[field], filledIn[field]
	if filled {
		without = ""
	}
	var all []string
	for _, value := range values {
		all = append(all, string(appendWritable(nil, value, tree, without)))
	}
	slices.Sort(all)
	p := printText(strings.Join(all, "\n"))
	p.filled = filled
	return p
}

// appendWritable appends what a client can write of an object, without one member: two objects have the same text if and
// only if prune makes the same of them. It is what a print of every change costs, and so makes neither maps nor JSON.
func appendWritable(b []byte, value map[string]any, tree memberTree, without string) []byte {
	names := make([]string, 0, len(value))
	for name := range value {
		if _, writable := tree[name]; writable && name != without {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	b = append(b, '{')
	for _, name := range names {
		before := len(b)
		b = append(strconv.AppendQuote(b, name), ':')
		switch v := value[name].(type) {
		case string:
			b = strconv.AppendQuote(b, v)
		case map[string]any:
			inner := len(b)
			if b = appendWritable(b, v, tree[name], ""); len(b) == inner+len("{}") {
				b = b[:before]
			}
		default:
			b = fmt.Append(b, v) // a number, true, false or nothing; no field has lists in its values
		}
	}
	return append(b, '}')
}

// printText is the print of a text.
func printText(text string) print {
	sum := sha256.Sum256([]byte(text))
	return print{sum: [8]byte(sum[:8])}
}

// printWanted is the print of what a change wants of a field.
func printWanted(field string, raw json.RawMessage) print {
	optional := filledIn[field]
	all := valuesOf(raw)
	filled := optional != "" && len(all) > 0
	for _, value := range all {
		_, given := value[optional]
		filled = filled && given
	}
	return printValues(field, all, filled)
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
