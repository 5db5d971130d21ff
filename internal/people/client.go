// Package people calls the Google People API for many users and reports what came of it.
//
// It promises one HTTP request a call: neither this package nor the libraries below it send a write again whose
// outcome is unknown (transport.go says how that was made sure). What goes wrong is returned as an [*Error], which
// states facts (what the service said, or that it said nothing) and holds nothing of the contact but its resource name.
//
// It leaves to others what a fact means: when to retry, what to give up, which etag to send. It keeps no state
// between calls but idle connections and tokens, and it does not keep the mutate requests of a user apart: the caller
// does.
//
// [Tokens] signs users in: with a [Delegation], a [KeyFile] or a [Folder] of refresh tokens. It remembers tokens, and
// for some minutes for whom there is none. No text of an error holds a user's name or anything of a token.
package people

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"google.golang.org/api/option"
	people "google.golang.org/api/people/v1"
)

// service is the address of the real service. It is given even where it is the library's default, because without
// it the library lets environment variables choose another one.
const service = "https://people.googleapis.com/"

// Config says how to reach the service and as whom.
type Config struct {
	// Endpoint is the base URL of the service, "http://127.0.0.1:1234" for one; empty is the real service.
	Endpoint string

	// MaxCalls is how many calls the caller has in flight at most: so many idle connections are kept. 0 is 64.
	MaxCalls int

	// Transport carries the requests, with the user's token in them. Nil is a transport made for this use.
	Transport http.RoundTripper

	// Token answers the bearer token of a user: [EmulatorToken], or that of [Tokens]. It is called at every call, from
	// many goroutines at once, and caches what it can. An error of it that is (or wraps) an [*Error] decides the kind
	// of the call's error, [GrantRefused], [ScopeMissing] or [ClientRejected]; any other one makes it [TokenFailed].
	Token func(ctx context.Context, user string) (string, error)

	// Rejected is told when the service did not take a user's token: the fact is [Unauthenticated] or [ScopeMissing].
	// The call is not made again: the next one has the token that Token answers then. Nil if nobody wants to know.
	Rejected func(user, token string, fact *Error)
}

// Client makes calls. It is safe for concurrent use; all users share it.
type Client struct {
	http *http.Client
	api  *people.PeopleService
}

// New checks the configuration and returns a client. It starts and dials nothing.
func New(ctx context.Context, c Config) (*Client, error) {
	if c.Token == nil {
		return nil, errors.New("people: no source of tokens")
	}
	endpoint, err := baseURL(c.Endpoint)
	if err != nil {
		return nil, err
	}
	if c.Transport == nil {
		c.Transport = newTransport(c.MaxCalls)
	}
	client := &http.Client{
		Transport: &authorizer{base: c.Transport, token: c.Token, rejected: c.Rejected},
		// A redirect is an answer like any other: followed, it would carry the user's token to another host.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	s, err := people.NewService(ctx,
		option.WithHTTPClient(client),
		option.WithEndpoint(endpoint),
		// Unset, the library logs whole requests and answers when an environment variable asks for it.
		option.WithLogger(slog.New(slog.DiscardHandler)),
	)
	if err != nil {
		return nil, fmt.Errorf("people: %w", err)
	}
	s.UserAgent = "contactrelay"
	return &Client{http: client, api: s.People}, nil
}

// Close gives up the idle connections. Calls in flight go on, and later calls dial again.
func (c *Client) Close() {
	c.http.CloseIdleConnections()
}

// baseURL checks an endpoint and ends it with the slash under which the library resolves its paths.
func baseURL(endpoint string) (string, error) {
	if endpoint == "" {
		return service, nil
	}
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", errors.New("people: the endpoint is not a URL such as http://127.0.0.1:1234")
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", errors.New("people: the endpoint has more than a scheme, a host and a path")
	}
	return strings.TrimSuffix(endpoint, "/") + "/", nil
}

// Read says what of a contact the answer shall hold.
type Read struct {
	// Fields is the read mask, "names,metadata" for one. Empty means something else for each method: see there.
	Fields string

	// Sources are values of the API's ReadSourceType. None is the service's default, which merges the values of
	// the person's public profile into those of the contact.
	Sources []string
}

// call makes one call for a user and turns whatever went wrong into an [*Error].
func call[T any](ctx context.Context, user, method string, do func(context.Context) (*T, error)) (*T, error) {
	x := &exchange{user: user}
	got, err := do(context.WithValue(ctx, exchangeKey{}, x))
	// 2xx other than 200 is nothing that this API says, and the JSON value null leaves nil: neither is its answer.
	if err == nil && x.status == http.StatusOK && got != nil {
		return got, nil
	}
	fact := x.fact(ctx, method, err)
	if x.rejected != nil && x.token != "" && (fact.Kind == Unauthenticated || fact.Kind == ScopeMissing) {
		x.rejected(user, x.token, fact)
	}
	return nil, fact
}
