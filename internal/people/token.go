package people

import (
	"context"
	"errors"
	"strings"
)

// EmulatorToken is the source of tokens for emulators, which take the user's ID for the token. A user whose ID
// cannot stand in an HTTP header is refused with [GrantRefused]: no later call would fare better.
func EmulatorToken(_ context.Context, user string) (string, error) {
	if !headerSafe(user) {
		return "", &Error{Kind: GrantRefused}
	}
	return user, nil
}

// refuse makes e the fact that there was no token for a call: of the kind that the source of tokens gives, if it may
// give that one.
func (e *Error) refuse(err error) {
	e.Kind, e.cause = TokenFailed, err
	source, ok := errors.AsType[*Error](err)
	if !ok {
		return
	}
	e.Reason, e.RetryAfter = source.Reason, source.RetryAfter
	switch source.Kind {
	case GrantRefused, ScopeMissing, ClientRejected:
		e.Kind = source.Kind
	}
}

// headerSafe reports whether a token arrives as it is when sent in a header. Blanks around it would be trimmed on
// the way, which could make it the token of another user.
func headerSafe(token string) bool {
	control := func(r rune) bool { return r < ' ' || r == 0x7f }
	return token != "" && token == strings.TrimSpace(token) && !strings.ContainsFunc(token, control)
}
