package people

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"

	"golang.org/x/oauth2"
)

// The addresses and the scope. They are constants: what is sent there is as good as a password.
const (
	tokenURL      = "https://oauth2.googleapis.com/token"
	signURL       = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/"
	contactsScope = "https://www.googleapis.com/auth/contacts"
)

// tokenClient returns a client for these addresses. A redirect is an answer like any other: followed, it would carry
// a secret to another host.
func tokenClient(transport http.RoundTripper) *http.Client {
	if transport == nil {
		transport = newTransport(0)
	}
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// grantType is what is exchanged for a token. The same error means another thing for each.
type grantType int

const (
	refreshGrant   grantType = iota // a refresh token, which is the user's
	assertionGrant                  // a signed assertion, which is the delegate's
)

// tokenFact is the fact that the token endpoint gave no token. Of what it said nothing is kept but its error's name.
func tokenFact(ctx context.Context, err error, grant grantType) *Error {
	refused, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok || refused.Response == nil {
		return &Error{Kind: TokenFailed, cause: quietCause(ctx, err)}
	}
	e := readTokenError(refused.Body)
	fact := &Error{
		HTTPStatus: refused.Response.StatusCode, Reason: symbol(e.code),
		RetryAfter: retryAfter(refused.Response.Header, ""),
	}
	fact.Kind = e.kind(fact.HTTPStatus, grant)
	if fact.Kind == ClientRejected && e.code == "invalid_grant" {
		fact.Reason = "invalid_jwt"
		if e.says("signature") {
			fact.Reason = "invalid_jwt_signature"
		}
	}
	return fact
}

// tokenError is the body of an error of the token endpoint. https://www.rfc-editor.org/rfc/rfc6749#section-5.2
type tokenError struct {
	code, description, subtype string
}

// readTokenError reads what it can. The library fills RetrieveError.ErrorCode for refresh tokens alone.
func readTokenError(text []byte) tokenError {
	var body struct {
		Error       json.RawMessage `json:"error"` // an object where a front end of Google's answers
		Description string          `json:"error_description"`
		Subtype     string          `json:"error_subtype"`
	}
	_ = json.Unmarshal(text, &body) // a page in HTML leaves it empty
	e := tokenError{description: body.Description, subtype: body.Subtype}
	_ = json.Unmarshal(body.Error, &e.code)
	return e
}

// says reports whether the description holds one of some words, however they are written.
func (e tokenError) says(words ...string) bool {
	description := strings.ToLower(e.description)
	for _, w := range words {
		if strings.Contains(description, w) {
			return true
		}
	}
	return false
}

// kind tells whose fault it is: this user's, everybody's, or nobody's.
func (e tokenError) kind(status int, grant grantType) Kind {
	if status == http.StatusTooManyRequests || status >= http.StatusInternalServerError {
		return TokenFailed
	}
	switch e.code {
	case "invalid_grant":
		return e.invalidGrant(grant)
	case "invalid_rapt": // the domain's policy wants the user to sign in again
		return GrantRefused
	case "unauthorized_client", "access_denied", "admin_policy_enforced", // not (yet) allowed by an administrator
		"invalid_client", "deleted_client", "disabled_client", "restricted_client", "org_internal", "invalid_scope",
		"invalid_request", "unsupported_grant_type": // ours, whoever the user is
		return ClientRejected
	}
	return TokenFailed // internal_failure, and what nobody foresaw
}

// invalidGrant tells the kinds of the error that covers both a user who is gone and a clock that is wrong. A refresh
// token is the user's, whatever is said about it. Of an assertion it depends on the description: what is said about
// the assertion itself, its signature, or the account that issued it concerns everybody.
func (e tokenError) invalidGrant(grant grantType) Kind {
	if grant == assertionGrant && e.says("jwt", "signature", "issuer", "audience", "account not found", "service account") {
		return ClientRejected
	}
	return GrantRefused
}

// signFact is the fact that IAM did not sign. There is no user in what it judges: whatever it refuses, it refuses for
// everybody.
func signFact(resp *http.Response, text string) *Error {
	b := parseBody(text)
	fact := &Error{
		Kind: ClientRejected, HTTPStatus: resp.StatusCode, Reason: "sign_jwt_refused",
		APIStatus: symbol(b.Status), RetryAfter: retryAfter(resp.Header, b.retryDelay()),
	}
	switch {
	case b.info().Reason == "SERVICE_DISABLED":
		fact.Reason = "iam_credentials_disabled"
	case fact.HTTPStatus == http.StatusUnauthorized:
		fact.Reason = "own_account"
	}
	// A page in HTML is not IAM's.
	if fact.HTTPStatus == http.StatusTooManyRequests || fact.HTTPStatus >= http.StatusInternalServerError || b.foreign || fact.HTTPStatus < 400 {
		fact.Kind, fact.Reason = TokenFailed, ""
	}
	return fact
}

// selfFact is the fact that the worker's own account got no token. Refused, it is everybody's; else it may pass.
func selfFact(ctx context.Context, err error) *Error {
	fact := &Error{Kind: TokenFailed, Reason: "own_account", cause: quietCause(ctx, err)}
	if e, ok := errors.AsType[*Error](err); ok && e.Kind == ClientRejected {
		fact.Kind = e.Kind
	}
	return fact
}

// quietCause is the cause of an error if it is the network's or the context's, else nil: the libraries' errors quote
// what the endpoint said.
func quietCause(ctx context.Context, err error) error {
	cause := networkCause(ctx, err)
	if _, ok := errors.AsType[net.Error](cause); ok || ctx.Err() != nil || errors.Is(cause, io.EOF) || errors.Is(cause, io.ErrUnexpectedEOF) {
		return cause
	}
	return nil
}
