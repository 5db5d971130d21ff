package peoplesim

import (
	"bytes"
	"strings"
)

// value is one value of a field as the service keeps it.
type value struct {
	written []byte // the members a client can write, without braces
	answer  []byte // those of an answer: written, which it shares, and what the service adds
	primary bool   // the client marked it as the primary one of its source
}

// newValue normalises a value of a request. With outputOnly the service adds output-only members alone. The scratch is
// used and not kept: a simulator holds values by the million, so each has no byte too many.
func newValue(scratch []byte, field string, n *node, outputOnly bool) value {
	b := n.appendWritten(scratch[:0])
	split := len(b)
	if field != "memberships" {
		b = appendAdded(b, field, n, outputOnly)
	}
	b = bytes.Clone(b)
	v := value{written: b[:split:split], answer: b}
	if primary := n.member("metadata").member("sourcePrimary"); primary != nil {
		v.primary = primary.yes
	}
	if field == "memberships" {
		v.answer = membershipAnswer(n)
	}
	return v
}

// membershipAnswer adds the group's ID, which stands inside the one member a membership has.
func membershipAnswer(n *node) []byte {
	group := n.string("contactGroupMembership", "contactGroupResourceName")
	id := group[strings.LastIndexByte(group, '/')+1:]
	b := []byte(`"contactGroupMembership":{`)
	b = appendMember(b, "contactGroupId", id)
	b = appendMember(b, "contactGroupResourceName", group)
	return append(b, '}')
}

// fieldValues are the values of one field.
type fieldValues struct {
	field  uint8 // in the field table
	values []value
}

// contents are the values of a person; fields without a value are not there. They are never changed once made, and may
// be shared.
type contents []fieldValues

// of gives the values of a field.
func (c contents) of(field int) []value {
	for _, f := range c {
		if int(f.field) == field {
			return f.values
		}
	}
	return nil
}

// replaced gives the contents after the fields of a mask were replaced by with, which has no others: what it lacks is
// cleared.
func (c contents) replaced(mask fieldSet, with contents) contents {
	kept := make(contents, 0, len(c)+len(with))
	for _, f := range c {
		if !mask.has(int(f.field)) {
			kept = append(kept, f)
		}
	}
	return append(kept, with...)
}

// contents gives what a person has in the fields of a set, of its own (contact) or of its profile.
func (p *person) contents(t *fieldTable, set fieldSet, contact, outputOnly bool) contents {
	var c contents
	scratch := make([]byte, 0, 256) // bytes: few values need more
	for i := range set.each {
		nodes := p.values(t.names[i], contact)
		if len(nodes) == 0 {
			continue
		}
		values := make([]value, 0, len(nodes))
		for _, n := range nodes {
			if t.names[i] == "memberships" && !inGroup(n) {
				continue // "Only contact group memberships can be modified"
			}
			values = append(values, newValue(scratch, t.names[i], n, outputOnly))
		}
		c = append(c, fieldValues{uint8(i), values})
	}
	return c
}

// appendWritten appends the fields of a set as a client would write them: an object with each field of the set in it,
// empty lists too.
func (c contents) appendWritten(b []byte, t *fieldTable, set fieldSet) []byte {
	b = append(b, '{')
	for i := range set.each {
		if b[len(b)-1] != '{' {
			b = append(b, ',')
		}
		b = append(b, '"')
		b = append(b, t.names[i]...)
		b = append(b, `":[`...)
		for k, v := range c.of(i) {
			if k > 0 {
				b = append(b, ',')
			}
			b = append(b, '{')
			b = append(b, v.written...)
			b = append(b, '}')
		}
		b = append(b, ']')
	}
	return append(b, '}')
}

// fields gives the set of fields that have a value.
func (c contents) fields() fieldSet {
	var s fieldSet
	for _, f := range c {
		s |= 1 << f.field
	}
	return s
}
