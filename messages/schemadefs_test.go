package messages

import (
	"flag"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	people "google.golang.org/api/people/v1"
)

var update = flag.Bool("update", false, "write the $defs of schema/*.schema.json")

// The $defs of the schemas are derived from the Go types and tables, the rest is written by hand. After an update
// of the People client: go test ./messages -run Schema -update.
func TestSchemaDefsAreThoseOfTheGoTypes(t *testing.T) {
	all := map[string]map[string]any{"outcome": outcomeDefs()}
	for _, typ := range []Type{Patch, Photo, Batch} {
		all[typ.Short()] = defsOf(typ)
	}
	for name, defs := range all {
		file := "schema/" + name + ".schema.json"
		got, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		want := withDefs(t, got, defs)
		if *update {
			if err := os.WriteFile(file, want, 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if string(got) != string(want) {
			t.Errorf("%s is stale: run go test ./messages -run Schema -update", file)
		}
	}
}

// withDefs is a schema with other $defs, indented, its names in the order in which they stand there.
func withDefs(t *testing.T, schema []byte, defs map[string]any) []byte {
	t.Helper()
	raw, err := json.Marshal(defs, json.Deterministic(true))
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	enc := jsontext.NewEncoder(&out, jsontext.WithIndent("  "))
	dec := jsontext.NewDecoder(strings.NewReader(string(schema)))
	write := func(v jsontext.Value) {
		if err := enc.WriteValue(v); err != nil {
			t.Fatal(err)
		}
	}
	read := func() jsontext.Value {
		v, err := dec.ReadValue()
		if err != nil {
			t.Fatal(err)
		}
		return v.Clone()
	}
	if _, err := dec.ReadToken(); err != nil {
		t.Fatal(err)
	}
	if err := enc.WriteToken(jsontext.BeginObject); err != nil {
		t.Fatal(err)
	}
	for dec.PeekKind() == jsontext.KindString {
		name, value := read(), read()
		if string(name) == `"$defs"` {
			value = raw
		}
		write(name)
		write(value)
	}
	if err := enc.WriteToken(jsontext.EndObject); err != nil {
		t.Fatal(err)
	}
	return []byte(out.String())
}

type node = map[string]any

func defsOf(typ Type) map[string]any {
	defs := map[string]any{
		"resourceName": node{"type": "string", "pattern": `^people/[!-.0-~]+$`},
		"readMask":     node{"type": "string", "pattern": "^(" + maskPattern(readable) + ")?$"},
		"readSources":  node{"type": "array", "items": node{"type": "string", "enum": readSources}},
	}
	if typ == Photo {
		return defs
	}
	defs["writeMask"] = node{"type": "string", "pattern": "^" + maskPattern(writable) + "$"}
	defs["guarded"] = guarded()
	defs["inGroup"] = inGroup()
	addType(defs, reflect.TypeFor[people.Person]())
	return defs
}

func outcomeDefs() map[string]any {
	defs := map[string]any{
		"result": node{"type": "string", "enum": []Result{Applied, AlreadyApplied, Superseded, DeadLettered}},
		"reason": node{"type": "string", "pattern": "^[a-z_]+$"}, // the set is that of dead letters, which this package does not know
	}
	addType(defs, reflect.TypeFor[people.Person]())
	return defs
}

func maskPattern(fields []string) string {
	one := "(" + strings.Join(fields, "|") + ")"
	return one + "(," + one + ")*"
}

// guarded is a person that names the state in which the contact must be.
func guarded() node {
	sourceWith := func(names ...string) node {
		return node{"properties": node{"metadata": node{
			"required": []string{"sources"},
			"properties": node{"sources": node{"contains": node{
				"required":   append([]string{"type"}, names...),
				"properties": node{"type": node{"const": "CONTACT"}, "etag": node{"minLength": len(names)}},
			}}},
		}}}
	}
	return node{
		"required": []string{"metadata"},
		"allOf":    []node{sourceWith()},
		"anyOf": []node{
			{"required": []string{"etag"}, "properties": node{"etag": node{"minLength": 1}}},
			sourceWith("etag"),
		},
	}
}

// inGroup is a person that stays in a group.
func inGroup() node {
	return node{
		"required": []string{"memberships"},
		"properties": node{"memberships": node{"contains": node{
			"required": []string{"contactGroupMembership"},
			"properties": node{"contactGroupMembership": node{
				"required":   []string{"contactGroupResourceName"},
				"properties": node{"contactGroupResourceName": node{"minLength": 1}},
			}},
		}}},
	}
}

// addType adds a struct of the People client and all that it is made of, and returns the reference to it.
func addType(defs map[string]any, t reflect.Type) node {
	ref := node{"$ref": "#/$defs/" + t.Name()}
	if _, ok := defs[t.Name()]; ok {
		return ref
	}
	properties := node{}
	defs[t.Name()] = node{"type": "object", "additionalProperties": false, "properties": properties}
	for f := range t.Fields() {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "-" {
			properties[name] = addValue(defs, f.Type)
		}
	}
	return ref
}

func addValue(defs map[string]any, t reflect.Type) node {
	switch t.Kind() {
	case reflect.Pointer:
		return addType(defs, t.Elem())
	case reflect.Slice:
		return node{"type": "array", "items": addValue(defs, t.Elem())}
	case reflect.String:
		return node{"type": "string"}
	case reflect.Bool:
		return node{"type": "boolean"}
	case reflect.Int64:
		return node{"type": "integer", "minimum": int64(-1 << 63), "maximum": int64(1<<63 - 1)}
	}
	panic("no schema for " + t.String())
}
