package messages

import (
	"cmp"
	"slices"
	"strings"
)

// Reason is why a message cannot be decoded, in one word of the closed set of dead-letter reasons.
type Reason string

const (
	Malformed       Reason = "malformed"        // the body is not JSON that can be looked into
	UnsupportedType Reason = "unsupported_type" // ce-type is missing or none of ours
	Invalid         Reason = "invalid"          // the message breaks rules of the contract
)

// Error says why a message is not a change. Its text is made of field names, rules and counts and never contains a
// value of the message, since those are personal data.
type Error struct {
	Reason Reason
	Faults []Fault // at least one and at most 20, sorted, each once
}

// Fault is one broken rule.
type Fault struct {
	// Field is where: a path into the body such as person.names[1].givenName or contacts[people/c1].names, the name
	// of an attribute, orderingKey, or "" for the body as a whole. Names and keys that are not known are shown only
	// if they look like a name of JSON or a resource name, and as ? otherwise: they can be personal data too.
	Field string
	// Rule is what was broken: a fixed text, save for counts and settings.
	Rule string
}

// Error is the reason and the faults, such as "invalid: person.names: at most one value".
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(string(e.Reason))
	for i, f := range e.Faults {
		b.WriteString(separator(i))
		if f.Field != "" {
			b.WriteString(f.Field)
			b.WriteString(": ")
		}
		b.WriteString(f.Rule)
	}
	return b.String()
}

func separator(i int) string {
	if i == 0 {
		return ": "
	}
	return "; "
}

// Fields is the fields of the faults, sorted, each once, without the body as a whole.
func (e *Error) Fields() []string {
	var fields []string
	for _, f := range e.Faults {
		if f.Field != "" {
			fields = append(fields, f.Field)
		}
	}
	slices.Sort(fields)
	return slices.Compact(fields)
}

// maxFaults bounds an error: a hostile body can break a rule a million times, and nobody mends the 21st before the
// first.
const maxFaults = 20

// faults gathers broken rules. The first maxFaults are kept.
type faults []Fault

func (f *faults) add(field, rule string) {
	fault := Fault{Field: field, Rule: rule}
	if !f.full() && !slices.Contains(*f, fault) {
		*f = append(*f, fault)
	}
}

// full reports whether further faults would be dropped, so that the search for them can end.
func (f *faults) full() bool { return len(*f) >= maxFaults }

// err is the faults as an error of the reason, and nil if there are none.
func (f *faults) err(reason Reason) error {
	if len(*f) == 0 {
		return nil
	}
	sorted := slices.SortedFunc(slices.Values(*f), func(a, b Fault) int {
		return cmp.Or(strings.Compare(a.Field, b.Field), strings.Compare(a.Rule, b.Rule))
	})
	return &Error{Reason: reason, Faults: sorted}
}

// fail is an error of a single fault.
func fail(reason Reason, field, rule string) error {
	return &Error{Reason: reason, Faults: []Fault{{Field: field, Rule: rule}}}
}
