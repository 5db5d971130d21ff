package peoplesim

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheDiscoveryDocumentIsTheOneOfTheGoClient(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "google.golang.org/api").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	theirs, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(out)), "people", "v1", "people-api.json"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(discoveryJSON, theirs) {
		t.Errorf("people-api.json has %d bytes and the client's %d: copy it anew", len(discoveryJSON), len(theirs))
	}
}

func TestTheMasksAreThoseOfTheReference(t *testing.T) {
	f := loadDiscovery().fields
	const writable = "addresses biographies birthdays calendarUrls clientData emailAddresses events externalIds genders imClients " +
		"interests locales locations memberships miscKeywords names nicknames occupations organizations phoneNumbers relations " +
		"sipAddresses urls userDefined"
	if got := strings.Join(f.spell(f.writable), " "); got != writable {
		t.Errorf("writable fields are %s, want %s", got, writable)
	}
	if got, want := strings.Join(f.spell(f.readable&^f.writable), " "), "ageRanges coverPhotos metadata photos skills"; got != want {
		t.Errorf("fields that can only be read are %s, want %s", got, want)
	}
}

func TestPathsLeadToTheirMethods(t *testing.T) {
	for _, c := range []struct{ verb, path, method, resource string }{
		{"GET", "/v1/people/c1", Get, "people/c1"},
		{"GET", "/v1/people/me", Get, "people/me"},
		{"GET", "/v1/people:batchGet", BatchGet, ""},
		{"PATCH", "/v1/people/c1:updateContact", UpdateContact, "people/c1"},
		{"PATCH", "/v1/people/c1:updateContactPhoto", UpdateContactPhoto, "people/c1"},
		{"POST", "/v1/people:batchUpdateContacts", BatchUpdateContacts, ""},
		{"POST", "/v1/people/c1:updateContact", "", ""},
		{"PUT", "/v1/people/c1:updateContact", "", ""},
		{"PATCH", "/v1/people/c1", "", ""},
		{"PATCH", "/v1/people/:updateContact", "", ""},
		{"PATCH", "/v1/people/c1/x:updateContact", "", ""},
		{"PATCH", "/v1/people/c1:updateContacts", "", ""},
		{"GET", "/v1/people/c1:updateContact", "", ""},
		{"GET", "/v1/people/c1/connections", "", ""},
		{"GET", "/v1/people/", "", ""},
		{"GET", "/v2/people/c1", "", ""},
		{"GET", "/", "", ""},
		{"GET", "", "", ""},
	} {
		var method, resource string
		for _, m := range loadDiscovery().methods {
			if r, ok := m.match(c.verb, c.path); ok {
				method, resource = m.name, r
			}
		}
		if method != c.method || resource != c.resource {
			t.Errorf("%s %s is %q of %q, want %q of %q", c.verb, c.path, method, resource, c.method, c.resource)
		}
	}
}

func TestAPathThatIsNoneAnswersWithAPage(t *testing.T) {
	s := seeded(t, Config{})
	answer, body := send(t, s, "PATCH", "/v1/people/c1/names", "{}")
	if answer.StatusCode != 404 || !strings.HasPrefix(answer.Header.Get("Content-Type"), "text/html") || !strings.Contains(string(body), "<title>Error 404") {
		t.Errorf("got %d %s %q, want Google's 404 page", answer.StatusCode, answer.Header.Get("Content-Type"), body)
	}
}
