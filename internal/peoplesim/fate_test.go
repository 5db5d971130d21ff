package peoplesim

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"google.golang.org/api/people/v1"
)

func TestAFaultStrikesOnlyWhomItIsFor(t *testing.T) {
	const bob = "bob@example.com"
	get := func(user, resource string) func(*testing.T, *Sim) error {
		return func(t *testing.T, s *Sim) error {
			_, err := dial(t, s, user).Get(resource).PersonFields("names").Do()
			return err
		}
	}
	for name, c := range map[string]struct {
		fault Fault
		hit   func(*testing.T, *Sim) error
		miss  func(*testing.T, *Sim) error
	}{
		"a user":    {Fault{Users: []string{ann}}, get(ann, c1), get(bob, "people/c9")},
		"a contact": {Fault{Contacts: []string{c1, "people/c7"}}, get(ann, c1), get(ann, c2)},
		"a contact among others": {Fault{Contacts: []string{c2}}, func(t *testing.T, s *Sim) error {
			_, err := dial(t, s, ann).GetBatchGet().ResourceNames(c1, c2).PersonFields("names").Do()
			return err
		}, get(ann, c1)},
		"a method": {Fault{Methods: []string{UpdateContact, Get}}, get(ann, c1), func(t *testing.T, s *Sim) error {
			_, err := dial(t, s, ann).GetBatchGet().ResourceNames(c1).PersonFields("names").Do()
			return err
		}},
	} {
		s := seeded(t, Config{})
		if err := s.Seed(bob, []*people.Person{{ResourceName: "people/c9"}}); err != nil {
			t.Fatal(err)
		}
		c.fault.Kind, c.fault.Rate = Unavailable, 1
		setFaults(t, s, Faults{List: []Fault{c.fault}})
		if err := c.hit(t, s); err == nil {
			t.Errorf("for %s: no error", name)
		}
		if err := c.miss(t, s); err != nil {
			t.Errorf("for another than %s: %v", name, err)
		}
	}
}

func TestAFaultLetsCallsPassFirstAndEndsAfterItsNumber(t *testing.T) {
	s := seeded(t, Config{})
	setFaults(t, s, Faults{List: []Fault{{Kind: Internal, Rate: 1, Skip: 2, Calls: 3}}})
	if got, want := outcomes(t, s, 8), "200 200 500 500 500 200 200 200"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// outcomes makes n reads and lists how they ended.
func outcomes(t *testing.T, s *Sim, n int) string {
	t.Helper()
	var codes []string
	for range n {
		r, err := http.NewRequestWithContext(t.Context(), "GET", "http://people.example.com/v1/people/c1?personFields=names", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+ann)
		answer, err := s.RoundTrip(r)
		switch {
		case errors.Is(err, syscall.ECONNRESET):
			codes = append(codes, "reset")
		case err != nil:
			codes = append(codes, "lost")
		default:
			codes = append(codes, fmt.Sprint(answer.StatusCode))
		}
	}
	return strings.Join(codes, " ")
}

func TestTheSameSeedAndCallsGiveTheSameFaults(t *testing.T) {
	faults := Faults{Seed: 7, List: []Fault{
		{Kind: Unavailable, Rate: 0.2}, {Kind: Reset, Rate: 0.2}, {Kind: AnswerLost, Rate: 0.2}, {Kind: Internal, Rate: 0.1},
	}}
	s := seeded(t, Config{})
	setFaults(t, s, faults)
	first := outcomes(t, s, 60)
	for _, want := range []string{"200", "503", "reset", "lost", "500"} {
		if !strings.Contains(first, want) {
			t.Errorf("60 calls gave no %s: %s", want, first)
		}
	}

	// Another simulator, in which another user calls in between.
	other := seeded(t, Config{})
	setFaults(t, other, faults)
	var second []string
	for range 60 {
		if _, err := dial(t, other, "bob@example.com").Get(c1).PersonFields("names").Do(); err == nil {
			t.Fatal("bob has the contact of ann")
		}
		second = append(second, outcomes(t, other, 1))
	}
	if got := strings.Join(second, " "); got != first {
		t.Errorf("the same seed gave\n%s, then\n%s", first, got)
	}

	// Set again, the draws start anew; with another seed they are others.
	setFaults(t, s, faults)
	if got := outcomes(t, s, 60); got != first {
		t.Errorf("set again, the same seed gave\n%s, before\n%s", got, first)
	}
	faults.Seed = 8
	setFaults(t, s, faults)
	if got := outcomes(t, s, 60); got == first {
		t.Error("another seed gave the same faults")
	}
}

func TestARateIsWhatItSays(t *testing.T) {
	s := seeded(t, Config{})
	setFaults(t, s, Faults{List: []Fault{{Kind: Unavailable, Rate: 0.1}}})
	if got := strings.Count(outcomes(t, s, 5000), "503"); got < 400 || got > 600 {
		t.Errorf("of 5000 calls %d failed at a rate of 0.1", got)
	}
}
