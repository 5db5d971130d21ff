package people

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"

	"github.com/contactrelay/contactrelay/internal/tokensim"
)

func TestEveryErrorOfTheTokenEndpointIsItsFact(t *testing.T) {
	refresh, assert := []string{byTokens}, []string{byDelegation, byKey}
	for _, c := range []struct {
		fault tokensim.Kind
		ways  []string
		kind  Kind
		http  int
		says  string // in the text, for the operator
	}{
		{tokensim.Revoked, refresh, GrantRefused, 400, ""},
		{tokensim.BadRequest, refresh, GrantRefused, 400, ""},
		{tokensim.InvalidRapt, refresh, GrantRefused, 400, ""},
		{tokensim.UnknownUser, assert, GrantRefused, 400, ""},
		{tokensim.NoAddress, assert, GrantRefused, 400, ""},
		{tokensim.AccountDeleted, ways, GrantRefused, 400, ""},
		{tokensim.WrongClock, assert, ClientRejected, 400, "clock"},
		{tokensim.BadSignature, assert, ClientRejected, 400, "key"},
		{tokensim.UnknownIssuer, assert, ClientRejected, 400, "delegate"},
		{tokensim.NotDelegated, ways, ClientRejected, 401, "administrator"},
		{tokensim.AccessDenied, ways, ClientRejected, 403, "Admin console"},
		{tokensim.AdminPolicy, ways, ClientRejected, 400, "Admin console"},
		{tokensim.InvalidClient, ways, ClientRejected, 401, "client"},
		{tokensim.DeletedClient, ways, ClientRejected, 401, "client"},
		{tokensim.DisabledClient, ways, ClientRejected, 401, "client"},
		{tokensim.OrgInternal, ways, ClientRejected, 403, "client"},
		{tokensim.InvalidScope, ways, ClientRejected, 400, ""},
		{tokensim.InternalFailure, ways, TokenFailed, 500, ""},
		{tokensim.InternalFailure400, ways, TokenFailed, 400, ""},
		{tokensim.TooMany, ways, TokenFailed, 429, ""},
		{tokensim.Unavailable, ways, TokenFailed, 503, ""},
		{tokensim.Reset, ways, TokenFailed, 0, ""},
		{tokensim.Hang, ways, TokenFailed, 0, ""},
		{tokensim.SignDenied, []string{byDelegation}, ClientRejected, 403, "roles/iam.serviceAccountTokenCreator"},
		{tokensim.SignNoDelegate, []string{byDelegation}, ClientRejected, 404, "delegate"},
		{tokensim.SignDisabled, []string{byDelegation}, ClientRejected, 403, "gcloud services enable iamcredentials.googleapis.com"},
		{tokensim.SignTooMany, []string{byDelegation}, TokenFailed, 429, ""},
		{tokensim.SignUnavailable, []string{byDelegation}, TokenFailed, 503, ""},
		{tokensim.SignReset, []string{byDelegation}, TokenFailed, 0, ""},
		{tokensim.SignHang, []string{byDelegation}, TokenFailed, 0, ""},
		{tokensim.SignHTML, []string{byDelegation}, TokenFailed, 403, ""},
	} {
		for _, way := range c.ways {
			t.Run(string(c.fault)+"/"+way, func(t *testing.T) {
				testKey()
				synctest.Test(t, func(t *testing.T) {
					o := newOffice(t)
					o.authorize(ann)
					o.seed(ann)
					o.google.SetFaults(tokensim.Fault{Kind: c.fault, Times: 1, RetryAfter: 7 * time.Second})
					tokens := o.signIn(way)
					_, err := tokens.Token(t.Context(), ann)
					e := factOf(t, err)
					if e.Kind != c.kind || e.HTTPStatus != c.http || c.http != 0 && e.RetryAfter != 7*time.Second {
						t.Errorf("got %v, HTTP %d, retry after %v; want %v, HTTP %d", e, e.HTTPStatus, e.RetryAfter, c.kind, c.http)
					}
					if !strings.Contains(e.Error(), c.says) {
						t.Errorf("%q does not say %q", e, c.says)
					}
					_, err = o.client(tokens).Get(t.Context(), ann, "people/c1", Read{Fields: "names"})
					if c.kind == GrantRefused { // it is remembered, and so the call has it too
						if called := factOf(t, err); called.Kind != GrantRefused || called.HTTPStatus != 0 || called.Reason != e.Reason {
							t.Errorf("the call: got %v with reason %q", called, called.Reason)
						}
					} else if err != nil {
						t.Errorf("once it is over: %v", err)
					}
					discreet(t, e)
					if err != nil {
						discreet(t, err)
					}
				})
			})
		}
	}
}

// discreet fails the test if a text of an error, or of what it wraps, has anything of a user or a secret.
func discreet(t *testing.T, err error) {
	t.Helper()
	for ; err != nil; err = errors.Unwrap(err) {
		for _, private := range []string{"ann", "@", testUsers, ownToken, "ya29", "1//", secret, "eyJ", "assertion", os.TempDir()} {
			if strings.Contains(err.Error(), private) {
				t.Errorf("%q holds %q", err, private)
			}
		}
	}
}

func TestWhatTheEndpointsVerifyIsSortedToo(t *testing.T) {
	testKey()
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(o *office) // after the client has its credentials
		user   string
		ways   []string
		want   Kind
	}{
		"the key was replaced": {func(o *office) { o.google.AddDelegate(delegate, other) }, ann, []string{byKey}, ClientRejected},
		"IAM has the new key":  {func(o *office) { o.google.AddDelegate(delegate, other) }, ann, []string{byDelegation}, -1},
		"another scope is delegated": {func(o *office) {
			o.google.AddDelegate(delegate, testKey(), "https://www.googleapis.com/auth/calendar")
		}, ann, []string{byKey, byDelegation}, ClientRejected},
		"a user of another domain": {func(*office) {}, "ann@example.net", []string{byKey, byDelegation}, ClientRejected},
		"a deleted user":           {func(o *office) { o.google.DeleteUser(ann) }, ann, []string{byKey, byDelegation}, GrantRefused},
		"no right to sign":         {func(o *office) { o.google.AllowSigning(ownToken, "other@demo.iam.gserviceaccount.com") }, ann, []string{byDelegation}, ClientRejected},
		"an own token that IAM does not know": {func(o *office) {
			o.google = tokensim.New()
			o.google.AddDelegate(delegate, testKey())
		}, ann, []string{byDelegation}, ClientRejected},
		"another secret":             {func(o *office) { o.google.AddClient(clientID, "new") }, ann, []string{byTokens}, ClientRejected},
		"a grant that never was one": {func(o *office) { o.google = tokensim.New(); o.google.AddClient(clientID, secret) }, ann, []string{byTokens}, GrantRefused},
		"no file":                    {func(*office) {}, bob, []string{byTokens}, GrantRefused},
	} {
		for _, way := range c.ways {
			t.Run(name+"/"+way, func(t *testing.T) {
				o := newOffice(t)
				o.transport = roundTrip(func(r *http.Request) (*http.Response, error) { return o.google.RoundTrip(r) })
				o.authorize(ann)
				tokens := o.signIn(way)
				c.change(o)
				_, err := tokens.Token(t.Context(), c.user)
				if c.want < 0 {
					if err != nil {
						t.Errorf("got %v, want a token", err)
					}
					return
				}
				if e := factOf(t, err); e.Kind != c.want {
					t.Errorf("got %v, want %v", e, c.want)
				}
				discreet(t, err)
			})
		}
	}
}

func TestTheWorkersOwnAccountFailsForEverybody(t *testing.T) {
	for _, c := range []struct {
		err  error
		want Kind
	}{
		{&Error{Kind: ClientRejected}, ClientRejected},
		{&Error{Kind: GrantRefused}, TokenFailed}, // it is no user
		{errors.New("the metadata server says ya29.x"), TokenFailed},
		{&url.Error{Op: "Get", URL: "http://metadata", Err: syscall.ECONNREFUSED}, TokenFailed},
	} {
		g, err := NewDelegation(delegate, func(context.Context) (string, error) { return "", c.err }, roundTrip(func(*http.Request) (*http.Response, error) {
			t.Error("IAM was asked")
			return nil, io.EOF
		}))
		if err != nil {
			t.Fatal(err)
		}
		tokens := NewTokens(g, TokensConfig{})
		_, err = tokens.Token(t.Context(), ann)
		if e := factOf(t, err); e.Kind != c.want || !strings.Contains(e.Error(), "own account") {
			t.Errorf("%v: got %v, want %v", c.err, e, c.want)
		}
		discreet(t, err)
		tokens.Close()
	}
}

func TestUnknownErrorsOfTheTokenEndpoint(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
		grant  grantType
		want   Kind
	}{
		{400, `{"error":"invalid_grant"}`, refreshGrant, GrantRefused},
		{400, `{"error":"invalid_grant","error_description":"Account has been deleted"}`, refreshGrant, GrantRefused},
		{400, `{"error":"invalid_grant","error_description":"Unknown issuer of the token"}`, refreshGrant, GrantRefused},
		{400, `{"error":"invalid_grant","error_description":"Some new text about the User"}`, assertionGrant, GrantRefused},
		{400, `{"error":"invalid_grant","error_description":"Invalid JWT: Failed audience check."}`, assertionGrant, ClientRejected},
		{400, `{"error":"invalid_grant","error_description":"java.security.SignatureException: Invalid signature for token"}`, assertionGrant, ClientRejected},
		{400, `{"error":"invalid_grant","error_description":"Invalid issuer: Not a service account."}`, assertionGrant, ClientRejected},
		{400, `{"error":"invalid_rapt"}`, refreshGrant, GrantRefused},
		{400, `{"error":"something_new"}`, refreshGrant, TokenFailed},
		{500, `{"error":"invalid_grant"}`, refreshGrant, TokenFailed},
		{429, `{"error":"invalid_client"}`, refreshGrant, TokenFailed},
		{403, `{"error":{"code":403,"message":"m","status":"PERMISSION_DENIED"}}`, refreshGrant, TokenFailed},
		{403, `<html>`, assertionGrant, TokenFailed},
		{302, ``, assertionGrant, TokenFailed},
		{400, ``, refreshGrant, TokenFailed},
	} {
		err := &url.Error{Op: "Post", URL: tokenURL, Err: &oauth2.RetrieveError{Response: &http.Response{StatusCode: c.status}, Body: []byte(c.body)}}
		if e := tokenFact(t.Context(), err, c.grant); e.Kind != c.want || e.HTTPStatus != c.status {
			t.Errorf("%d %s: got %v, want %v", c.status, c.body, e, c.want)
		}
	}
}

// FuzzTokenFact holds that no body of the token endpoint, whatever it is, makes another kind of fact or shows in its text.
func FuzzTokenFact(f *testing.F) {
	for _, body := range []string{"", "{", "<html>", `{"error":"invalid_grant","error_description":"private"}`, `{"error":{"message":"private"}}`, `{"error":["private"]}`} {
		f.Add(400, body)
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		err := &oauth2.RetrieveError{Response: &http.Response{StatusCode: status}, Body: []byte(body)}
		for _, grant := range []grantType{refreshGrant, assertionGrant} {
			e := tokenFact(t.Context(), err, grant)
			if e.Kind != GrantRefused && e.Kind != ClientRejected && e.Kind != TokenFailed {
				t.Errorf("got %v", e)
			}
			if strings.Contains(e.Error(), "private") || e.Unwrap() != nil {
				t.Errorf("%q holds what the endpoint said", e)
			}
		}
	})
}

func TestOverSocketsTheWaysAreTheSame(t *testing.T) {
	for _, way := range ways {
		o := newOffice(t)
		o.authorize(ann)
		server := httptest.NewServer(o.google)
		transport := &http.Transport{}
		o.transport = roundTrip(func(r *http.Request) (*http.Response, error) {
			r = r.Clone(r.Context())
			r.Host, r.URL.Scheme, r.URL.Host = r.URL.Host, "http", server.Listener.Addr().String()
			return transport.RoundTrip(r)
		})
		tokens := o.signIn(way)
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				if _, err := tokens.Token(t.Context(), ann); err != nil {
					t.Errorf("%s: %v", way, err)
				}
			})
		}
		wg.Wait()
		if n := o.google.Calls(ann).Token; n != 1 {
			t.Errorf("%s: %d token calls, want 1", way, n)
		}
		o.google.SetFaults(tokensim.Fault{Kind: tokensim.Hang, Users: []string{bob}})
		o.authorize(bob)
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		if _, err := tokens.Token(ctx, bob); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: got %v, want the deadline", way, err)
		}
		cancel()
		tokens.Close() // blocks while a request is under way
		transport.CloseIdleConnections()
		server.Close()
	}
}

// hangingUp counts how often it is told to give up its idle connections.
type hangingUp struct {
	http.RoundTripper
	times int
}

func (h *hangingUp) CloseIdleConnections() { h.times++ }

func TestCloseGivesUpTheIdleConnectionsOfEachWay(t *testing.T) {
	for _, way := range ways {
		o := newOffice(t)
		o.authorize(ann)
		transport := &hangingUp{RoundTripper: o.google}
		o.transport = transport
		o.signIn(way).Close()
		if transport.times == 0 {
			t.Errorf("%s keeps them", way)
		}
	}
}

func TestARedirectOfTheTokenEndpointIsNotFollowed(t *testing.T) {
	for _, way := range ways {
		o := newOffice(t)
		o.authorize(ann)
		asked := map[string]int{}
		o.transport = roundTrip(func(r *http.Request) (*http.Response, error) {
			asked[r.URL.Host]++
			resp := response(r, http.StatusTemporaryRedirect, "")
			resp.Header = http.Header{"Location": {"https://elsewhere.example.com/"}}
			return resp, nil
		})
		if _, err := o.signIn(way).Token(t.Context(), ann); factOf(t, err).Kind != TokenFailed {
			t.Errorf("%s: got %v, want token_failed", way, err)
		}
		if asked["elsewhere.example.com"] != 0 || len(asked) != 1 {
			t.Errorf("%s: asked %v", way, asked)
		}
	}
}
