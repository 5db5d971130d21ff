package peoplesim

import (
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// node is a JSON value that fits the schema: a member of a message, an element of a list or of a map, or a message
// itself.
type node struct {
	field *field
	key   string // of an element of a map
	text  string // a string, the bytes of a base64 one, the name of an enum, or an integer in decimal
	yes   bool
	items []node // members in the order of the schema, or elements as they came
}

// member gives a member of a message, or nil.
func (n *node) member(name string) *node {
	if n == nil {
		return nil
	}
	for i := range n.items {
		if n.items[i].field.name == name {
			return &n.items[i]
		}
	}
	return nil
}

// string gives the text at a path of members, empty if there is none.
func (n *node) string(path ...string) string {
	for _, name := range path {
		n = n.member(name)
	}
	if n == nil {
		return ""
	}
	return n.text
}

// strings gives the texts of a list.
func (n *node) strings(name string) []string {
	list := n.member(name)
	if list == nil {
		return nil
	}
	texts := make([]string, len(list.items))
	for i := range list.items {
		texts[i] = list.items[i].text
	}
	return texts
}

// isDefault reports whether a value is what its absence means: Google's answers leave such members out.
func (n *node) isDefault() bool {
	switch {
	case n.field.repeated || n.field.keyed:
		return len(n.items) == 0
	case n.field.kind == messageKind:
		return false
	case n.field.kind == boolKind:
		return !n.yes
	case n.field.kind == int32Kind, n.field.kind == int64Kind:
		return n.text == "0"
	case n.field.kind == enumKind:
		return strings.HasSuffix(n.text, "_UNSPECIFIED")
	}
	return n.text == ""
}

// appendWritten appends the members that a client can write, without the braces: no output-only member, no metadata,
// no default, in the order of their names. Two values that mean the same are spelled the same.
func (n *node) appendWritten(b []byte) []byte {
	start := len(b)
	for i := range n.items {
		m := &n.items[i]
		if m.field.readOnly || m.field.name == "metadata" || m.isDefault() {
			continue
		}
		if len(b) > start {
			b = append(b, ',')
		}
		b = append(b, '"')
		b = append(b, m.field.name...)
		b = append(b, '"', ':')
		b = m.appendValue(b)
	}
	return b
}

// appendValue appends the value of a member that is neither a list nor a map: the fields of a person have none.
func (n *node) appendValue(b []byte) []byte {
	switch n.field.kind {
	case messageKind:
		b = append(b, '{')
		b = n.appendWritten(b)
		return append(b, '}')
	case boolKind:
		return append(b, "true"...) // false is a default
	case int32Kind:
		return append(b, n.text...)
	}
	return appendQuoted(b, n.text)
}

// appendQuoted appends a JSON string. Bytes that are no UTF-8 (only a token can have them) are replaced.
func appendQuoted(b []byte, text string) []byte {
	if isPlain(text) {
		b = append(b, '"')
		b = append(b, text...)
		return append(b, '"')
	}
	b, _ = jsontext.AppendQuote(b, text) // the error tells of the replacement
	return b
}

// isPlain reports whether a text needs no escapes. Nearly all do not, and this is the shorter way.
func isPlain(text string) bool {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// appendMember appends a member with a string for its value, and nothing if that is empty; b ends in a member or an
// opening brace.
func appendMember(b []byte, name, text string) []byte {
	if text == "" {
		return b
	}
	if len(b) > 0 && b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	b = append(b, '"')
	b = append(b, name...)
	b = append(b, '"', ':')
	return appendQuoted(b, text)
}
