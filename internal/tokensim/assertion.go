package tokensim

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
)

// What the endpoint says.
const (
	wrongClockText   = "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim."
	notDelegatedText = "Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of the scopes requested."
)

// Bounds of the times of an assertion. How far the real endpoint lets clocks differ is not documented.
const (
	longestAssertion = time.Hour
	clockTolerance   = 5 * time.Minute
)

// claims are those of an assertion.
type claims struct {
	Issuer   string `json:"iss"`
	Subject  string `json:"sub"`
	Scope    string `json:"scope"`
	Audience string `json:"aud"`
	Issued   int64  `json:"iat"`
	Expires  int64  `json:"exp"`
}

// assert takes a signed assertion. Callers hold mu.
func (s *Sim) assert(token string) answer {
	c, ok := readClaims(token)
	s.count(c.Subject, Calls{Token: 1})
	if a, struck := s.strike(asserting, c.Subject); struck {
		return a
	}
	if !ok {
		return invalidGrant("Bad Request")
	}
	issuer := s.accounts[c.Issuer]
	if issuer == nil {
		return invalidGrant("Invalid grant: account not found")
	}
	if !verified(token, &issuer.key.PublicKey) {
		return invalidGrant("Invalid JWT Signature.")
	}
	if c.Audience != tokenURL {
		return invalidGrant("Invalid JWT: Failed audience check.")
	}
	if !c.timely(time.Now()) {
		return invalidGrant(wrongClockText)
	}
	scopes := strings.Fields(c.Scope)
	if len(scopes) == 0 {
		return oauthError(http.StatusBadRequest, "invalid_scope", "Invalid OAuth scope or ID token audience provided.")
	}
	return s.actFor(c.Subject, issuer, scopes)
}

// actFor issues the token of a user to a delegate. Callers hold mu.
func (s *Sim) actFor(user string, issuer *account, scopes []string) answer {
	local, domain, ok := strings.Cut(user, "@")
	foreign := func(scope string) bool { return !slices.Contains(issuer.scopes, scope) }
	switch {
	case !ok || local == "":
		return invalidGrant("Not a valid email or user ID.")
	case !s.domains[domain], slices.ContainsFunc(scopes, foreign):
		return oauthError(http.StatusUnauthorized, "unauthorized_client", notDelegatedText)
	case s.deleted[user]:
		return invalidGrant("Invalid email or User ID")
	}
	return s.issue(user, scopes)
}

// timely reports whether the assertion is for an hour at most, and for now.
func (c claims) timely(now time.Time) bool {
	issued, expires := time.Unix(c.Issued, 0), time.Unix(c.Expires, 0)
	return c.Issued > 0 && expires.After(issued) && expires.Sub(issued) <= longestAssertion &&
		!issued.After(now.Add(clockTolerance)) && expires.After(now.Add(-clockTolerance))
}

// readClaims reads an assertion without verifying it.
func readClaims(token string) (c claims, ok bool) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return c, false
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return c, false
	}
	return c, json.Unmarshal(text, &c) == nil
}

// verified reports whether an assertion is signed with a key, by RS256.
func verified(token string, key *rsa.PublicKey) bool {
	i := strings.LastIndexByte(token, '.')
	head, _, _ := strings.Cut(token, ".")
	text, err := base64.RawURLEncoding.DecodeString(head)
	var header struct {
		Algorithm string `json:"alg"`
	}
	if err != nil || json.Unmarshal(text, &header) != nil || header.Algorithm != "RS256" {
		return false
	}
	signature, err := base64.RawURLEncoding.DecodeString(token[i+1:])
	sum := sha256.Sum256([]byte(token[:i]))
	return err == nil && rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature) == nil
}
