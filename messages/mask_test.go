package messages

import (
	"reflect"
	"slices"
	"testing"
)

func TestMasksThatAskForTheSameHaveTheSameFields(t *testing.T) {
	cases := []struct {
		mask string
		want []string
	}{
		{"", nil},
		{"names", []string{"names"}},
		{"urls,names", []string{"names", "urls"}},
		{"names,urls,names", []string{"names", "urls"}},
	}
	for _, tt := range cases {
		if got := MaskFields(tt.mask); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("MaskFields(%q) = %v, want %v", tt.mask, got, tt.want)
		}
	}
}

func TestThereAre24WritableAnd29ReadableFields(t *testing.T) {
	w, r := WritableFields(), ReadableFields()
	if len(w) != 24 || len(r) != 29 || !slices.IsSorted(w) || !slices.IsSorted(r) {
		t.Errorf("%d writable, %d readable fields, want 24 and 29, sorted", len(w), len(r))
	}
	for _, field := range w {
		if !slices.Contains(r, field) {
			t.Errorf("%s can be written and not read", field)
		}
	}
	person := bodyShapes[Patch].fields["person"].shape
	for _, field := range r {
		if _, ok := person.fields[field]; !ok {
			t.Errorf("%s is no field of a Person", field)
		}
	}
}

func TestTheListsOfFieldsAreCopies(t *testing.T) {
	WritableFields()[0], ReadableFields()[0] = "x", "x"
	if WritableFields()[0] != "addresses" || ReadableFields()[0] != "addresses" {
		t.Error("a caller changed the list of fields")
	}
}
