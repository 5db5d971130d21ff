package people

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// Delegation is domain-wide delegation without a key: the delegate is a service account whose client ID the
// administrator of a Google Workspace domain has granted the scope for contacts. IAM signs for it that it acts for a
// user, since the worker's own account may let it (roles/iam.serviceAccountTokenCreator on the delegate), and the token
// endpoint exchanges that for the user's token.
//
// The library's own way, impersonate with a Subject, refreshes in the background and makes one text of every error.
type Delegation struct {
	delegate string
	self     func(ctx context.Context) (string, error)
	client   *http.Client
}

// NewDelegation checks the delegate's address. self answers the token of the worker's own account; transport carries
// the requests, nil is one made for this use.
func NewDelegation(delegate string, self func(ctx context.Context) (string, error), transport http.RoundTripper) (*Delegation, error) {
	if !isAddress(delegate) {
		return nil, errors.New("the delegate is not the e-mail address of a service account, such as delegate@project.iam.gserviceaccount.com")
	}
	return &Delegation{delegate: delegate, self: self, client: tokenClient(transport)}, nil
}

func (d *Delegation) check(user string) error    { return checkSubject(user) }
func (d *Delegation) state(string) (s fileState) { return s }
func (d *Delegation) hangUp()                    { d.client.CloseIdleConnections() }

func (d *Delegation) fetch(ctx context.Context, user string) (*oauth2.Token, error) {
	signed, err := d.sign(ctx, user)
	if err != nil {
		return nil, err
	}
	exchange := clientcredentials.Config{
		TokenURL: tokenURL, AuthStyle: oauth2.AuthStyleInParams,
		EndpointParams: url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {signed}},
	}
	token, err := exchange.Token(context.WithValue(ctx, oauth2.HTTPClient, d.client))
	if err != nil {
		return nil, tokenFact(ctx, err, assertionGrant)
	}
	return token, nil
}

// assertion is what is signed.
// https://developers.google.com/identity/protocols/oauth2/service-account#authorizingrequests
type assertion struct {
	Issuer   string `json:"iss"`
	Subject  string `json:"sub"`
	Scope    string `json:"scope"`
	Audience string `json:"aud"`
	Issued   int64  `json:"iat"`
	Expires  int64  `json:"exp"`
}

// sign lets IAM sign that the delegate acts for the user.
// https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/signJwt
func (d *Delegation) sign(ctx context.Context, user string) (string, error) {
	self, err := d.self(ctx)
	if err != nil {
		return "", selfFact(ctx, err)
	}
	// A clock that is a little ahead of Google's must not matter. An hour is the most that is taken.
	issued := time.Now().Add(-10 * time.Second)
	claims, err := json.Marshal(assertion{
		Issuer: d.delegate, Subject: user, Scope: contactsScope, Audience: tokenURL,
		Issued: issued.Unix(), Expires: issued.Add(time.Hour).Unix(),
	})
	if err != nil {
		return "", err // strings and numbers: never
	}
	body, err := json.Marshal(map[string]string{"payload": string(claims)})
	if err != nil {
		return "", err
	}
	at := signURL + url.PathEscape(d.delegate) + ":signJwt"
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, at, bytes.NewReader(body))
	if err != nil {
		return "", fmt.Errorf("ask IAM to sign: %w", err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+self)
	return d.signed(ctx, r)
}

// signed sends a request to IAM and reads its answer.
func (d *Delegation) signed(ctx context.Context, r *http.Request) (string, error) {
	resp, err := d.client.Do(r)
	if err != nil {
		return "", &Error{Kind: TokenFailed, cause: quietCause(ctx, err)}
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return "", &Error{Kind: TokenFailed, cause: quietCause(ctx, err)}
	}
	if resp.StatusCode != http.StatusOK {
		return "", signFact(resp, string(text))
	}
	var answer struct {
		SignedJWT string `json:"signedJwt"`
	}
	if json.Unmarshal(text, &answer) != nil || answer.SignedJWT == "" {
		return "", &Error{Kind: TokenFailed, Reason: "answer_not_understood"}
	}
	return answer.SignedJWT, nil
}
