package tokensim

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestFaultsStrikeWhomTheyConcernAndSoOften(t *testing.T) {
	s := known()
	annGrant, bobGrant := s.Grant(ann, client), s.Grant("bob@example.com", client)
	s.SetFaults(
		Fault{Kind: Revoked, Users: []string{ann}, Times: 2},
		Fault{Kind: TooMany, Times: 1},
		Fault{Kind: BadSignature}, // concerns assertions alone
	)
	for i, c := range []struct {
		grant  string
		status int
	}{{annGrant, 400}, {bobGrant, 429}, {bobGrant, 200}, {annGrant, 400}, {annGrant, 200}} {
		if _, status, _, _ := exchange(t, s, refreshForm(c.grant)); status != c.status {
			t.Errorf("call %d: status %d, want %d", i+1, status, c.status)
		}
	}
	s.SetFaults()
	if _, status, _, _ := exchange(t, s, assertionForm(t, goodClaims(), testKey())); status != 200 {
		t.Errorf("without faults: status %d", status)
	}
	defer func() {
		if recover() == nil {
			t.Error("an unknown kind is taken")
		}
	}()
	s.SetFaults(Fault{Kind: "nonsense"})
}

func TestEveryFaultStrikesSomewhere(t *testing.T) {
	for _, kind := range slices.Sorted(maps.Keys(answers)) {
		s := known()
		s.SetFaults(Fault{Kind: kind})
		struck := 0
		for on, ask := range map[side]func(){
			refreshing: func() { s.exchange(refreshForm(s.Grant(ann, client))) },
			asserting:  func() { s.exchange(assertionForm(t, goodClaims(), testKey())) },
			signing:    func() { s.mayActAs("Bearer "+signer, delegate, ann) },
		} {
			before := s.faults[0].struck
			ask()
			n := s.faults[0].struck - before
			if want := slices.Contains(answers[kind].sides, on); (n == 1) != want {
				t.Errorf("%s struck %d times on side %d", kind, n, on)
			}
			struck += n
		}
		if struck == 0 {
			t.Errorf("%s never strikes", kind)
		}
	}
}

func TestLatencyAndHangsEndWithTheClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := known()
		form := refreshForm(s.Grant(ann, client)).Encode()
		for name, prepare := range map[string]func(){
			"latency": func() { s.SetLatency(time.Minute) },
			"hang":    func() { s.SetFaults(Fault{Kind: Hang}) },
		} {
			prepare()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			r, err := http.NewRequestWithContext(ctx, http.MethodPost, tokenURL, strings.NewReader(form))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			begin := time.Now()
			if _, err := s.RoundTrip(r); !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != time.Second {
				t.Errorf("%s: got %v after %v", name, err, time.Since(begin))
			}
			cancel()
		}
	})
}
