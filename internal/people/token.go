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

// tokenKind is the kind of a call for which there was no token: the kind that the source gave it, if it did.
func tokenKind(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok && (e.Kind == GrantRefused || e.Kind == ClientRejected) {
		return e.Kind
	}
	return TokenFailed
}

// headerSafe reports whether a token arrives as it is when sent in a header. Blanks around it would be trimmed on
// the way, which could make it the token of another user.
func headerSafe(token string) bool {
	control := func(r rune) bool { return r < ' ' || r == 0x7f }
	return token != "" && token == strings.TrimSpace(token) && !strings.ContainsFunc(token, control)
}
