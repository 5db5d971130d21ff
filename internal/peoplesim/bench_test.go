package peoplesim

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// bump sends a write that names the etags of version v of the contacts of the first generated user.
func bump(b *testing.B, s *Sim, verb, target, body string) {
	b.Helper()
	r, err := http.NewRequestWithContext(b.Context(), verb, "http://people.example.com"+target, strings.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+UserName(0))
	answer, err := s.RoundTrip(r)
	if err != nil || answer.StatusCode != http.StatusOK {
		b.Fatalf("%v, %v", answer, err)
	}
}

func filled(b *testing.B, users, contacts int) *Sim {
	b.Helper()
	s := New(Config{AuditLimit: 1000})
	if err := s.Generate(users, contacts); err != nil {
		b.Fatal(err)
	}
	return s
}

func BenchmarkUpdateContact(b *testing.B) {
	s := filled(b, 1, 1)
	name := ContactName(0, 0)
	b.ReportAllocs()
	for version := int64(FirstVersion); b.Loop(); version++ {
		bump(b, s, "PATCH", "/v1/"+name+":updateContact?updatePersonFields=names,phoneNumbers&personFields=metadata&alt=json&prettyPrint=false",
			fmt.Sprintf(`{"metadata":{"sources":[{"type":"CONTACT","etag":"%s"}]},"names":[{"givenName":"Ann","familyName":"Bee"}],`+
				`"phoneNumbers":[{"value":"+1 555 123 4567","type":"home"}]}`, SourceEtag(name, version)))
	}
}

func BenchmarkBatchOf200(b *testing.B) {
	s := filled(b, 1, batchLimit)
	b.ReportAllocs()
	for version := int64(FirstVersion); b.Loop(); version++ {
		contacts := make([]string, batchLimit)
		for k := range contacts {
			name := ContactName(0, k)
			contacts[k] = fmt.Sprintf(`"%s":{"metadata":{"sources":[{"type":"CONTACT","etag":"%s"}]},"names":[{"givenName":"Ann"}]}`, name, SourceEtag(name, version))
		}
		bump(b, s, "POST", "/v1/people:batchUpdateContacts?alt=json&prettyPrint=false",
			`{"updateMask":"names","readMask":"metadata","contacts":{`+strings.Join(contacts, ",")+`}}`)
	}
}

func BenchmarkGenerate10000(b *testing.B) {
	for b.Loop() {
		filled(b, 1000, 10)
	}
}
