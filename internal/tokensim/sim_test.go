package tokensim

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
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

// assertionForm is the form of an assertion with these claims.
func assertionForm(t *testing.T, c claims, key *rsa.PrivateKey) url.Values {
	t.Helper()
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	token, err := signed(text, key)
	if err != nil {
		t.Fatal(err)
	}
	return url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {token}}
}

func goodClaims() claims {
	now := time.Now()
	return claims{delegate, ann, ContactsScope, tokenURL, now.Unix(), now.Add(time.Hour).Unix()}
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

func TestAnAssertionIsVerified(t *testing.T) {
	s, stranger := known(), newKey()
	s.DeleteUser("gone@example.com")
	hour := int64(time.Hour / time.Second)
	for name, c := range map[string]struct {
		change func(*claims)
		code   string
		says   string
	}{
		"good":                     {func(*claims) {}, "", ""},
		"no issuer":                {func(c *claims) { c.Issuer = "" }, "invalid_grant", "account not found"},
		"another issuer":           {func(c *claims) { c.Issuer = "x@example.com" }, "invalid_grant", "account not found"},
		"another audience":         {func(c *claims) { c.Audience = "https://example.com" }, "invalid_grant", "audience"},
		"longer than an hour":      {func(c *claims) { c.Expires++ }, "invalid_grant", "short-lived"},
		"no end":                   {func(c *claims) { c.Expires = 0 }, "invalid_grant", "short-lived"},
		"ends before it begins":    {func(c *claims) { c.Expires = c.Issued - 1 }, "invalid_grant", "short-lived"},
		"no begin":                 {func(c *claims) { c.Issued = 0 }, "invalid_grant", "short-lived"},
		"a clock that is ahead":    {func(c *claims) { c.Issued += hour; c.Expires += hour }, "invalid_grant", "short-lived"},
		"a clock that is behind":   {func(c *claims) { c.Issued -= 2 * hour; c.Expires -= 2 * hour }, "invalid_grant", "short-lived"},
		"a clock a little behind":  {func(c *claims) { c.Issued -= 60; c.Expires -= 60 }, "", ""},
		"a user of another domain": {func(c *claims) { c.Subject = "ann@example.net" }, "unauthorized_client", "unauthorized"},
		"a deleted user":           {func(c *claims) { c.Subject = "gone@example.com" }, "invalid_grant", "Invalid email or User ID"},
		"no address":               {func(c *claims) { c.Subject = "ann" }, "invalid_grant", "Not a valid email"},
		"no subject":               {func(c *claims) { c.Subject = "" }, "invalid_grant", "Not a valid email"},
		"another scope":            {func(c *claims) { c.Scope += " https://www.googleapis.com/auth/calendar" }, "unauthorized_client", "scopes"},
		"no scope":                 {func(c *claims) { c.Scope = "" }, "invalid_scope", ""},
	} {
		claims := goodClaims()
		c.change(&claims)
		token, _, code, description := exchange(t, s, assertionForm(t, claims, testKey()))
		if code != c.code || !strings.Contains(description, c.says) || (token == "") != (code != "") {
			t.Errorf("%s: got %q, %q, want %q, %q", name, code, description, c.code, c.says)
		}
		if user, state := s.Check(token); token != "" && (user != ann || state != Good) {
			t.Errorf("%s: the token is that of %q, state %d", name, user, state)
		}
	}
	if _, _, code, description := exchange(t, s, assertionForm(t, goodClaims(), stranger)); code != "invalid_grant" || description != "Invalid JWT Signature." {
		t.Errorf("another key: got %q, %q", code, description)
	}
	for _, assertion := range []string{"", "x", "a.b.c", "e30.e30.e30"} {
		if _, _, code, _ := exchange(t, s, url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {assertion}}); code != "invalid_grant" {
			t.Errorf("%q: got %q", assertion, code)
		}
	}
}

func TestIAMSignsForThoseWhoMay(t *testing.T) {
	s := known()
	const at = "https://" + SignHost + "/v1/projects/-/serviceAccounts/"
	ask := func(delegate string, c any) (int, map[string]any) {
		payload, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		body, err := json.Marshal(map[string]string{"payload": string(payload)})
		if err != nil {
			t.Fatal(err)
		}
		return post(t, s, at+delegate+":signJwt", "application/json", string(body))
	}
	status, answer := ask(delegate, goodClaims())
	token, _ := answer["signedJwt"].(string)
	if status != 200 || !verified(token, &testKey().PublicKey) || s.Calls(ann).Sign != 1 {
		t.Errorf("status %d, %v", status, answer)
	}
	if verified(token, &newKey().PublicKey) {
		t.Error("the signature is that of any key")
	}
	late := goodClaims()
	late.Expires += 13 * 3600
	s.AddDelegate("other@demo.iam.gserviceaccount.com", testKey())
	for name, c := range map[string]struct {
		delegate string
		payload  any
		status   int
	}{
		"too late an end":  {delegate, late, 400},
		"no claims":        {delegate, "x", 400},
		"another delegate": {"other@demo.iam.gserviceaccount.com", goodClaims(), 403},
		"unknown delegate": {"none@demo.iam.gserviceaccount.com", goodClaims(), 404},
	} {
		if status, _ := ask(c.delegate, c.payload); status != c.status {
			t.Errorf("%s: status %d, want %d", name, status, c.status)
		}
	}
	s.AllowSigning(signer, "")
	delete(s.signers, signer)
	if status, _ := ask(delegate, goodClaims()); status != 401 {
		t.Errorf("an unknown caller: status %d, want 401", status)
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

func TestFaultsStrikeWhomTheyConcernAndSoOften(t *testing.T) {
	s := known()
	annGrant, bobGrant := s.Grant(ann, client), s.Grant("bob@example.com", client)
	s.SetFaults(
		Fault{Kind: Revoked, Users: []string{ann}, Times: 2},
		Fault{Kind: TooMany, Times: 1},
		Fault{Kind: BadSignature}, // concerns assertions alone
	)
	for i, c := range []struct {
		grant  string
		status int
	}{{annGrant, 400}, {bobGrant, 429}, {bobGrant, 200}, {annGrant, 400}, {annGrant, 200}} {
		if _, status, _, _ := exchange(t, s, refreshForm(c.grant)); status != c.status {
			t.Errorf("call %d: status %d, want %d", i+1, status, c.status)
		}
	}
	s.SetFaults()
	if _, status, _, _ := exchange(t, s, assertionForm(t, goodClaims(), testKey())); status != 200 {
		t.Errorf("without faults: status %d", status)
	}
	defer func() {
		if recover() == nil {
			t.Error("an unknown kind is taken")
		}
	}()
	s.SetFaults(Fault{Kind: "nonsense"})
}

func TestEveryFaultStrikesSomewhere(t *testing.T) {
	for _, kind := range slices.Sorted(maps.Keys(answers)) {
		s := known()
		s.SetFaults(Fault{Kind: kind})
		struck := 0
		for on, ask := range map[side]func(){
			refreshing: func() { s.exchange(refreshForm(s.Grant(ann, client))) },
			asserting:  func() { s.exchange(assertionForm(t, goodClaims(), testKey())) },
			signing:    func() { s.mayActAs("Bearer "+signer, delegate, ann) },
		} {
			before := s.faults[0].struck
			ask()
			n := s.faults[0].struck - before
			if want := slices.Contains(answers[kind].sides, on); (n == 1) != want {
				t.Errorf("%s struck %d times on side %d", kind, n, on)
			}
			struck += n
		}
		if struck == 0 {
			t.Errorf("%s never strikes", kind)
		}
	}
}

func TestLatencyAndHangsEndWithTheClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := known()
		form := refreshForm(s.Grant(ann, client)).Encode()
		for name, prepare := range map[string]func(){
			"latency": func() { s.SetLatency(time.Minute) },
			"hang":    func() { s.SetFaults(Fault{Kind: Hang}) },
		} {
			prepare()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			r, err := http.NewRequestWithContext(ctx, http.MethodPost, tokenURL, strings.NewReader(form))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			begin := time.Now()
			if _, err := s.RoundTrip(r); !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != time.Second {
				t.Errorf("%s: got %v after %v", name, err, time.Since(begin))
			}
			cancel()
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
