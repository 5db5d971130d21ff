package messages

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// schemaError is what the schema of typ has against a body, which must be JSON.
func schemaError(t *testing.T, typ Type, body string) error {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return compiled(t, typ).Validate(value)
}

func compiled(t *testing.T, typ Type) *jsonschema.Schema {
	t.Helper()
	return compiledDoc(t, schemaDoc(t, Schema(typ)))
}

func compiledDoc(t *testing.T, doc map[string]any) *jsonschema.Schema {
	t.Helper()
	id := doc["$id"].(string)
	c := jsonschema.NewCompiler()
	if err := c.AddResource(id, doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile(id)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func schemaDoc(t *testing.T, schema []byte) map[string]any {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema))
	if err != nil {
		t.Fatal(err)
	}
	return doc.(map[string]any)
}

func TestThereIsNoSchemaOfAnUnknownType(t *testing.T) {
	for _, typ := range []Type{"", "patch", "../x"} {
		if got := Schema(typ); got != nil {
			t.Errorf("Schema(%q) = %d bytes, want none", typ, len(got))
		}
	}
}

func TestEveryExamplePassesItsSchema(t *testing.T) {
	for _, ex := range examples(t) {
		if err := schemaError(t, ex.typ, string(ex.body)); err != nil {
			t.Errorf("%s: %v", ex.name, err)
		}
	}
}

func TestTheSchemaRefusesWhatDecodeRefuses(t *testing.T) {
	schemas := map[Type]*jsonschema.Schema{Patch: compiled(t, Patch), Photo: compiled(t, Photo), Batch: compiled(t, Batch)}
	for _, tt := range append(brokenRules(), brokenPhotos()...) {
		t.Run(tt.name, func(t *testing.T) {
			value, err := jsonschema.UnmarshalJSON(strings.NewReader(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			err = schemas[tt.typ].Validate(value)
			if refused := err != nil; refused == tt.beyondSchema {
				t.Errorf("refused: %v, want %v (%v)", refused, !tt.beyondSchema, err)
			}
		})
	}
}

func TestTheSchemaRefusesOtherTypesNullAndUnknownNamesEverywhere(t *testing.T) {
	for _, ex := range examples(t) {
		schema := compiled(t, ex.typ)
		refused := 0
		for _, v := range variants(t, ex.body, []any{nil, []any{[]any{}}, map[string]any{"unknown": 1.5}}) {
			_, decodeErr := Decode(message(ex.typ, v), Limits{})
			value, err := jsonschema.UnmarshalJSON(strings.NewReader(v))
			if err != nil {
				t.Fatal(err)
			}
			if schemaErr := schema.Validate(value); (schemaErr == nil) != (decodeErr == nil) {
				t.Errorf("%s: Decode says %v, the schema %v, of\n%s", ex.name, decodeErr, schemaErr, v)
			}
			if decodeErr != nil {
				refused++
			}
		}
		if refused < 6 {
			t.Errorf("%s: only %d variants were refused", ex.name, refused)
		}
	}
}

func TestTheSchemasHaveTheNamesAndTypesOfTheGoTypes(t *testing.T) {
	for typ, body := range map[Type]reflect.Type{
		Patch: reflect.TypeFor[PatchBody](), Photo: reflect.TypeFor[PhotoBody](), Batch: reflect.TypeFor[BatchBody](),
	} {
		doc := schemaDoc(t, Schema(typ))
		s := comparison{t: t, defs: doc["$defs"].(map[string]any), seen: map[reflect.Type]bool{}}
		s.compare(typ.Short(), doc, body)
		if typ != Photo && len(s.seen) != 43 {
			t.Errorf("%s: %d structs compared, want the body and the 42 of a Person", typ, len(s.seen))
		}
	}
}

// comparison walks a schema and a Go type side by side.
type comparison struct {
	t    *testing.T
	defs map[string]any
	seen map[reflect.Type]bool
}

func (s *comparison) compare(at string, schema map[string]any, goType reflect.Type) {
	if ref, ok := schema["$ref"].(string); ok {
		def, ok := s.defs[strings.TrimPrefix(ref, "#/$defs/")].(map[string]any)
		if !ok {
			s.t.Errorf("%s: %s leads nowhere", at, ref)
			return
		}
		s.compare(at, def, goType)
		return
	}
	want := map[reflect.Kind]string{
		reflect.Struct: "object", reflect.Map: "object", reflect.Slice: "array",
		reflect.String: "string", reflect.Bool: "boolean", reflect.Int64: "integer",
	}
	if goType.Kind() == reflect.Pointer {
		goType = goType.Elem()
	}
	if schema["type"] != want[goType.Kind()] {
		s.t.Errorf("%s: type %v in the schema, %v in Go", at, schema["type"], goType)
		return
	}
	switch goType.Kind() {
	case reflect.Struct:
		s.compareStruct(at, schema, goType)
	case reflect.Map:
		s.compare(at+"[]", schema["additionalProperties"].(map[string]any), goType.Elem())
	case reflect.Slice:
		s.compare(at+"[]", schema["items"].(map[string]any), goType.Elem())
	}
}

func (s *comparison) compareStruct(at string, schema map[string]any, goType reflect.Type) {
	if s.seen[goType] {
		return
	}
	s.seen[goType] = true
	if schema["additionalProperties"] != false {
		s.t.Errorf("%s: additional properties are allowed", at)
	}
	properties := schema["properties"].(map[string]any)
	inGo := map[string]bool{}
	for f := range goType.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" {
			continue
		}
		inGo[name] = true
		property, ok := properties[name].(map[string]any)
		if !ok {
			s.t.Errorf("%s.%s is in %v and not in the schema", at, name, goType)
			continue
		}
		s.compare(at+"."+name, property, f.Type)
	}
	for name := range properties {
		if !inGo[name] {
			s.t.Errorf("%s.%s is in the schema and not in %v", at, name, goType)
		}
	}
}
