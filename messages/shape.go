package messages

import (
	"fmt"
	"reflect"
	"strings"
)

// shape is what a JSON value must look like to become a value of a Go type.
type shape struct {
	kind   kind
	fields map[string]field // of an object, by its names in JSON
	elem   *shape           // of the values of a dict, of the elements of a list
}

// field is one name of an object. Its bit tells within one object of JSON whether the name was seen.
type field struct {
	bit   uint64
	shape *shape
}

type kind int

const (
	anything kind = iota // any value but null
	object               // an object with the names of fields
	dict                 // an object with keys of the producer's
	list
	text
	boolean
	integer
)

// rule is what a value of another kind breaks.
func (k kind) rule() string {
	switch k {
	case object, dict:
		return "must be an object"
	case list:
		return "must be an array"
	case text:
		return "must be a string"
	case boolean:
		return "must be true or false"
	case integer:
		return "must be an integer of 64 bits"
	}
	return "must be a value"
}

// shapes builds the shapes of Go types, each type's once. The types must not contain themselves.
type shapes map[reflect.Type]*shape

// of is the shape of t, and panics for a type that the bodies have no use for: only a new field of the People
// client can bring one, and then every test fails.
func (s shapes) of(t reflect.Type) *shape {
	if known, ok := s[t]; ok {
		return known
	}
	sh := &shape{}
	switch t.Kind() {
	case reflect.Pointer:
		return s.of(t.Elem())
	case reflect.Struct:
		sh.kind, sh.fields = object, s.fields(t)
	case reflect.Map:
		sh.kind, sh.elem = dict, s.of(t.Elem())
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			sh.kind = anything // a value kept as JSON
			break
		}
		sh.kind, sh.elem = list, s.of(t.Elem())
	case reflect.String:
		sh.kind = text
	case reflect.Bool:
		sh.kind = boolean
	case reflect.Int64:
		sh.kind = integer
	default:
		panic(fmt.Sprintf("messages: no JSON shape for %v", t))
	}
	s[t] = sh
	return sh
}

func (s shapes) fields(t reflect.Type) map[string]field {
	fields := make(map[string]field, t.NumField())
	for f := range t.Fields() {
		if name, ok := jsonName(f); ok {
			fields[name] = field{bit: 1 << len(fields), shape: s.of(f.Type)}
		}
	}
	if len(fields) > 64 {
		panic(fmt.Sprintf("messages: %v has more names than bits", t))
	}
	return fields
}

// jsonName is f's name in JSON, which every field of the bodies has in a tag. It reports false for the fields that
// are not in the JSON: the People client's bookkeeping.
func jsonName(f reflect.StructField) (string, bool) {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name, name != "" && name != "-"
}
