package tokensim

import (
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
)

// maxBody is more than any request here has.
const maxBody = 64 << 10

// serve takes a request from its arrival to its answer.
func (s *Sim) serve(r *http.Request) answer {
	body := []byte(nil)
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(io.LimitReader(r.Body, maxBody)); err != nil {
			return answer{cut: abandoned}
		}
	}
	a := s.judge(r, body)
	s.mu.Lock()
	latency := s.latency
	s.mu.Unlock()
	return a.wait(r.Context(), latency)
}

// judge sends a request to where it belongs.
func (s *Sim) judge(r *http.Request, body []byte) answer {
	host := r.Host
	if host == "" {
		host = r.URL.Host
	}
	delegate, isSign := strings.CutSuffix(r.URL.Path, ":signJwt")
	delegate, isAccount := strings.CutPrefix(delegate, "/v1/projects/-/serviceAccounts/")
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case r.Method != http.MethodPost:
	case host == TokenHost && r.URL.Path == "/token" && kind == "application/x-www-form-urlencoded":
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return oauthError(http.StatusBadRequest, "invalid_request", "The body cannot be read.")
		}
		return s.exchange(form)
	case host == SignHost && isSign && isAccount && kind == "application/json":
		return s.sign(r.Header.Get("Authorization"), delegate, body)
	}
	return answer{status: http.StatusNotFound, html: true, body: []byte("<!DOCTYPE html><title>Error 404 (Not Found)!!1</title>")}
}

// exchange gives an access token for a refresh token or an assertion.
func (s *Sim) exchange(form url.Values) answer {
	for name, values := range form {
		if len(values) > 1 {
			return oauthError(http.StatusBadRequest, "invalid_request", "Parameter not allowed to appear more than once: "+name)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch form.Get("grant_type") {
	case "refresh_token":
		return s.refresh(form)
	case "urn:ietf:params:oauth:grant-type:jwt-bearer":
		return s.assert(form.Get("assertion"))
	case "":
		return oauthError(http.StatusBadRequest, "invalid_request", "Required parameter is missing: grant_type")
	}
	return oauthError(http.StatusBadRequest, "unsupported_grant_type", "Invalid grant_type: "+form.Get("grant_type"))
}

// refresh takes a refresh token. Callers hold mu.
func (s *Sim) refresh(form url.Values) answer {
	token, client := form.Get("refresh_token"), form.Get("client_id")
	g := s.grants[token]
	user := ""
	if g != nil {
		user = g.user
	}
	s.count(user, Calls{Token: 1})
	if a, struck := s.strike(refreshing, user); struck {
		return a
	}
	secret, known := s.clients[client]
	switch {
	case client == "":
		return oauthError(http.StatusBadRequest, "invalid_request", "Could not determine client ID from request.")
	case !known:
		return oauthError(http.StatusUnauthorized, "invalid_client", "The OAuth client was not found.")
	case form.Get("client_secret") != secret:
		return oauthError(http.StatusUnauthorized, "invalid_client", "Unauthorized")
	case token == "":
		return oauthError(http.StatusBadRequest, "invalid_request", "Missing required parameter: refresh_token")
	case g == nil:
		return invalidGrant("Bad Request")
	case g.client != client:
		return oauthError(http.StatusUnauthorized, "unauthorized_client", "Unauthorized")
	case g.revoked:
		return invalidGrant("Token has been expired or revoked.")
	}
	return s.issue(user, g.scopes)
}

// count adds calls of a user. Callers hold mu.
func (s *Sim) count(user string, more Calls) {
	c := s.calls[user]
	c.Token += more.Token
	c.Sign += more.Sign
	s.calls[user] = c
}
