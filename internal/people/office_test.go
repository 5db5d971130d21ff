package people

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"

	people "google.golang.org/api/people/v1"

	"github.com/contactrelay/contactrelay/internal/peoplesim"
	"github.com/contactrelay/contactrelay/internal/tokensim"
)

// The accounts of the tests.
const (
	delegate  = "delegate@demo.iam.gserviceaccount.com"
	ownToken  = "ya29.the-workers-own"
	clientID  = "client.apps.googleusercontent.com"
	secret    = "client-secret"
	testUsers = "example.com"
)

// testKey is the delegate's key. It takes a while to make.
var testKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// office is the simulated services, and what the client needs to sign users in there.
type office struct {
	t         *testing.T
	google    *tokensim.Sim
	people    *peoplesim.Sim
	transport http.RoundTripper // of the requests for tokens
	dir       string
}

// newOffice makes services that know the delegate and the domain.
func newOffice(t *testing.T) *office {
	t.Helper()
	o := &office{t: t, google: tokensim.New(), dir: t.TempDir()}
	o.transport = o.google
	o.google.AddClient(clientID, secret)
	o.google.AddDelegate(delegate, testKey())
	o.google.AllowSigning(ownToken, delegate)
	o.google.AddDomain(testUsers)
	o.people = peoplesim.New(peoplesim.Config{Tokens: func(token string) (string, peoplesim.TokenState) {
		user, state := o.google.Check(token)
		return user, map[tokensim.State]peoplesim.TokenState{
			tokensim.Good: peoplesim.TokenGood, tokensim.Invalid: peoplesim.TokenInvalid, tokensim.Scopeless: peoplesim.TokenScopeless,
		}[state]
	}})
	return o
}

// write writes a file that only its owner may read, and returns its path.
func (o *office) write(name string, content []byte) string {
	o.t.Helper()
	path := filepath.Join(o.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		o.t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		o.t.Fatal(err)
	}
	return path
}

// authorize writes the file of a user who has granted scopes; without any, the one for contacts.
func (o *office) authorize(user string, scopes ...string) {
	o.t.Helper()
	text, err := json.Marshal(map[string]string{
		"type": "authorized_user", "client_id": clientID, "client_secret": secret, "refresh_token": o.google.Grant(user, clientID, scopes...),
	})
	if err != nil {
		o.t.Fatal(err)
	}
	o.write("tokens/"+user+".json", text)
}

// self is the worker's own account.
func self(context.Context) (string, error) { return ownToken, nil }

// The three ways to sign users in.
const (
	byDelegation = "delegation"
	byKey        = "delegation-key"
	byTokens     = "tokens"
)

var ways = []string{byDelegation, byKey, byTokens}

// signIn makes the tokens of a way. Those of the folder need users who are authorized before.
func (o *office) signIn(way string) *Tokens {
	o.t.Helper()
	var g grant
	var err error
	switch way {
	case byDelegation:
		g, err = NewDelegation(delegate, self, o.transport)
	case byKey:
		text, problem := tokensim.KeyFile(delegate, testKey())
		if problem != nil {
			o.t.Fatal(problem)
		}
		g, err = NewKeyFile(o.write("key.json", text), o.transport)
	case byTokens:
		g, err = NewFolder(filepath.Join(o.dir, "tokens"), "", o.transport)
	}
	if err != nil {
		o.t.Fatalf("%s: %v", way, err)
	}
	tokens := NewTokens(g, TokensConfig{})
	o.t.Cleanup(tokens.Close)
	return tokens
}

// client is the client of the People API with these tokens.
func (o *office) client(tokens *Tokens) *Client {
	o.t.Helper()
	return clientOf(o.t, Config{Endpoint: "https://people.test", Transport: o.people, Token: tokens.Token, Rejected: tokens.Rejected})
}

// seed gives a user the contact people/c1.
func (o *office) seed(user string) {
	o.t.Helper()
	if err := o.people.Seed(user, []*people.Person{{ResourceName: "people/c1", Names: []*people.Name{{GivenName: "Seed"}}}}); err != nil {
		o.t.Fatal(err)
	}
}

// eachWay runs a test for each way, in a bubble: time passes when nothing else happens, and no goroutine may stay.
func eachWay(t *testing.T, test func(t *testing.T, o *office, way string)) {
	for _, way := range ways {
		t.Run(way, func(t *testing.T) {
			testKey()
			synctest.Test(t, func(t *testing.T) { test(t, newOffice(t), way) })
		})
	}
}
