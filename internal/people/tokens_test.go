package people

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"
)

// slowGrant gives tokens that live for a time, after a delay, and counts how often each user's was asked for.
type slowGrant struct {
	delay, life time.Duration
	deaf        time.Duration // how long it goes on when it is cancelled
	refuse      *Error        // instead of a token
	panics      bool
	file        fileState

	mu        sync.Mutex // guards the fields below
	asked     map[string]int
	cancelled int
}

func (g *slowGrant) check(user string) error { return checkFileName(user) }
func (g *slowGrant) state(string) fileState  { return g.file }
func (g *slowGrant) hangUp()                 {}
func (g *slowGrant) count(user string) (n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.asked[user]
}

func (g *slowGrant) fetch(ctx context.Context, user string) (*oauth2.Token, error) {
	g.mu.Lock()
	if g.asked == nil {
		g.asked = map[string]int{}
	}
	g.asked[user]++
	n := g.asked[user]
	g.mu.Unlock()
	select {
	case <-time.After(g.delay):
	case <-ctx.Done():
		time.Sleep(g.deaf)
		g.mu.Lock()
		g.cancelled++
		g.mu.Unlock()
		return nil, &Error{Kind: TokenFailed, cause: ctx.Err()}
	}
	if g.refuse != nil {
		return nil, g.refuse
	}
	if g.panics {
		panic("fetch")
	}
	token := &oauth2.Token{AccessToken: fmt.Sprintf("%s-%d", user, n)}
	if g.life > 0 {
		token.Expiry = time.Now().Add(g.life)
	}
	return token, nil
}

// wantToken fails the test unless the user's token is that one.
func wantToken(t *testing.T, tokens *Tokens, user, want string) {
	t.Helper()
	if got, err := tokens.Token(t.Context(), user); got != want || err != nil {
		t.Errorf("token of %s: got %q, %v; want %q", user, got, err, want)
	}
}

func TestATokenIsReplacedBeforeItsEnd(t *testing.T) {
	for life, end := range map[time.Duration]time.Duration{
		time.Hour:        59 * time.Minute,
		40 * time.Second: 30 * time.Second,
		0:                59 * time.Minute,
	} {
		synctest.Test(t, func(t *testing.T) {
			tokens := NewTokens(&slowGrant{life: life}, TokensConfig{})
			defer tokens.Close()
			wantToken(t, tokens, "ann", "ann-1")
			time.Sleep(end - time.Nanosecond)
			wantToken(t, tokens, "ann", "ann-1")
			time.Sleep(time.Nanosecond)
			wantToken(t, tokens, "ann", "ann-2")
		})
	}
}

func TestAUsersRefusalIsRememberedForItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &slowGrant{refuse: &Error{Kind: GrantRefused, Reason: "invalid_grant"}}
		tokens := NewTokens(g, TokensConfig{RefusedFor: 5 * time.Minute})
		defer tokens.Close()
		ask := func(want int) {
			t.Helper()
			for range 100 {
				if _, err := tokens.Token(t.Context(), "ann"); factOf(t, err).Kind != GrantRefused {
					t.Fatalf("got %v, want grant_refused", err)
				}
			}
			if got := g.count("ann"); got != want {
				t.Errorf("asked %d times, want %d", got, want)
			}
		}
		ask(1)
		time.Sleep(5*time.Minute - time.Nanosecond)
		ask(1)
		time.Sleep(time.Nanosecond)
		ask(2)
		g.file = fileState{modified: time.Now(), size: 1} // the user's file is a new one
		ask(3)
		g.refuse, g.file.size = nil, 2
		wantToken(t, tokens, "ann", "ann-4")
		g.file.size = 1 // and the old verdict is gone for good
		wantToken(t, tokens, "ann", "ann-4")
	})
}

func TestWhatIsNoVerdictOnTheUserIsNotRemembered(t *testing.T) {
	for _, kind := range []Kind{TokenFailed, ClientRejected} {
		synctest.Test(t, func(t *testing.T) {
			g := &slowGrant{refuse: &Error{Kind: kind}}
			tokens := NewTokens(g, TokensConfig{})
			defer tokens.Close()
			for range 3 {
				if _, err := tokens.Token(t.Context(), "ann"); factOf(t, err).Kind != kind {
					t.Errorf("got %v, want %v", err, kind)
				}
			}
			if g.count("ann") != 3 {
				t.Errorf("%v: asked %d times, want 3", kind, g.count("ann"))
			}
		})
	}
}

func TestARefusedTokenIsReplacedOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tokens := NewTokens(&slowGrant{life: time.Hour}, TokensConfig{Idle: 2 * time.Hour})
		defer tokens.Close()
		unauthenticated := &Error{Kind: Unauthenticated}
		wantToken(t, tokens, "ann", "ann-1")
		tokens.Rejected("ann", "ann-1", unauthenticated)
		tokens.Rejected("ann", "ann-1", unauthenticated) // by a call that was slower
		wantToken(t, tokens, "ann", "ann-2")
		tokens.Rejected("ann", "ann-1", unauthenticated) // by one that was slower still
		wantToken(t, tokens, "ann", "ann-2")
		tokens.Rejected("ann", "ann-2", unauthenticated) // the new one too: it is not the token
		wantToken(t, tokens, "ann", "ann-2")
		time.Sleep(keepReplacement)
		wantToken(t, tokens, "ann", "ann-2")
		tokens.Rejected("ann", "ann-2", unauthenticated)
		wantToken(t, tokens, "ann", "ann-3")
		time.Sleep(time.Hour)
		wantToken(t, tokens, "ann", "ann-4") // in its time, so it is no replacement
		tokens.Rejected("ann", "ann-3", unauthenticated)
		wantToken(t, tokens, "ann", "ann-4")
		tokens.Rejected("ann", "ann-4", unauthenticated)
		wantToken(t, tokens, "ann", "ann-5")
		tokens.Rejected("bob", "bob-1", unauthenticated) // nobody has asked for bob
	})
}

func TestAMissingScopeIsRememberedAsAVerdict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &slowGrant{life: time.Hour}
		tokens := NewTokens(g, TokensConfig{})
		defer tokens.Close()
		wantToken(t, tokens, "ann", "ann-1")
		tokens.Rejected("ann", "ann-1", &Error{Kind: ScopeMissing})
		if _, err := tokens.Token(t.Context(), "ann"); factOf(t, err).Kind != ScopeMissing || g.count("ann") != 1 {
			t.Errorf("got %v, asked %d times; want scope_missing without a question", err, g.count("ann"))
		}
		time.Sleep(5 * time.Minute)
		wantToken(t, tokens, "ann", "ann-2")
	})
}

func TestUsersAreForgottenOverTheLimitAndWhenIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tokens := NewTokens(&slowGrant{}, TokensConfig{MaxUsers: 10, Idle: 20 * time.Minute})
		defer tokens.Close()
		for i := range 15 {
			wantToken(t, tokens, fmt.Sprint("u", i), fmt.Sprintf("u%d-1", i))
		}
		if n := tokens.accounts.Len(); n != 10 {
			t.Errorf("%d users are remembered, want 10", n)
		}
		time.Sleep(15 * time.Minute)
		wantToken(t, tokens, "u5", "u5-1")
		time.Sleep(5 * time.Minute)
		wantToken(t, tokens, "u5", "u5-1")
		if n := tokens.accounts.Len(); n != 1 {
			t.Errorf("%d users are remembered, want the one who is not idle", n)
		}
		wantToken(t, tokens, "u14", "u14-2")
	})
}

func TestANameThatCannotBeIsRefusedWithoutAQuestion(t *testing.T) {
	g := &slowGrant{}
	tokens := NewTokens(g, TokensConfig{})
	defer tokens.Close()
	if _, err := tokens.Token(t.Context(), "../ann"); factOf(t, err).Kind != GrantRefused || len(g.asked) != 0 || tokens.accounts.Len() != 0 {
		t.Errorf("got %v, asked %v", err, g.asked)
	}
}
