package people

import (
	"context"
	"net/http"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"
	"golang.org/x/oauth2/jwt"
)

// KeyFile is domain-wide delegation with the key of the delegate, a service account, in a file. The file is read at
// each refresh: a key that was replaced is used at once.
type KeyFile struct {
	path   string
	client *http.Client
}

// NewKeyFile reads the file once, to refuse one that cannot be used. transport carries the requests, nil is one made
// for this use.
func NewKeyFile(path string, transport http.RoundTripper) (*KeyFile, error) {
	k := &KeyFile{path: path, client: tokenClient(transport)}
	if _, err := k.read(); err != nil {
		return nil, err
	}
	return k, nil
}

func (k *KeyFile) check(user string) error    { return checkSubject(user) }
func (k *KeyFile) state(string) (s fileState) { return s }
func (k *KeyFile) hangUp()                    { k.client.CloseIdleConnections() }

// read returns the key.
func (k *KeyFile) read() (*jwt.Config, error) {
	text, err := readSecret(k.path)
	if err != nil {
		return nil, err
	}
	c, err := google.JWTConfigFromJSON(text, contactsScope)
	if err != nil || c.Email == "" || !isPrivateKey(c.PrivateKey) {
		return nil, secretError{"key_file_unreadable", "is not the JSON key of a service account"}
	}
	// Whatever the file says: an assertion is good for a token, and Google's endpoint alone may have it.
	c.TokenURL, c.Audience = tokenURL, ""
	return c, nil
}

func (k *KeyFile) fetch(ctx context.Context, user string) (*oauth2.Token, error) {
	c, err := k.read()
	if err != nil {
		return nil, secretFact(ClientRejected, err)
	}
	c.Subject = user
	// The library sends this request without a context: the transport gives it one.
	client := *k.client
	client.Transport = roundTripIn(ctx, client.Transport)
	token, err := c.TokenSource(context.WithValue(ctx, oauth2.HTTPClient, &client)).Token()
	if err != nil {
		return nil, tokenFact(ctx, err, assertionGrant)
	}
	return token, nil
}

// roundTripIn sends requests in a context.
func roundTripIn(ctx context.Context, base http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) { return base.RoundTrip(r.WithContext(ctx)) })
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
