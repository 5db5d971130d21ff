package peoplesim

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// admin makes a request to the admin port and gives the status and the body.
func admin(t *testing.T, server *httptest.Server, verb, path, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), verb, server.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(b)
}

func TestTheAdminPortDoesWhatTheMethodsDo(t *testing.T) {
	s := New(Config{AuditValues: true})
	server := httptest.NewServer(s.Admin())
	defer server.Close()
	story := []struct {
		verb, path, body string
		status           int
		want             string // in the answer
	}{
		{"POST", "/seed", `{"users":2,"contacts":3,"people":{"ann@example.com":[{"resourceName":"people/c1","names":[{"givenName":"Ada"}]},{"resourceName":"people/c2"}]}}`, 200, "{}"},
		{"GET", "/stats", "", 200, `"users":3,"contacts":8`},
		{"GET", "/contact?user=ann@example.com&resourceName=people/c1", "", 200, `"version":1,"etag":"` + SourceEtag(c1, 1) + `"`},
		{"POST", "/hand-edit", `{"user":"ann@example.com","resourceName":"people/c1","person":{"names":[{"givenName":"Hand"}]},"mask":"names"}`, 200, "{}"},
		{"POST", "/hand-edit", `{"user":"ann@example.com","resourceName":"people/c1"}`, 200, "{}"},
		{"GET", "/contact?user=ann@example.com&resourceName=people/c1", "", 200, `"names":[{"givenName":"Hand"}]`},
		{"POST", "/delete", `{"user":"ann@example.com","resourceName":"people/c2"}`, 200, "{}"},
		{"GET", "/contact?user=ann@example.com&resourceName=people/c2", "", 404, `"error":"people/c2 of ann@example.com: no such contact"`},
		{"GET", "/audit?after=1", "", 200, `{"seq":2,"call":0,`},
		{"GET", "/audit?after=x", "", 400, "not a number"},
		{"PUT", "/faults", `{"seed":5,"list":[{"kind":"latency","rate":1,"delay":"20ms"}]}`, 200, "{}"},
		{"GET", "/faults", "", 200, `{"seed":5,"list":[{"kind":"latency","rate":1,"delay":"20ms"}]}`},
		{"PUT", "/faults", `{"list":[{"kind":"latency","rate":2}]}`, 400, "rate 2 is not over 0"},
		{"PUT", "/faults", `{"lists":[]}`, 400, "unknown field"},
		{"PUT", "/faults", `{`, 400, "unexpected EOF"},
		{"POST", "/seed", `{"people":{"u":[{"resourceName":"x"}]}}`, 400, "does not begin with"},
		{"POST", "/delete", `{"user":"ann@example.com","resourceName":"people/c2"}`, 404, "no such contact"},
		{"POST", "/hand-edit", `{"user":"ann@example.com","resourceName":"people/c1","mask":"photos"}`, 400, "mask path"},
		{"POST", "/reset", "", 200, "{}"},
		{"GET", "/stats", "", 200, `"users":0,"contacts":0`},
		{"GET", "/nothing", "", 404, ""},
		{"POST", "/stats", "", 405, ""},
	}
	for _, c := range story {
		status, body := admin(t, server, c.verb, c.path, c.body)
		if status != c.status || !strings.Contains(body, c.want) {
			t.Errorf("%s %s %s: got %d %s, want %d with %s", c.verb, c.path, c.body, status, body, c.status, c.want)
		}
	}
}

func TestTheAdminPortListsOneValueALine(t *testing.T) {
	s := New(Config{})
	if err := s.Generate(2, 5); err != nil {
		t.Fatal(err)
	}
	for k := range 4 {
		if err := s.Touch(UserName(1), ContactName(1, k)); err != nil {
			t.Fatal(err)
		}
	}
	server := httptest.NewServer(s.Admin())
	defer server.Close()
	for path, want := range map[string]int{"/contacts": 10, "/audit": 4} {
		_, body := admin(t, server, "GET", path, "")
		lines := strings.Split(strings.TrimSpace(body), "\n")
		for _, line := range lines {
			var v struct{ User string }
			if err := json.Unmarshal([]byte(line), &v); err != nil || !strings.HasPrefix(v.User, "user-00") {
				t.Errorf("%s: line %s: %v", path, line, err)
			}
		}
		if len(lines) != want {
			t.Errorf("%s has %d lines, want %d", path, len(lines), want)
		}
	}
}

func Example() {
	s := New(Config{})
	if err := s.Generate(1, 1); err != nil {
		panic(err)
	}
	r, err := http.NewRequest("GET", "http://people.example.com/v1/"+ContactName(0, 0)+"?personFields=phoneNumbers&sources=READ_SOURCE_TYPE_CONTACT", nil)
	if err != nil {
		panic(err)
	}
	r.Header.Set("Authorization", "Bearer "+UserName(0))
	answer, err := s.RoundTrip(r)
	if err != nil {
		panic(err)
	}
	fmt.Println(answer.Status)
	// Output: 200 OK
}
