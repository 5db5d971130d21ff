package peoplesim

import (
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// violation is a value that does not fit its schema: where it stands, and Google's text for it.
type violation struct{ field, text string }

func (v *violation) Error() string { return v.text }

// step is a part of the place of a value: a member's name, or an index.
type step struct {
	name  string
	index int
}

// misfit is the error for a value whose JSON type is not the one wanted; it reads the value, to show it.
func (d *decoder) misfit(wanted string) error {
	raw, err := d.json.ReadValue()
	if err != nil {
		return err
	}
	return d.wrong(wanted, raw)
}

func (d *decoder) wrong(wanted string, raw jsontext.Value) error {
	at := d.place()
	return &violation{at, fmt.Sprintf("Invalid value at '%s' (%s), %s", at, wanted, shorten(raw))}
}

func (d *decoder) unknown(name string) error {
	at := d.place()
	if at == "" {
		return &violation{"", fmt.Sprintf("Invalid JSON payload received. Unknown name %q: Cannot find field.", name)}
	}
	return &violation{at, fmt.Sprintf("Invalid JSON payload received. Unknown name %q at '%s': Cannot find field.", name, at)}
}

// place spells the path as Google's texts do: person.names[0].given_name.
func (d *decoder) place() string {
	var b strings.Builder
	for i, s := range d.path {
		switch {
		case s.name == "":
			fmt.Fprintf(&b, "[%d]", s.index)
		case i > 0:
			b.WriteString("." + s.name)
		default:
			b.WriteString(s.name)
		}
	}
	return b.String()
}

// shorten keeps an error text readable: the service shows the value that it refuses, however personal.
func shorten(raw jsontext.Value) string {
	const most = 120
	if len(raw) <= most {
		return string(raw)
	}
	return strings.ToValidUTF8(string(raw[:most]), "") + "…"
}
