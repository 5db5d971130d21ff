package people

import (
	"context"
	"errors"
	"time"

	"golang.org/x/oauth2"
)

// flight is a refresh under way. Callers come and go while it lasts; when the last one has gone it is cancelled.
type flight struct {
	account *account
	cancel  context.CancelFunc
	waiting int           // callers; guarded by Tokens.mu
	done    chan struct{} // closed when those below are set
	token   string
	err     error
	panic   any // what fetch panicked with; nil if it did not
}

// depart starts a refresh for an account. It outlives the context of the caller who happened to be first, and has its
// own limit. Callers hold mu.
func (t *Tokens) depart(ctx context.Context, user string, a *account) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), refreshLimit)
	f := &flight{account: a, cancel: cancel, done: make(chan struct{})}
	a.flight = f
	t.refreshing.Go(func() { // Close waits for it
		defer cancel()
		defer close(f.done)
		defer t.crash(f)
		state := t.grant.state(user) // before the file is read: a change meanwhile shows as one
		token, err := t.grant.fetch(ctx, user)
		t.land(f, state, token, err)
	})
}

// crash keeps a panic of a refresh for those who wait: it is theirs, and the process shall not end by it.
func (t *Tokens) crash(f *flight) {
	if f.panic = recover(); f.panic != nil {
		t.land(f, fileState{}, nil, &Error{Kind: TokenFailed})
	}
}

// leave is what a caller does who waits no longer.
func (t *Tokens) leave(f *flight) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if f.waiting--; f.waiting > 0 {
		return
	}
	f.cancel()
	if f.account.flight == f {
		f.account.flight = nil // who comes now needs one that is not cancelled
	}
}

// land notes what a refresh came to.
func (t *Tokens) land(f *flight, state fileState, token *oauth2.Token, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	a, now := f.account, time.Now()
	if a.flight == f {
		a.flight = nil
	}
	if err != nil {
		f.err = err
		if fact, ok := errors.AsType[*Error](err); ok && fact.Kind == GrantRefused {
			a.refusal = &refusal{fact, now.Add(t.config.RefusedFor), state}
		}
		return
	}
	f.token = token.AccessToken
	a.replaces = a.replaces && a.token == "" // else the old one had its time
	a.token, a.fetched, a.refusal = token.AccessToken, now, nil
	life := unlimitedToken
	if !token.Expiry.IsZero() {
		life = token.Expiry.Sub(now)
	}
	a.until = now.Add(life - min(refreshEarly, life/4))
}
