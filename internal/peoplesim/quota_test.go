package peoplesim

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/api/people/v1"
)

func TestQuotasAreEnforcedByTheMinuteOfTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := seeded(t, Config{})
		setFaults(t, s, Faults{Quota: Quota{UserWritesPerMinute: 7}})
		api := dial(t, s, ann)
		time.Sleep(time.Until(time.Now().Truncate(time.Minute).Add(90 * time.Second)))

		// A single write costs 1, a batch 6: together 7.
		if err := rename(t.Context(), api, 1, "One"); err != nil {
			t.Fatal(err)
		}
		if _, err := api.BatchUpdateContacts(renaming(map[string]int64{c2: 1})).Do(); err != nil {
			t.Fatal(err)
		}
		f := failed(t, rename(t.Context(), api, 2, "Two"))
		if f.Code != 429 || f.Status != "RESOURCE_EXHAUSTED" || f.Details[0].Metadata["quota_limit"] != "CriticalWritesPerMinutePerProjectPerUser" || f.Details[0].Metadata["quota_limit_value"] != "7" {
			t.Errorf("over the limit: got %+v", f)
		}
		if err := rename(t.Context(), dial(t, s, "bob@example.com"), 1, "X"); failed(t, err).Code != 404 {
			t.Errorf("another user: got %v, want the limit not to be theirs", err)
		}
		if _, err := api.Get(c1).PersonFields("names").Do(); err != nil {
			t.Errorf("a read: %v", err)
		}
		time.Sleep(30*time.Second - 1)
		if err := rename(t.Context(), api, 2, "Two"); failed(t, err).Code != 429 {
			t.Errorf("just before the minute ends: got %v, want 429", err)
		}
		time.Sleep(time.Nanosecond)
		if err := rename(t.Context(), api, 2, "Two"); err != nil {
			t.Errorf("in the next minute: %v", err)
		}
		if got, want := s.Stats().Units, (Units{10, 9, 203}); got != want {
			t.Errorf("the units are %+v, want %+v", got, want)
		}
	})
}

func TestEachLimitOfTheProjectIsItsOwn(t *testing.T) {
	write := func(t *testing.T, s *Sim) error { return rename(t.Context(), dial(t, s, ann), 1, "X") }
	read := func(t *testing.T, s *Sim) error {
		_, err := dial(t, s, "bob@example.com").Get("people/me").PersonFields("names").Do()
		return err
	}
	batch := func(t *testing.T, s *Sim) error {
		_, err := dial(t, s, ann).BatchUpdateContacts(&people.BatchUpdateContactsRequest{UpdateMask: "names", Contacts: map[string]people.Person{c2: *guarded(c2, 1, named("X"))}}).Do()
		return err
	}
	for limit, c := range map[string]struct {
		quota Quota
		fill  func(*testing.T, *Sim) error
		over  func(*testing.T, *Sim) error
		free  func(*testing.T, *Sim) error
	}{
		"CriticalReadsPerMinutePerProjectPerUser": {Quota{UserReadsPerMinute: 1}, read, read, write},
		"CriticalReadsPerMinutePerProject":        {Quota{ProjectReadsPerMinute: 1}, read, write, nil},
		"CriticalWritesPerMinutePerProject":       {Quota{ProjectWritesPerMinute: 6}, batch, write, read},
		"RequestsPerMinutePerProject":             {Quota{ProjectCallsPerMinute: 1}, write, read, nil},
		"RequestsPerSecondPerProject":             {Quota{ProjectCallsPerSecond: 1}, write, read, nil},
		"DailyContactWritesPerDayPerProject":      {Quota{ProjectWritesPerDay: 200}, batch, write, read},
	} {
		t.Run(limit, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := seeded(t, Config{})
				setFaults(t, s, Faults{Quota: c.quota})
				if err := c.fill(t, s); err != nil {
					t.Fatal(err)
				}
				f := failed(t, c.over(t, s))
				if f.Code != 429 || f.Details[0].Metadata["quota_limit"] != limit || !strings.HasPrefix(f.Message, "Quota exceeded for quota metric '") {
					t.Errorf("over the limit: got %+v", f)
				}
				if c.free != nil {
					if err := c.free(t, s); err != nil {
						t.Errorf("what the limit is not about: %v", err)
					}
				}
				time.Sleep(24 * time.Hour)
				if err := c.over(t, s); err != nil {
					t.Errorf("the next day: %v", err)
				}
			})
		})
	}
}

func TestACallThatIsTurnedAwaySpendsNothing(t *testing.T) {
	s := seeded(t, Config{})
	for _, kind := range []Kind{Revoked, UserQuota, Reset, ServiceDisabled} {
		setFaults(t, s, Faults{List: []Fault{{Kind: kind, Rate: 1}}})
		if err := rename(t.Context(), dial(t, s, ann), 1, "X"); err == nil {
			t.Errorf("%s: no error", kind)
		}
	}
	if got := s.Stats().Units; got != (Units{}) {
		t.Errorf("the units are %+v, want none", got)
	}
	setFaults(t, s, Faults{List: []Fault{{Kind: Unavailable, Rate: 1}}})
	if err := rename(t.Context(), dial(t, s, ann), 1, "X"); err == nil {
		t.Error("no error")
	}
	if got := s.Stats().Units; got != (Units{1, 1, 1}) {
		t.Errorf("the units of a call that fails with 503 are %+v, want 1, 1, 1", got)
	}
}
