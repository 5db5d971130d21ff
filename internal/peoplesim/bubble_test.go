package peoplesim

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/api/people/v1"
)

// rename updates the name of c1 with the source etag of a version.
func rename(ctx context.Context, api *people.PeopleService, version int64, name string) error {
	_, err := api.UpdateContact(c1, guarded(c1, version, named(name))).UpdatePersonFields("names").Context(ctx).Do()
	return err
}

func TestLatencyPassesInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := seeded(t, Config{})
		setFaults(t, s, Faults{List: []Fault{
			{Kind: Latency, Rate: 1, Delay: Duration(time.Second)},
			{Kind: Latency, Rate: 1, Delay: Duration(2 * time.Second), Jitter: Duration(time.Second), Methods: []string{Get}},
		}})
		api := dial(t, s, ann)
		start := time.Now()
		if err := rename(t.Context(), api, 1, "New"); err != nil {
			t.Fatal(err)
		}
		if got := time.Since(start); got != time.Second {
			t.Errorf("the update took %v, want 1s", got)
		}
		if got := state(t, s, c1).UpdateTime; !got.Equal(start.Add(time.Second)) {
			t.Errorf("the write happened at %v, want it at the end of the latency", got.Sub(start))
		}
		start = time.Now()
		if _, err := api.Get(c1).PersonFields("names").Do(); err != nil {
			t.Fatal(err)
		}
		if got := time.Since(start); got < 3*time.Second || got >= 4*time.Second || got == 3*time.Second {
			t.Errorf("the get took %v, want 3s and a jitter under 1s", got)
		}
	})
}

func TestAWriteWhoseClientGivesUpInTheLatencyHappensAllTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := seeded(t, Config{})
		setFaults(t, s, Faults{List: []Fault{{Kind: Latency, Rate: 1, Delay: Duration(10 * time.Second), Calls: 1}}})
		api := dial(t, s, ann)
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
		defer cancel()
		if err := rename(ctx, api, 1, "Late"); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("got %v, want the deadline to pass", err)
		}
		if got := time.Since(start); got != 4*time.Second {
			t.Errorf("the client gave up after %v, want 4s", got)
		}
		if got := s.Stats(); got.Pending != 1 || got.Calls[UpdateContact]["abandoned"] != 1 {
			t.Errorf("the statistics show %+v, want one pending write", got)
		}
		time.Sleep(5999 * time.Millisecond)
		if got := givenName(t, s, c1); got != "Ada" {
			t.Errorf("just before its time the contact holds %s", got)
		}
		time.Sleep(time.Millisecond)
		if got := givenName(t, s, c1); got != "Late" {
			t.Errorf("at its time the contact holds %s, want Late", got)
		}
		if err := rename(t.Context(), api, 1, "Retry"); err == nil {
			t.Error("a retry with the old etag was taken")
		}
		if w := s.Audit(0); len(w) != 1 || !w[0].Time.Equal(start.Add(10*time.Second)) {
			t.Errorf("the audit has %+v, want the write at 10s", w)
		}
	})
}

func TestALateWriteIsJudgedWhenItsTimeComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := seeded(t, Config{})
		setFaults(t, s, Faults{List: []Fault{{Kind: Latency, Rate: 1, Delay: Duration(10 * time.Second), Calls: 1}}})
		api := dial(t, s, ann)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := rename(ctx, api, 1, "Late"); err == nil {
			t.Fatal("no error")
		}
		if err := rename(t.Context(), api, 1, "Sooner"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if got := givenName(t, s, c1); got != "Sooner" {
			t.Errorf("the contact holds %s, want Sooner: the late write was stale by then", got)
		}
	})
}

func TestALateWriteIsJudgedByTheHabitsOfItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := seeded(t, Config{})
		setFaults(t, s, Faults{
			Habits: Habits{EtagWithoutSource: true},
			List:   []Fault{{Kind: Hang, Rate: 1, Applied: true, Delay: Duration(time.Minute)}},
		})
		late := named("Late")
		late.Etag = personEtag(etagText(c1, FirstVersion), 1)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := dial(t, s, ann).UpdateContact(c1, &late).UpdatePersonFields("names").Context(ctx).Do(); err == nil {
			t.Fatal("no error")
		}
		time.Sleep(time.Hour)
		setFaults(t, s, Faults{})
		if got := givenName(t, s, c1); got != "Late" {
			t.Errorf("the contact holds %s, want Late", got)
		}
	})
}

func TestAHangLastsUntilTheClientGivesUp(t *testing.T) {
	for name, c := range map[string]struct {
		fault Fault
		after time.Duration // when the write is there, 0 for never
	}{
		"not applied":  {Fault{}, 0},
		"applied":      {Fault{Applied: true}, time.Nanosecond},
		"applied late": {Fault{Applied: true, Delay: Duration(time.Hour)}, time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := seeded(t, Config{})
				c.fault.Kind, c.fault.Rate = Hang, 1
				setFaults(t, s, Faults{List: []Fault{c.fault}})
				start := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Minute)
				defer cancel()
				if err := rename(ctx, dial(t, s, ann), 1, "New"); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 30*time.Minute {
					t.Errorf("got %v after %v, want the deadline after 30m", err, time.Since(start))
				}
				for _, at := range []time.Duration{30 * time.Minute, 2 * time.Hour} {
					time.Sleep(time.Until(start.Add(at)))
					want := c.after > 0 && at >= c.after
					if got := givenName(t, s, c1) == "New"; got != want {
						t.Errorf("after %v written is %v, want %v", at, got, want)
					}
				}
			})
		})
	}
}

func TestAReadSoonAfterAWriteIsStaleUntilItsTimeIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := seeded(t, Config{})
		setFaults(t, s, Faults{List: []Fault{{Kind: StaleRead, Rate: 1, Delay: Duration(5 * time.Second)}}})
		api := dial(t, s, ann)
		time.Sleep(time.Minute)
		if err := rename(t.Context(), api, 1, "One"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if err := rename(t.Context(), api, 2, "Two"); err != nil {
			t.Errorf("a write is judged by a stale version: %v", err)
		}
		reads := func(wait time.Duration, version int64, name string) {
			t.Helper()
			time.Sleep(wait)
			p, err := api.Get(c1).PersonFields("names,metadata").Do()
			if err != nil {
				t.Fatal(err)
			}
			all, err := api.GetBatchGet().ResourceNames(c1).PersonFields("names,metadata").Do()
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range []*people.Person{p, all.Responses[0].Person} {
				if p.Names[0].GivenName != name || p.Metadata.Sources[0].Etag != SourceEtag(c1, version) {
					t.Errorf("the read gives %s with %s, want %s of version %d", p.Names[0].GivenName, p.Metadata.Sources[0].Etag, name, version)
				}
			}
		}
		reads(0, 2, "One")                     // one version back
		reads(4999*time.Millisecond, 2, "One") // up to the end
		reads(time.Millisecond, 3, "Two")      // and no longer
		setFaults(t, s, Faults{List: []Fault{{Kind: StaleRead, Rate: 1, Delay: Duration(5 * time.Second), Versions: 2}}})
		if err := rename(t.Context(), api, 3, "Three"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if err := rename(t.Context(), api, 4, "Four"); err != nil {
			t.Fatal(err)
		}
		reads(0, 3, "Two") // two versions back
		reads(4*time.Second, 4, "Three")
		reads(time.Second, 5, "Four")
		if err := s.Delete(ann, c1); err != nil {
			t.Fatal(err)
		}
		reads(4*time.Second, 5, "Four") // a deleted contact is seen for a while
		time.Sleep(time.Second)
		_, err := api.Get(c1).PersonFields("names").Do()
		if f := failed(t, err); f.Code != 404 {
			t.Errorf("after that it answers %d, want 404", f.Code)
		}
	})
}

func TestAFaultHoldsForItsPeriod(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := seeded(t, Config{})
		setFaults(t, s, Faults{List: []Fault{{Kind: Unavailable, Rate: 1, From: Duration(time.Minute), For: Duration(time.Hour)}}})
		for _, c := range []struct {
			wait time.Duration
			want string
		}{{0, "200"}, {time.Minute - 1, "200"}, {1, "503"}, {time.Hour - 1, "503"}, {1, "200"}} {
			time.Sleep(c.wait)
			if got := outcomes(t, s, 1); got != c.want {
				t.Errorf("after another %v: got %s, want %s", c.wait, got, c.want)
			}
		}
	})
}
