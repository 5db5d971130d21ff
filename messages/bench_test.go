package messages

import (
	"fmt"
	"strings"
	"testing"
)

func BenchmarkDecode(b *testing.B) {
	kilobyte := patchWith(`"names":[{"givenName":"x","familyName":"y"}],"biographies":[{"value":"`+strings.Repeat("x", 300)+`"}],`+
		`"emailAddresses":[{"type":"work","value":"first@example.com"},{"value":"second@example.com"}],`+
		`"addresses":[{"city":"x","country":"y","postalCode":"1","streetAddress":"z","type":"home"}]`,
		`"updatePersonFields":"names,biographies,emailAddresses,addresses","base":{"names":[{"givenName":"x","familyName":"z"}],`+
			`"emailAddresses":[{"type":"work","value":"first@example.com"}]}`)
	var contacts []string
	for i := range 200 {
		contacts = append(contacts, fmt.Sprintf(`"people/c%d":{"phoneNumbers":[{"value":"1"}],%s}`, i, contactSource))
	}
	cases := []struct {
		name   string
		m      Message
		limits Limits
	}{
		{"patch of 1 KB", message(Patch, kilobyte), Limits{}},
		{"batch of 200", message(Batch, batchWith(strings.Join(contacts, ","), `"updateMask":"phoneNumbers"`)), Limits{}},
		{"photo of 9.9 MB", message(Photo, photoOf("/9j/"+strings.Repeat("A", 9_900_000))), Limits{MaxPhotoBytes: 8 << 20}},
		{"photo of 9.9 MB over the limit", message(Photo, photoOf("/9j/"+strings.Repeat("A", 9_900_000))), Limits{}},
		{"100,000 deep", message(Patch, strings.Repeat(`{"person":`, 100_000)), Limits{}},
		{"9.9 MB of commas", message(Patch, patchWith(`"urls":[]`, `"updatePersonFields":"`+strings.Repeat(",", 9_900_000)+`"`)), Limits{}},
		{"9.9 MB of contacts", message(Batch, manyContacts(9_900_000)), Limits{}},
	}
	for _, bb := range cases {
		b.Run(bb.name, func(b *testing.B) {
			b.SetBytes(int64(len(bb.m.Data)))
			b.ReportAllocs()
			for b.Loop() {
				Decode(bb.m, bb.limits)
			}
		})
	}
}

func manyContacts(size int) string {
	var s strings.Builder
	s.WriteString(`{"contacts":{"people/c":{}`)
	for i := 0; s.Len() < size; i++ {
		fmt.Fprintf(&s, `,"people/c%d":{}`, i)
	}
	s.WriteString(`},"updateMask":"urls"}`)
	return s.String()
}

func BenchmarkEncode(b *testing.B) {
	c := change()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Encode(c); err != nil {
			b.Fatal(err)
		}
	}
}
