package peoplesim

import (
	"maps"
	"slices"
	"strings"
	"unicode"
)

// kind is the JSON type of a member, with its format.
type kind int

const (
	stringKind kind = iota
	timeKind        // a string that is an RFC 3339 time
	bytesKind       // a string that is base64
	enumKind
	boolKind
	int32Kind
	int64Kind
	messageKind
	anyKind // in answers only
)

// schema is a message of the discovery document.
type schema struct {
	name   string
	fields map[string]*field
}

// field is a member of a message.
type field struct {
	name     string
	snake    string // the name in Google's error texts
	typeName string // the type in Google's error texts
	order    int    // among the members of its message
	kind     kind
	enum     []string
	message  *schema // of a message
	repeated bool    // a list of kind
	element  *field  // of a list: what its elements are
	keyed    bool    // a map to kind
	readOnly bool    // "Output only": ignored when a client sends it
}

// schemaJSON is a schema, or a member of one, as the discovery document spells it.
type schemaJSON struct {
	Ref        string                `json:"$ref"`
	Type       string                `json:"type"`
	Format     string                `json:"format"`
	Enum       []string              `json:"enum"`
	ReadOnly   bool                  `json:"readOnly"`
	Items      *schemaJSON           `json:"items"`
	Additional *schemaJSON           `json:"additionalProperties"`
	Properties map[string]schemaJSON `json:"properties"`
}

// compileSchema builds the named message and what it refers to; done holds those that are built already.
func compileSchema(name string, source map[string]schemaJSON, done map[string]*schema) *schema {
	if s, ok := done[name]; ok {
		return s
	}
	s := &schema{name: name, fields: make(map[string]*field)}
	done[name] = s
	for i, member := range slices.Sorted(maps.Keys(source[name].Properties)) {
		j := source[name].Properties[member]
		f := &field{name: member, snake: snakeCase(member), order: i, readOnly: j.ReadOnly}
		switch {
		case j.Items != nil:
			f.repeated, j = true, *j.Items
		case j.Additional != nil:
			f.keyed, j = true, *j.Additional
		}
		if j.Ref != "" {
			f.message = compileSchema(j.Ref, source, done)
		}
		f.kind, f.enum = j.kind(), j.Enum
		f.typeName = f.spell(s)
		if f.repeated {
			element := *f
			element.repeated = false
			f.element = &element
		}
		s.fields[member] = f
	}
	return s
}

func (j schemaJSON) kind() kind {
	switch {
	case j.Ref != "":
		return messageKind
	case j.Enum != nil:
		return enumKind
	case j.Type == "boolean":
		return boolKind
	case j.Type == "integer" && j.Format == "int32":
		return int32Kind
	case j.Format == "int64":
		return int64Kind
	case j.Format == "byte":
		return bytesKind
	case j.Format == "google-datetime":
		return timeKind
	case j.Type == "string":
		return stringKind
	case j.Type == "object":
		return anyKind
	}
	panic("peoplesim: the discovery document has a member of unknown type " + j.Type + " " + j.Format)
}

// spell gives the type as Google's front end writes it in "Invalid value at 'x' (TYPE_STRING), 1".
func (f *field) spell(owner *schema) string {
	const people = "type.googleapis.com/google.people.v1."
	switch f.kind {
	case messageKind:
		return people + f.message.name
	case enumKind:
		if f.name == "sources" {
			return people + "ReadSourceType"
		}
		return people + owner.name + "." + strings.ToUpper(f.name[:1]) + f.name[1:]
	case boolKind:
		return "TYPE_BOOL"
	case int32Kind:
		return "TYPE_INT32"
	case int64Kind:
		return "TYPE_INT64"
	case bytesKind:
		return "TYPE_BYTES"
	case timeKind:
		return "type.googleapis.com/google.protobuf.Timestamp"
	}
	return "TYPE_STRING"
}

func snakeCase(name string) string {
	var b strings.Builder
	for _, r := range name {
		if unicode.IsUpper(r) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
