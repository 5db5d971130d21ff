package peoplesim

import (
	"strings"
	"testing"
)

func TestTokensOfAnotherIssuerAreWhatItSays(t *testing.T) {
	s := seeded(t, Config{Tokens: func(token string) (string, TokenState) {
		switch token {
		case "good":
			return ann, TokenGood
		case "scopeless":
			return ann, TokenScopeless
		}
		return "", TokenInvalid
	}})
	for token, want := range map[string]struct {
		code   int
		reason string
	}{
		"good": {200, ""}, "scopeless": {403, "ACCESS_TOKEN_SCOPE_INSUFFICIENT"}, "old": {401, "ACCESS_TOKEN_EXPIRED"}, ann: {401, "ACCESS_TOKEN_EXPIRED"},
	} {
		_, err := dial(t, s, token).Get(c1).PersonFields("names").Do()
		if want.code == 200 {
			if err != nil {
				t.Errorf("%s: %v", token, err)
			}
			continue
		}
		if f := failed(t, err); f.Code != want.code || !strings.Contains(err.Error(), want.reason) {
			t.Errorf("%s: got %d %s, want %d %s", token, f.Code, err, want.code, want.reason)
		}
	}
}
