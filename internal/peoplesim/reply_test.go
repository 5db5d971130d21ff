package peoplesim

import (
	"context"
	"errors"
	"io"
	"net/http"
	"syscall"
	"testing"
	"testing/iotest"

	"google.golang.org/api/people/v1"
)

func TestAConnectionIsResetBeforeTheWriteAndAnAnswerLostAfterIt(t *testing.T) {
	for _, c := range []struct {
		fault   Fault
		code    string
		written bool
		want    error
	}{
		{Fault{Kind: Reset, Rate: 1}, "reset", false, syscall.ECONNRESET},
		{Fault{Kind: Reset, Rate: 1, Applied: true}, "reset", true, syscall.ECONNRESET},
		{Fault{Kind: AnswerLost, Rate: 1}, "lost", true, io.EOF},
	} {
		for place, connect := range map[string]func(testing.TB, *Sim, string) *people.PeopleService{"in process": dial, "over a socket": dialSocket} {
			s := seeded(t, Config{})
			setFaults(t, s, Faults{List: []Fault{c.fault}})
			_, err := connect(t, s, ann).UpdateContact(c1, guarded(c1, 1, named("New"))).UpdatePersonFields("names").Do()
			if !errors.Is(err, c.want) {
				t.Errorf("%s %s: got %v, want %v", place, c.fault.Kind, err, c.want)
			}
			if got := givenName(t, s, c1) == "New"; got != c.written {
				t.Errorf("%s %s: written is %v, want %v", place, c.fault.Kind, got, c.written)
			}
			if got := s.Stats().Calls[UpdateContact][c.code]; got != 1 {
				t.Errorf("%s %s: the statistics show %v", place, c.fault.Kind, s.Stats().Calls)
			}
		}
	}
}

func TestACancelledRequestIsNotSent(t *testing.T) {
	s := seeded(t, Config{})
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	cancel(why)
	if err := rename(ctx, dial(t, s, ann), 1, "New"); !errors.Is(err, why) && !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's error", err)
	}
	if got := s.Stats(); len(got.Calls) != 0 || got.Writes != 0 {
		t.Errorf("the call came through: %+v", got)
	}
}

func TestABodyThatCannotBeReadIsAnError(t *testing.T) {
	s := seeded(t, Config{})
	why := errors.New("torn")
	r, err := http.NewRequestWithContext(t.Context(), "PATCH", "http://people.example.com"+updatePath, iotest.ErrReader(why))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+ann)
	if _, err := s.RoundTrip(r); !errors.Is(err, why) {
		t.Errorf("got %v, want %v", err, why)
	}
	if got := s.Stats(); got.Calls[UpdateContact]["abandoned"] != 1 || got.Writes != 0 {
		t.Errorf("the statistics show %+v", got)
	}
}
