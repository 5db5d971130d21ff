package tokensim

import (
	"crypto/rand"
	"slices"
	"strings"
	"time"
)

// issuance is an access token.
type issuance struct {
	user    string
	scopes  []string
	expires time.Time
	void    bool
}

// State is what an access token is good for.
type State int

const (
	Good      State = iota
	Invalid         // unknown, expired or void: an API answers 401
	Scopeless       // good, but not for contacts: an API answers 403
)

// Check tells whose token it is and what it is good for.
func (s *Sim) Check(token string) (user string, state State) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.issued[token]
	switch {
	case i == nil, i.void, !time.Now().Before(i.expires):
		return "", Invalid
	case !slices.Contains(i.scopes, ContactsScope):
		return i.user, Scopeless
	}
	return i.user, Good
}

// Void ends the access tokens of all users at once, long before their time. Grants stay.
func (s *Sim) Void() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, i := range s.issued {
		i.void = true
	}
}

// void ends those of one user. Callers hold mu.
func (s *Sim) void(user string) {
	for _, i := range s.issued {
		i.void = i.void || i.user == user
	}
}

// issue makes an access token and the answer that holds it. Callers hold mu.
func (s *Sim) issue(user string, scopes []string) answer {
	token := "ya29." + rand.Text()
	s.issued[token] = &issuance{user: user, scopes: scopes, expires: time.Now().Add(s.lifetime)}
	return jsonAnswer(200, map[string]any{
		"access_token": token, "expires_in": int64(s.lifetime / time.Second), "token_type": "Bearer",
		"scope": strings.Join(scopes, " "),
	})
}
