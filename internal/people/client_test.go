package people

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	people "google.golang.org/api/people/v1"
)

// client returns a client of a server made of a handler; both end with the test.
func client(t *testing.T, handler http.HandlerFunc) *Client {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return clientOf(t, Config{Endpoint: server.URL, Token: EmulatorToken})
}

func clientOf(t *testing.T, config Config) *Client {
	t.Helper()
	c, err := New(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// answer is a handler that says always the same.
func answer(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=UTF-8")
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

// factOf returns the fact in an error; none is a failure.
func factOf(t *testing.T, err error) *Error {
	t.Helper()
	e, ok := errors.AsType[*Error](err)
	if !ok {
		t.Fatalf("got error %v of type %T, want an *Error", err, err)
	}
	return e
}

// ada is a contact as a producer sends it.
func ada() *people.Person {
	return &people.Person{
		ResourceName: "people/c1",
		Names:        []*people.Name{{GivenName: "Ada", FamilyName: "Example"}},
		Metadata:     &people.PersonMetadata{Sources: []*people.Source{{Type: "CONTACT", Id: "1", Etag: "#abc"}}},
	}
}

// get makes the simplest of all calls.
func get(ctx context.Context, c *Client) error {
	_, err := c.Get(ctx, "user-1", "people/c1", Read{Fields: "names"})
	return err
}

func TestNewRefusesWhatCannotWork(t *testing.T) {
	for _, config := range []Config{
		{},
		{Endpoint: "127.0.0.1:1234", Token: EmulatorToken},
		{Endpoint: "ftp://127.0.0.1", Token: EmulatorToken},
		{Endpoint: "http://name:secret@127.0.0.1", Token: EmulatorToken},
		{Endpoint: "http://127.0.0.1/?key=1", Token: EmulatorToken},
	} {
		if _, err := New(t.Context(), config); err == nil {
			t.Errorf("New(%q) = nil, want an error", config.Endpoint)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("New(%q) says what the endpoint holds: %v", config.Endpoint, err)
		}
	}
}

func TestEndpointMayHaveAPathAndASlash(t *testing.T) {
	var path string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path = r.URL.Path
		io.WriteString(w, `{}`)
	}))
	defer server.Close()
	for endpoint, want := range map[string]string{
		"":        "/v1/people/c1",
		"/":       "/v1/people/c1",
		"/proxy":  "/proxy/v1/people/c1",
		"/proxy/": "/proxy/v1/people/c1",
	} {
		c := clientOf(t, Config{Endpoint: server.URL + endpoint, Token: EmulatorToken})
		if err := get(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		if path != want {
			t.Errorf("with endpoint %q the path is %q, want %q", endpoint, path, want)
		}
	}
}

func TestTheRealServiceIsTheDefault(t *testing.T) {
	t.Setenv("GOOGLE_API_USE_MTLS_ENDPOINT", "always")
	t.Setenv("GOOGLE_CLOUD_UNIVERSE_DOMAIN", "example.com")
	t.Setenv("GOOGLE_SDK_GO_LOGGING_LEVEL", "debug")
	var host, scheme string
	c := clientOf(t, Config{Token: EmulatorToken, Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		host, scheme = r.URL.Host, r.URL.Scheme
		return response(r, http.StatusOK, `{}`), nil
	})})
	if err := get(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if host != "people.googleapis.com" || scheme != "https" {
		t.Errorf("called %s://%s, want https://people.googleapis.com", scheme, host)
	}
}

// roundTrip is a transport made of a func.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func response(r *http.Request, status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}
}

// decode reads a JSON object.
func decode(t *testing.T, r io.Reader) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.NewDecoder(r).Decode(&m); err != nil {
		t.Error(err)
	}
	return m
}
