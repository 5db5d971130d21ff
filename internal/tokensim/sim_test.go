package tokensim

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// The accounts of the tests.
const (
	ann      = "ann@example.com"
	delegate = "delegate@demo.iam.gserviceaccount.com"
	signer   = "token-of-the-worker"
	client   = "client-1"
)

var testKey = sync.OnceValue(newKey)

func newKey() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
}

// known makes a Sim that knows the accounts.
func known() *Sim {
	s := New()
	s.AddClient(client, "secret")
	s.AddDelegate(delegate, testKey())
	s.AllowSigning(signer, delegate)
	s.AddDomain("example.com")
	return s
}

// post sends a request and returns the status and the body of the answer.
func post(t *testing.T, s *Sim, at, kind, body string) (int, map[string]any) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, at, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", kind)
	r.Header.Set("Authorization", "Bearer "+signer)
	resp, err := s.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var answer map[string]any
	_ = json.Unmarshal(text, &answer) // a page leaves it empty
	return resp.StatusCode, answer
}

// exchange asks for a token and returns it, or the status and the error.
func exchange(t *testing.T, s *Sim, form url.Values) (token string, status int, code, description string) {
	t.Helper()
	status, answer := post(t, s, tokenURL, "application/x-www-form-urlencoded", form.Encode())
	token, _ = answer["access_token"].(string)
	code, _ = answer["error"].(string)
	description, _ = answer["error_description"].(string)
	return token, status, code, description
}

func refreshForm(token string) url.Values {
	return url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}, "client_id": {client}, "client_secret": {"secret"}}
}

func TestARefreshTokenIsExchangedForItsUsersToken(t *testing.T) {
	s := known()
	s.AddClient("client-2", "secret")
	granted := s.Grant(ann, client)
	token, status, _, _ := exchange(t, s, refreshForm(granted))
	if user, state := s.Check(token); user != ann || state != Good || status != 200 {
		t.Errorf("status %d, token of %q in state %d", status, user, state)
	}
	for name, c := range map[string]struct {
		change map[string]string
		code   string
	}{
		"another secret": {map[string]string{"client_secret": "x"}, "invalid_client"},
		"another client": {map[string]string{"client_id": "client-2"}, "unauthorized_client"},
		"unknown client": {map[string]string{"client_id": "client-3"}, "invalid_client"},
		"no client":      {map[string]string{"client_id": ""}, "invalid_request"},
		"another token":  {map[string]string{"refresh_token": "1//x"}, "invalid_grant"},
		"no token":       {map[string]string{"refresh_token": ""}, "invalid_request"},
		"another flow":   {map[string]string{"grant_type": "password"}, "unsupported_grant_type"},
		"no flow":        {map[string]string{"grant_type": ""}, "invalid_request"},
	} {
		form := refreshForm(granted)
		for k, v := range c.change {
			form.Set(k, v)
		}
		if token, _, code, _ := exchange(t, s, form); code != c.code || token != "" {
			t.Errorf("%s: got %q, want %q", name, code, c.code)
		}
	}
	s.Revoke(ann)
	if _, _, code, description := exchange(t, s, refreshForm(granted)); code != "invalid_grant" || description != "Token has been expired or revoked." {
		t.Errorf("revoked: got %q, %q", code, description)
	}
	if _, state := s.Check(token); state != Invalid {
		t.Error("a token outlives its grant")
	}
	if got := s.Calls(ann).Token; got != 6 {
		t.Errorf("%d calls of ann, want those with her refresh token and a flow", got)
	}
}

func TestTokensEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := known()
		s.SetLifetime(10 * time.Second)
		token, _, _, _ := exchange(t, s, refreshForm(s.Grant(ann, client)))
		time.Sleep(10*time.Second - time.Nanosecond)
		if _, state := s.Check(token); state != Good {
			t.Error("it is not good up to its end")
		}
		time.Sleep(time.Nanosecond)
		if _, state := s.Check(token); state != Invalid {
			t.Error("it is good after its end")
		}
		token, _, _, _ = exchange(t, s, refreshForm(s.Grant(ann, client)))
		s.Void()
		if _, state := s.Check(token); state != Invalid {
			t.Error("it is good though it is void")
		}
		token, _, _, _ = exchange(t, s, refreshForm(s.Grant(ann, client, "https://www.googleapis.com/auth/calendar")))
		if user, state := s.Check(token); state != Scopeless || user != ann {
			t.Errorf("without the scope: state %d of %q", state, user)
		}
		if _, state := s.Check("ya29.x"); state != Invalid {
			t.Error("any token is good")
		}
	})
}

func TestOtherAddressesAreNotServed(t *testing.T) {
	s := known()
	for _, at := range []string{"http://" + TokenHost + "/token", "https://elsewhere.example.com/token"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, at, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.RoundTrip(r); err == nil {
			t.Errorf("%s is served", at)
		}
	}
	for _, at := range []string{"https://" + TokenHost + "/", "https://" + SignHost + "/token", "https://" + TokenHost + "/v1/projects/-/serviceAccounts/x:signJwt"} {
		if status, _ := post(t, s, at, "application/json", "{}"); status != 404 {
			t.Errorf("%s: status %d", at, status)
		}
	}
}

func TestItServesOverASocket(t *testing.T) {
	s := known()
	server := httptest.NewServer(s)
	defer server.Close()
	ask := func() (*http.Response, error) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/token", strings.NewReader(refreshForm(s.Grant(ann, client)).Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Host = TokenHost
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		return server.Client().Do(r)
	}
	resp, err := ask()
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Errorf("status %d", resp.StatusCode)
	}
	s.SetFaults(Fault{Kind: TooMany, Times: 1, RetryAfter: 1500 * time.Millisecond}, Fault{Kind: Reset})
	if resp, err = ask(); err != nil || resp.Header.Get("Retry-After") != "2" {
		t.Errorf("got %v, want a Retry-After of 2", err)
	} else {
		resp.Body.Close()
	}
	if resp, err := ask(); err == nil {
		resp.Body.Close()
		t.Error("the connection does not break")
	}
}
