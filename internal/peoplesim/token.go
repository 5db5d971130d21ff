package peoplesim

// TokenState is what a bearer token is good for.
type TokenState int

// The states of a token.
const (
	TokenGood      TokenState = iota
	TokenInvalid              // 401: unknown, expired or revoked
	TokenScopeless            // 403: granted without the scope for contacts
)

// authenticate finds the user of a call, or says why it is refused.
func (s *Sim) authenticate(c *call) *problem {
	if c.token == "" {
		return unauthenticated(c.method)
	}
	if s.config.Tokens == nil {
		c.user = c.token
		return nil
	}
	user, state := s.config.Tokens(c.token)
	switch state {
	case TokenInvalid:
		return revoked(c.method)
	case TokenScopeless:
		return scopeMissing(c.method)
	}
	c.user = user
	return nil
}
