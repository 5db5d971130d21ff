package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/contactrelay/contactrelay/deadletter"
)

// effectColours are the colours of what a replay would do.
var effectColours = map[deadletter.Effect]string{
	deadletter.NoOp: blue, deadletter.Clean: green, deadletter.Merge: green, deadletter.Unread: yellow,
	deadletter.Gone: red, deadletter.Conflict: red, deadletter.StillInvalid: red,
}

// paints colours text for a terminal.
type paints bool

func (p paints) paint(colour, text string) string {
	if !p {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

// sideBySide shows field by field what a change wants of a contact, what it was based on, and what the contact holds.
func sideBySide(t terminal, prospect deadletter.Prospect) {
	p := paints(coloured(t.out))
	fmt.Fprintf(t.out, "\n%s  %s\n", orNone(prospect.Contact), p.paint(effectColours[prospect.Effect], string(prospect.Effect)))
	for _, f := range prospect.Fields {
		fmt.Fprintf(t.out, "  %s  %s\n", f.Field, finding(p, f.Finding))
		if f.Field == "photos" {
			fmt.Fprintf(t.out, "    photos are not compared\n")
			continue
		}
		base := "(not said)"
		if f.HasBase {
			base = value(f.Base)
		}
		fmt.Fprintf(t.out, "    wanted  %s\n    base    %s\n    now     %s\n", value(f.Wanted), base, value(f.Now))
	}
}

// difference shows what a write would change: what the contact holds, and what it would.
func difference(t terminal, prospect deadletter.Prospect) {
	p := paints(coloured(t.out))
	for _, f := range prospect.Fields {
		if f.Finding == deadletter.Equal || f.Finding == deadletter.Superseded {
			continue
		}
		fmt.Fprintf(t.out, "    %s %s: %s\n", orNone(prospect.Contact), f.Field, finding(p, f.Finding))
		if f.Field == "photos" {
			continue // they are not compared
		}
		fmt.Fprintf(t.out, "      %s\n      %s\n", p.paint(red, "- "+value(f.Now)), p.paint(green, "+ "+value(f.Wanted)))
	}
}

// finding is what was found of a field, as people read it.
func finding(p paints, f deadletter.Finding) string {
	switch f {
	case deadletter.Free:
		return p.paint(green, "free to merge")
	case deadletter.Touched:
		return p.paint(red, "conflict")
	}
	return p.paint(blue, string(f))
}

// value is a field's values on a line, as a terminal may show them.
func value(raw json.RawMessage) string {
	if len(raw) == 0 {
		return "(empty)"
	}
	return orNone(string(raw))
}

// longestValue is how many bytes of a value in a body are shown: a photo is one.
const longestValue = 400

// pretty is a body over several lines, as a terminal may show it: in its own order, with the names that stand twice and
// every digit of its numbers, but without the rest of very long values. What is no JSON stays as it is.
func pretty(body []byte) string {
	var text bytes.Buffer
	isJSON := json.Indent(&text, body, "", "  ") == nil
	if !isJSON {
		text.Reset()
		text.Write(body)
	}
	lines := strings.Split(text.String(), "\n")
	for i, line := range lines {
		switch {
		case isJSON && len(line) > longestValue:
			lines[i] = fmt.Sprintf("%s… (%d bytes)", orNone(strings.ToValidUTF8(line[:longestValue/5], "")), len(line))
		case line != "":
			lines[i] = orNone(line)
		}
	}
	return strings.Join(lines, "\n")
}
