package peoplesim

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// decoder reads JSON that must fit a schema. Beyond what Google's front end refuses it refuses what the discovery
// document does not describe: snake case names, doubled names, numbers as strings, a value where a list belongs.
type decoder struct {
	json *jsontext.Decoder
	path []step
}

// decode reads a body, which is the message s; root is where Google's error texts place it. An empty body is an empty
// message.
func decode(body []byte, root string, s *schema) (node, *problem) {
	message := node{field: &field{kind: messageKind, message: s}}
	if len(bytes.TrimSpace(body)) == 0 {
		return message, nil
	}
	d := decoder{json: jsontext.NewDecoder(bytes.NewBuffer(body))}
	if root != "" {
		d.path = append(d.path, step{name: root})
	}
	err := d.members(&message, s)
	if err == nil {
		err = d.end()
	}
	if v, ok := errors.AsType[*violation](err); ok {
		return node{}, badRequest(v.field, v.text)
	}
	if err != nil {
		return node{}, badRequest("", syntaxText(body, int(d.json.InputOffset())))
	}
	return message, nil
}

// syntaxText is Google's text for a body that is not JSON: it shows the place.
func syntaxText(body []byte, at int) string {
	const around = 20
	from, to := max(0, at-around), min(len(body), at+around)
	line := strings.ToValidUTF8(string(bytes.ReplaceAll(body[from:to], []byte("\n"), []byte(" "))), "?")
	return fmt.Sprintf("Invalid JSON payload received. Unexpected token.\n%s\n%*s", line, at-from+1, "^")
}

// end reports an error unless nothing follows.
func (d *decoder) end() error {
	if _, err := d.json.ReadToken(); err == io.EOF {
		return nil
	}
	return errors.New("data after the JSON value")
}

// members reads a message into n.
func (d *decoder) members(n *node, s *schema) error {
	if d.json.PeekKind() != '{' {
		return d.misfit("type.googleapis.com/google.people.v1." + s.name)
	}
	if _, err := d.json.ReadToken(); err != nil {
		return err
	}
	const usual = 4 // members of a message
	n.items = make([]node, 0, usual)
	for d.json.PeekKind() != '}' {
		name, err := d.json.ReadToken()
		if err != nil {
			return err
		}
		f := s.fields[name.String()]
		if f == nil {
			return d.unknown(name.String())
		}
		if d.json.PeekKind() == 'n' { // null means absent
			if err := d.json.SkipValue(); err != nil {
				return err
			}
			continue
		}
		d.path = append(d.path, step{name: f.snake})
		m := node{field: f}
		if err := d.value(&m); err != nil {
			return err
		}
		d.path = d.path[:len(d.path)-1]
		n.items = append(n.items, m)
	}
	slices.SortFunc(n.items, func(a, b node) int { return a.field.order - b.field.order })
	_, err := d.json.ReadToken()
	return err
}

// value reads the value of a member.
func (d *decoder) value(n *node) error {
	switch {
	case n.field.keyed:
		return d.entries(n)
	case n.field.repeated:
		return d.elements(n)
	case n.field.kind == messageKind:
		return d.members(n, n.field.message)
	}
	return d.scalar(n)
}

func (d *decoder) elements(n *node) error {
	if d.json.PeekKind() != '[' {
		return d.misfit(n.field.typeName)
	}
	if _, err := d.json.ReadToken(); err != nil {
		return err
	}
	for d.json.PeekKind() != ']' {
		d.path = append(d.path, step{index: len(n.items)})
		e := node{field: n.field.element}
		if err := d.value(&e); err != nil {
			return err
		}
		d.path = d.path[:len(d.path)-1]
		n.items = append(n.items, e)
	}
	_, err := d.json.ReadToken()
	return err
}

// entries reads a map of messages; its elements keep the order in which they came.
func (d *decoder) entries(n *node) error {
	if d.json.PeekKind() != '{' {
		return d.misfit(n.field.typeName)
	}
	if _, err := d.json.ReadToken(); err != nil {
		return err
	}
	for d.json.PeekKind() != '}' {
		key, err := d.json.ReadToken()
		if err != nil {
			return err
		}
		e := node{field: n.field, key: key.String()}
		d.path = append(d.path, step{index: len(n.items)}, step{name: "value"})
		if err := d.members(&e, n.field.message); err != nil {
			return err
		}
		d.path = d.path[:len(d.path)-2]
		n.items = append(n.items, e)
	}
	_, err := d.json.ReadToken()
	return err
}
