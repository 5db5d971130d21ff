package people

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestATokenIsAskedForOnceForAllWhoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &slowGrant{delay: time.Second, life: time.Hour}
		tokens := NewTokens(g, TokensConfig{})
		defer tokens.Close()
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() { wantToken(t, tokens, "ann", "ann-1") })
			wg.Go(func() { wantToken(t, tokens, "bob", "bob-1") })
		}
		wg.Wait()
		if g.count("ann") != 1 || g.count("bob") != 1 {
			t.Errorf("asked %v, want once a user", g.asked)
		}
	})
}

func TestACallerWhoGivesUpLeavesTheRefreshToTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &slowGrant{delay: 10 * time.Second, life: time.Hour}
		tokens := NewTokens(g, TokensConfig{})
		defer tokens.Close()
		var wg sync.WaitGroup
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			begin := time.Now()
			_, err := tokens.Token(ctx, "ann")
			if !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != time.Second || factOf(t, err).Kind != TokenFailed {
				t.Errorf("got %v after %v, want the deadline after 1s", err, time.Since(begin))
			}
		})
		synctest.Wait() // it is the first
		wg.Go(func() { wantToken(t, tokens, "ann", "ann-1") })
		wg.Wait()
		if g.count("ann") != 1 || g.cancelled != 0 {
			t.Errorf("asked %d times, %d cancelled; want once and none", g.count("ann"), g.cancelled)
		}
	})
}

func TestARefreshForNobodyIsCancelledAndTheNextCallerHasANewOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &slowGrant{delay: 10 * time.Second, life: time.Hour, deaf: 5 * time.Second}
		tokens := NewTokens(g, TokensConfig{})
		defer tokens.Close()
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				_, _ = tokens.Token(ctx, "ann")
			})
		}
		wg.Wait()
		wg.Go(func() {
			time.Sleep(g.deaf + time.Second)
			wantToken(t, tokens, "ann", "ann-2") // though the first one has ended meanwhile
		})
		wantToken(t, tokens, "ann", "ann-2") // though the first one has not ended yet
		wg.Wait()
		if g.count("ann") != 2 || g.cancelled != 1 {
			t.Errorf("asked %d times, %d cancelled; want two, of which one is cancelled", g.count("ann"), g.cancelled)
		}
		wantToken(t, tokens, "ann", "ann-2")
	})
}

func TestARefreshEndsByItsOwnLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tokens := NewTokens(&slowGrant{delay: time.Hour}, TokensConfig{})
		defer tokens.Close()
		begin := time.Now()
		_, err := tokens.Token(t.Context(), "ann")
		if factOf(t, err).Kind != TokenFailed || time.Since(begin) != refreshLimit {
			t.Errorf("got %v after %v, want token_failed after %v", err, time.Since(begin), refreshLimit)
		}
	})
}

func TestAPanicOfARefreshIsThatOfTheCallersWhoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &slowGrant{delay: time.Second, panics: true}
		tokens := NewTokens(g, TokensConfig{})
		defer tokens.Close()
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				defer func() {
					if p := recover(); p != "fetch" {
						t.Errorf("recovered %v, want the refresh's panic", p)
					}
				}()
				_, _ = tokens.Token(t.Context(), "ann")
			})
		}
		wg.Wait()
		g.panics = false
		wantToken(t, tokens, "ann", "ann-2")
	})
}

func TestCloseEndsTheRefreshesAndRefusesLaterCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &slowGrant{delay: time.Hour}
		tokens := NewTokens(g, TokensConfig{})
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := tokens.Token(t.Context(), "ann"); factOf(t, err).Kind != TokenFailed {
				t.Errorf("got %v, want token_failed", err)
			}
		})
		synctest.Wait()
		begin := time.Now()
		tokens.Close()
		if time.Since(begin) != 0 || g.cancelled != 1 {
			t.Errorf("closed after %v, %d cancelled", time.Since(begin), g.cancelled)
		}
		wg.Wait()
		if _, err := tokens.Token(t.Context(), "ann"); factOf(t, err).Kind != TokenFailed || g.count("ann") != 1 {
			t.Errorf("after Close: got %v, asked %d times", err, g.count("ann"))
		}
	})
}
