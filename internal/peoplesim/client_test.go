package peoplesim

import (
	"bytes"
	"encoding/json"
	"errors"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"google.golang.org/api/googleapi"
	"google.golang.org/api/option"
	"google.golang.org/api/people/v1"
)

// ann is the user of most tests, and c1 her contact.
const (
	ann = "ann@example.com"
	c1  = "people/c1"
	c2  = "people/c2"
	c3  = "people/c3"
)

// bearer attaches a user's token.
type bearer struct {
	user string
	next http.RoundTripper
}

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+b.user)
	return b.next.RoundTrip(r)
}

// dial gives the real Go client of a user, in process.
func dial(t testing.TB, s *Sim, user string) *people.PeopleService {
	t.Helper()
	return client(t, "http://people.example.com/", bearer{user, s})
}

// dialSocket gives the real Go client of a user, over a socket of a server of its own.
func dialSocket(t testing.TB, s *Sim, user string) *people.PeopleService {
	t.Helper()
	server := httptest.NewServer(s)
	transport := &http.Transport{}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		server.Close()
	})
	return client(t, server.URL+"/", bearer{user, transport})
}

func client(t testing.TB, endpoint string, transport http.RoundTripper) *people.PeopleService {
	t.Helper()
	service, err := people.NewService(t.Context(), option.WithEndpoint(endpoint), option.WithHTTPClient(&http.Client{Transport: transport}))
	if err != nil {
		t.Fatalf("people.NewService: %v", err)
	}
	return service.People
}

// seeded gives a simulator in which ann has the contacts c1, c2 and c3.
func seeded(t testing.TB, config Config) *Sim {
	t.Helper()
	s := New(config)
	err := s.Seed(ann, []*people.Person{
		{
			ResourceName: c1,
			Names:        []*people.Name{{GivenName: "Ada", MiddleName: "Mid", FamilyName: "Fam"}},
			Urls:         []*people.Url{{Value: "https://one.example.com", Type: "work"}},
		},
		{ResourceName: c2, Names: []*people.Name{{GivenName: "Bo"}}},
		{ResourceName: c3, Names: []*people.Name{{GivenName: "Cy"}}},
	})
	if err != nil {
		t.Fatalf("Seed: %v", err)
	}
	return s
}

func setFaults(t testing.TB, s *Sim, f Faults) {
	t.Helper()
	if err := s.SetFaults(f); err != nil {
		t.Fatalf("SetFaults: %v", err)
	}
}

// guarded gives a person that carries the source etag of a version.
func guarded(resource string, version int64, p people.Person) *people.Person {
	p.Metadata = &people.PersonMetadata{Sources: []*people.Source{{Type: "CONTACT", Etag: SourceEtag(resource, version)}}}
	return &p
}

func named(given string) people.Person {
	return people.Person{Names: []*people.Name{{GivenName: given}}}
}

// state gives a contact that must be there.
func state(t testing.TB, s *Sim, resource string) Contact {
	t.Helper()
	c, ok := s.Contact(ann, resource)
	if !ok {
		t.Fatalf("Contact(%s): none", resource)
	}
	return c
}

// failure is what an error body says.
type failure struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Status  string `json:"status"`
	Errors  []struct {
		Message, Domain, Reason string
	} `json:"errors"`
	Details []struct {
		Type          string            `json:"@type"`
		Reason        string            `json:"reason"`
		Domain        string            `json:"domain"`
		Metadata      map[string]string `json:"metadata"`
		ContactErrors map[string]struct {
			Code    int    `json:"code"`
			Message string `json:"message"`
		} `json:"contactErrors"`
		Violations      []struct{ Subject, Description string } `json:"violations"`
		FieldViolations []struct{ Field, Description string }   `json:"fieldViolations"`
	} `json:"details"`
}

// failed gives what the body of a client's error says.
func failed(t testing.TB, err error) failure {
	t.Helper()
	e, ok := errors.AsType[*googleapi.Error](err)
	if !ok {
		t.Fatalf("got %v, want an error of the API", err)
	}
	return parseFailure(t, []byte(e.Body))
}

func parseFailure(t testing.TB, body []byte) failure {
	t.Helper()
	var b struct{ Error failure }
	if err := json.Unmarshal(body, &b); err != nil {
		t.Fatalf("error body %q: %v", body, err)
	}
	return b.Error
}

// send makes a request by hand and gives the status and the body.
func send(t testing.TB, s *Sim, verb, target, body string) (*http.Response, []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), verb, "http://people.example.com"+target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+ann)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	answer, err := s.RoundTrip(r)
	if err != nil {
		t.Fatalf("%s %s: %v", verb, target, err)
	}
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, b
}

func jpegBytes(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 8, 8)), nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func pngBytes(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 8, 8))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
