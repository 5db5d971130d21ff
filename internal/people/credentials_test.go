package people

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/contactrelay/contactrelay/internal/peoplesim"
	"github.com/contactrelay/contactrelay/internal/tokensim"
)

const ann, bob = "ann@" + testUsers, "bob@" + testUsers

func TestEachWaySignsUsersIn(t *testing.T) {
	eachWay(t, func(t *testing.T, o *office, way string) {
		for _, user := range []string{ann, bob} {
			o.authorize(user)
			o.seed(user)
		}
		c := o.client(o.signIn(way))
		for range 10 {
			for _, user := range []string{ann, bob} {
				if _, err := c.Get(t.Context(), user, "people/c1", Read{Fields: "names"}); err != nil {
					t.Fatalf("%s: %v", user, err)
				}
			}
		}
		want := tokensim.Calls{Token: 1}
		if way == byDelegation {
			want.Sign = 1
		}
		if got := o.google.Calls(ann); got != want {
			t.Errorf("ann's token was asked for %+v, want %+v", got, want)
		}
	})
}

func TestATokenThatExpiresInTheMiddleIsRefreshedOnceAUser(t *testing.T) {
	const users, rounds, call = 64, 8, 3 * time.Second
	// "in its time" is foreseen; "void" is what the service does on its own, and shows as 401.
	for _, void := range []bool{false, true} {
		t.Run(map[bool]string{false: "in its time", true: "void"}[void], func(t *testing.T) {
			eachWay(t, func(t *testing.T, o *office, way string) {
				var names []string
				for i := range users {
					names = append(names, fmt.Sprintf("u%d@%s", i, testUsers))
					o.authorize(names[i])
					o.seed(names[i])
				}
				o.google.SetLatency(100 * time.Millisecond)
				if !void {
					o.google.SetLifetime(26 * time.Second) // used for three quarters of it
				}
				if err := o.people.SetFaults(peoplesim.Faults{List: []peoplesim.Fault{{Kind: peoplesim.Latency, Rate: 1, Delay: peoplesim.Duration(call)}}}); err != nil {
					t.Fatal(err)
				}
				c := o.client(o.signIn(way))
				var mu sync.Mutex
				refused := map[string]int{}
				var wg sync.WaitGroup
				for _, user := range names {
					wg.Go(func() {
						for range rounds {
							_, err := c.Get(t.Context(), user, "people/c1", Read{Fields: "names"})
							if err == nil {
								continue
							}
							if factOf(t, err).Kind != Unauthenticated {
								t.Errorf("%s: %v", user, err)
							}
							mu.Lock()
							refused[user]++
							mu.Unlock()
						}
					})
				}
				if void {
					time.Sleep(rounds / 2 * call)
					o.google.Void()
				}
				wg.Wait()
				for _, user := range names {
					if got := o.google.Calls(user).Token; got != 2 {
						t.Errorf("%s: %d token calls, want the first and one refresh", user, got)
					}
					if want := map[bool]int{true: 1}[void]; refused[user] != want {
						t.Errorf("%s: %d calls were refused, want %d", user, refused[user], want)
					}
				}
			})
		})
	}
}

func TestAThousandCallsOfARevokedUserAskOnce(t *testing.T) {
	eachWay(t, func(t *testing.T, o *office, way string) {
		for _, user := range []string{ann, bob} {
			o.authorize(user)
			o.seed(user)
		}
		c := o.client(o.signIn(way))
		o.google.Revoke(ann)
		o.google.DeleteUser(ann)
		for range 1000 {
			if _, err := c.Get(t.Context(), ann, "people/c1", Read{Fields: "names"}); factOf(t, err).Kind != GrantRefused {
				t.Fatalf("ann: got %v, want grant_refused", err)
			}
			if _, err := c.Get(t.Context(), bob, "people/c1", Read{Fields: "names"}); err != nil {
				t.Fatalf("bob: %v", err)
			}
		}
		if a, b := o.google.Calls(ann).Token, o.google.Calls(bob).Token; a != 1 || b != 1 {
			t.Errorf("token calls: %d for ann, %d for bob; want 1 each", a, b)
		}
		time.Sleep(5 * time.Minute)
		_, _ = c.Get(t.Context(), ann, "people/c1", Read{Fields: "names"})
		if n := o.google.Calls(ann).Token; n != 2 {
			t.Errorf("%d token calls after 5 minutes, want 2", n)
		}
	})
}

func TestAGrantThatIsRevokedMeanwhileBecomesAVerdict(t *testing.T) {
	eachWay(t, func(t *testing.T, o *office, way string) {
		o.authorize(ann)
		o.seed(ann)
		c := o.client(o.signIn(way))
		if _, err := c.Get(t.Context(), ann, "people/c1", Read{Fields: "names"}); err != nil {
			t.Fatal(err)
		}
		o.google.Revoke(ann)
		o.google.DeleteUser(ann)
		for i, want := range []Kind{Unauthenticated, GrantRefused, GrantRefused} {
			if _, err := c.Get(t.Context(), ann, "people/c1", Read{Fields: "names"}); factOf(t, err).Kind != want {
				t.Errorf("call %d: got %v, want %v", i+1, err, want)
			}
		}
	})
}

func TestAnIncidentOfTheAPIsTokenCheckCostsARefreshAMinute(t *testing.T) {
	eachWay(t, func(t *testing.T, o *office, way string) {
		o.authorize(ann)
		o.seed(ann)
		c := o.client(o.signIn(way))
		if err := o.people.SetFaults(peoplesim.Faults{List: []peoplesim.Fault{{Kind: peoplesim.Revoked, Rate: 1}}}); err != nil {
			t.Fatal(err)
		}
		for range 119 {
			if _, err := c.Get(t.Context(), ann, "people/c1", Read{Fields: "names"}); factOf(t, err).Kind != Unauthenticated {
				t.Fatalf("got %v, want unauthenticated", err)
			}
			time.Sleep(time.Second)
		}
		if n := o.google.Calls(ann).Token; n != 3 {
			t.Errorf("%d token calls in 2 minutes, want the first and a refresh a minute", n)
		}
	})
}

func TestAGrantWithoutTheScopeForContactsIsAVerdictOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		o.authorize(ann, "https://www.googleapis.com/auth/calendar")
		o.seed(ann)
		c := o.client(o.signIn(byTokens))
		for range 100 {
			if _, err := c.Get(t.Context(), ann, "people/c1", Read{Fields: "names"}); factOf(t, err).Kind != ScopeMissing {
				t.Fatalf("got %v, want scope_missing", err)
			}
		}
		if calls := o.people.Stats().Calls[peoplesim.Get]["403"]; calls != 1 || o.google.Calls(ann).Token != 1 {
			t.Errorf("%d calls and %d token calls, want one each", calls, o.google.Calls(ann).Token)
		}
		time.Sleep(time.Second)
		o.authorize(ann) // again, and with the scope: the file is a new one
		if _, err := c.Get(t.Context(), ann, "people/c1", Read{Fields: "names"}); err != nil {
			t.Errorf("after the scope was granted: %v", err)
		}
	})
}
