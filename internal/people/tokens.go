package people

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/oauth2"
)

// Limits of the cache of tokens.
const (
	// refreshLimit bounds one refresh: two requests, each of which takes well under a second.
	refreshLimit = 30 * time.Second
	// refreshEarly is how long before its end a token is no longer used: a call takes --call-timeout at most. Of a
	// token that lives shorter than 4 minutes, it is a quarter of its life.
	refreshEarly = time.Minute
	// keepReplacement is how long a token that replaced a refused one is kept though it is refused too. Then it is not
	// the token: while the service refuses everybody, no more than a refresh a minute and user is asked for.
	keepReplacement = time.Minute
	// unlimitedToken is how long a token is used that comes without its end.
	unlimitedToken = time.Hour
)

// grant is a way to come by the tokens of users.
type grant interface {
	// check reports, as an [*Error], that the user's name is none that this way can serve. It does no I/O.
	check(user string) error
	// state is that of the user's file, where there is one. A refusal holds for as long as it stays the same.
	state(user string) fileState
	// fetch asks for an access token. Its errors are [*Error]s.
	fetch(ctx context.Context, user string) (*oauth2.Token, error)
	// hangUp gives up the idle connections.
	hangUp()
}

// TokensConfig bounds what [Tokens] remembers.
type TokensConfig struct {
	// MaxUsers is how many users are remembered at most, those called last. 0 is 10,000.
	MaxUsers int
	// Idle is how long a user is remembered after the last call. 0 is an hour: so long lives a token.
	Idle time.Duration
	// RefusedFor is how long it is remembered that there is no grant for a user, or none for contacts. 0 is 5 minutes.
	RefusedFor time.Duration
}

// Tokens is the cache of the access tokens of all users. A token is asked for once, however many callers wait for it,
// and so is one that was refused. It is safe for concurrent use.
type Tokens struct {
	grant      grant
	config     TokensConfig
	refreshing sync.WaitGroup

	mu       sync.Mutex // guards the fields below, and what the accounts hold; never held over I/O
	closed   bool
	accounts *simplelru.LRU[string, *account]
}

// account is what is known of one user.
type account struct {
	used time.Time

	token    string    // empty: none
	fetched  time.Time // when the token was
	until    time.Time // from then on it is not used
	replaces bool      // the token, or the next one, is in place of one that the service refused

	refusal *refusal // nil: none that holds
	flight  *flight  // nil: no refresh is under way
}

// refusal is a user's verdict.
type refusal struct {
	fact  *Error
	until time.Time
	state fileState // of the file that it is about
}

// NewTokens returns a cache in front of a [*Delegation], a [*KeyFile] or a [*Folder]. It starts nothing; Close ends it.
func NewTokens(g grant, c TokensConfig) *Tokens {
	if c.MaxUsers <= 0 {
		c.MaxUsers = 10_000
	}
	if c.Idle <= 0 {
		c.Idle = time.Hour
	}
	if c.RefusedFor <= 0 {
		c.RefusedFor = 5 * time.Minute
	}
	accounts, err := simplelru.NewLRU[string, *account](c.MaxUsers, nil)
	if err != nil {
		panic(fmt.Sprintf("people: a cache of %d users: %v", c.MaxUsers, err)) // it is more than 0
	}
	return &Tokens{grant: g, config: c, accounts: accounts}
}

// Token returns the access token of a user, as [Config.Token] wants it. It blocks while one is asked for, until ctx
// ends at most; the refresh goes on while another caller waits for it.
func (t *Tokens) Token(ctx context.Context, user string) (string, error) {
	if err := t.grant.check(user); err != nil {
		return "", err
	}
	if r := t.refused(user); r != nil && r.state == t.grant.state(user) {
		return "", r.fact
	}
	token, f, err := t.join(ctx, user)
	if f == nil {
		return token, err
	}
	select {
	case <-f.done:
		if f.panic != nil {
			panic(f.panic)
		}
		return f.token, f.err
	case <-ctx.Done():
		t.leave(f)
		return "", &Error{Kind: TokenFailed, cause: ctx.Err()}
	}
}

// refused returns the refusal that is remembered for a user, nil if there is none.
func (t *Tokens) refused(user string) *refusal {
	t.mu.Lock()
	defer t.mu.Unlock()
	a, ok := t.accounts.Get(user)
	if !ok || a.refusal == nil || !time.Now().Before(a.refusal.until) {
		return nil
	}
	a.used = time.Now()
	return a.refusal
}

// join returns the token at hand, or else the refresh to wait for.
func (t *Tokens) join(ctx context.Context, user string) (string, *flight, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	if t.closed {
		return "", nil, &Error{Kind: TokenFailed, cause: errors.New("the tokens are closed")}
	}
	t.dropIdle(now)
	a, ok := t.accounts.Get(user)
	if !ok {
		a = &account{}
		t.accounts.Add(user, a)
	}
	a.used = now
	if a.token != "" && now.Before(a.until) {
		return a.token, nil, nil
	}
	if a.flight == nil {
		t.depart(ctx, user, a)
	}
	a.flight.waiting++
	return "", a.flight, nil
}

// dropIdle forgets the users who have not been called for long. Callers hold mu.
func (t *Tokens) dropIdle(now time.Time) {
	for {
		user, a, ok := t.accounts.GetOldest()
		if !ok || now.Sub(a.used) < t.config.Idle || a.flight != nil {
			return
		}
		t.accounts.Remove(user)
	}
}

// Rejected notes that the service did not take a user's token, as [Config.Rejected] wants it. The next call has a new
// one, unless this one is itself such a new one: then it is kept for a minute.
func (t *Tokens) Rejected(user, token string, fact *Error) {
	state := t.grant.state(user)
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	a, ok := t.accounts.Peek(user)
	if !ok || a.token != token {
		return // another call was quicker
	}
	switch fact.Kind {
	case Unauthenticated:
		if a.replaces && now.Sub(a.fetched) < keepReplacement {
			return
		}
		a.token, a.replaces = "", true
	case ScopeMissing:
		a.token = "" // a grant that is given anew shows in new tokens alone
		a.refusal = &refusal{&Error{Kind: ScopeMissing, Reason: fact.Reason}, now.Add(t.config.RefusedFor), state}
	}
}

// Close cancels the refreshes under way, returns when they have ended, and gives up the idle connections. Later calls of
// Token fail.
func (t *Tokens) Close() {
	t.close()
	t.refreshing.Wait()
	t.grant.hangUp()
}

func (t *Tokens) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	for _, a := range t.accounts.Values() {
		if a.flight != nil {
			a.flight.cancel()
		}
	}
}
