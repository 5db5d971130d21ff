package peoplesim

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"
)

// fieldSet is a set of a person's fields: bit i stands for the i-th name of the field table.
type fieldSet uint64

func (s fieldSet) has(i int) bool { return s>>i&1 == 1 }

// each yields the fields of the set in the order of their names.
func (s fieldSet) each(yield func(int) bool) {
	for ; s != 0; s &= s - 1 {
		if !yield(bits.TrailingZeros64(uint64(s))) {
			return
		}
	}
}

// fieldTable holds the fields that masks can name, in the order of their names.
type fieldTable struct {
	names    []string
	index    map[string]int
	readable fieldSet
	writable fieldSet
}

func newFieldTable(readable, writable []string) fieldTable {
	t := fieldTable{names: readable, index: make(map[string]int)}
	for i, name := range readable {
		t.index[name] = i
		t.readable |= 1 << i
		if slices.Contains(writable, name) {
			t.writable |= 1 << i
		}
	}
	return t
}

// set gives the set of some names, which must be of the table.
func (t *fieldTable) set(names ...string) fieldSet {
	var s fieldSet
	for _, name := range names {
		s |= 1 << t.index[name]
	}
	return s
}

// spell lists the names of a set.
func (t *fieldTable) spell(s fieldSet) []string {
	names := make([]string, 0, bits.OnesCount64(uint64(s)))
	for i := range s.each {
		names = append(names, t.names[i])
	}
	return names
}

// maskParameter is a field mask of a request: where it stands, and what it may name.
type maskParameter struct {
	name    string // as Google's error texts spell it, such as updatePersonFields
	page    string // the method's page in Google's reference
	allowed fieldSet
}

// parse reads a mask. Paths are compared as they stand: no blanks, no sub-paths, no snake case.
func (t *fieldTable) parse(p maskParameter, mask string) (fieldSet, *problem) {
	if strings.ContainsAny(mask, "\"[]{}: ") {
		at := snakeCase(p.name)
		return 0, badRequest(at, fmt.Sprintf(
			"Invalid value at '%s' (type.googleapis.com/google.protobuf.FieldMask), Field '%s', Invalid FieldMask '%s'. "+
				"Map keys should be represented as [\"some_key\"].", at, at, mask))
	}
	var s fieldSet
	for path := range strings.SplitSeq(mask, ",") {
		i, ok := t.index[path]
		if !ok || !p.allowed.has(i) {
			return 0, invalid("Invalid %s mask path: %q. Valid paths are documented at %s.", p.name, path, p.page)
		}
		s |= 1 << i
	}
	return s, nil
}

// required is parse for a mask that must not be empty.
func (t *fieldTable) required(p maskParameter, mask string) (fieldSet, *problem) {
	if mask == "" {
		return 0, invalid("%s mask is required. Please specify one or more valid paths. Valid paths are documented at %s.",
			p.name, p.page)
	}
	return t.parse(p, mask)
}

// optional is parse for a mask that may be empty: then absent is what it stands for.
func (t *fieldTable) optional(p maskParameter, mask string, absent fieldSet) (fieldSet, *problem) {
	if mask == "" {
		return absent, nil
	}
	return t.parse(p, mask)
}

// page gives the address of a method's page in Google's reference.
func page(method string) string {
	return "https://developers.google.com/people/api/rest/v1/people/" + strings.TrimPrefix(method, "people.")
}
