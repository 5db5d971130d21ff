package worker

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/contactrelay/contactrelay/internal/people"
	"github.com/contactrelay/contactrelay/internal/peoplesim"
)

func TestInALongOutageOfMostCallsTheFewContactsOfAQuietHourLeaveNoLetter(t *testing.T) {
	t.Parallel()
	for _, kind := range []peoplesim.Kind{peoplesim.Unavailable, peoplesim.Internal} {
		for seed := range uint64(4) {
			synctest.Test(t, func(t *testing.T) {
				const users, minutes = 10, 20
				w := newWorld(t, ordered)
				w.config.BatchLate = 0
				for u := range users {
					w.seed(user(u), minutes)
				}
				outage := peoplesim.Fault{Kind: kind, Rate: 0.9, For: peoplesim.Duration(minutes * time.Minute)}
				must(t, w.people.SetFaults(peoplesim.Faults{Seed: seed, List: []peoplesim.Fault{latency(50 * time.Millisecond), outage}}))
				w.start()
				for i := range minutes {
					for u := range users {
						w.publish(user(u), rename(contactName(i+1), "x", 1))
					}
					time.Sleep(time.Minute)
				}
				time.Sleep(20 * time.Minute)
				w.check(map[string]int{"applied": users * minutes})
			})
		}
	}
}

// poisoned are two contacts whose changes fail for ever, of two users.
func (w *world) poisoned(kind peoplesim.Kind) {
	w.t.Helper()
	for _, user := range []string{ann, ben} {
		w.seed(user, 1)
		w.publish(user, rename("people/c1", "x", 1))
	}
	w.fail(latency(100*time.Millisecond), peoplesim.Fault{
		Kind: kind, Rate: 1, Users: []string{ann, ben}, Methods: []string{peoplesim.UpdateContact},
	})
}

func TestTwoContactsThatFailForEverAtNightAreDeadLetteredOnceAFewOthersAreWell(t *testing.T) {
	for _, kind := range []peoplesim.Kind{peoplesim.Unavailable, peoplesim.Internal} {
		for _, gap := range []time.Duration{30 * time.Second, 5 * time.Minute, 20 * time.Minute} {
			bubble(t, func(t *testing.T, w *world) {
				const enough = 20
				w.seed(user(1), enough)
				w.poisoned(kind)
				w.start()
				others := 0
				for ; others < enough && len(w.letters()) < 2; others++ {
					w.publish(user(1), rename(contactName(others+1), "x", 1))
					time.Sleep(probeEvery + time.Second)
					if got := w.given(user(1), contactName(others+1)); got != "x" {
						t.Errorf("%s: another user's contact is %q after the time of a probe", kind, got)
					}
					time.Sleep(gap)
				}
				t.Logf("%s: dead-lettered after %d other contacts, one each %v", kind, others, gap)
				if others < 5 {
					t.Errorf("%s: dead-lettered after %d other contacts: 20 %% or more of the others failed", kind, others)
				}
				w.check(map[string]int{"retries_exhausted": 2, "applied": others})
				w.ready(true)
			})
		}
	}
}

func TestTwoContactsThatFailWhileNothingElseHappensMayBeAnOutage(t *testing.T) {
	t.Parallel()
	for _, kind := range []peoplesim.Kind{peoplesim.Unavailable, peoplesim.Internal} {
		bubble(t, func(t *testing.T, w *world) {
			w.poisoned(kind)
			w.start()
			time.Sleep(12 * time.Hour)
			if n := len(w.letters()); n > 0 {
				t.Errorf("%s: %d letters", kind, n)
			}
			w.fail() // it was one
			time.Sleep(time.Minute)
			w.check(map[string]int{"applied": 2})
		})
	}
}

func TestWhatFailedBeforeTheBreakerClosedIsNoAttempt(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		const users, unlucky, outage = 300, 10, 10 * time.Minute
		w.config.MaxCalls = 4 // so that most are known to be well when the unlucky ones have their turn
		w.crowd(users, 1)
		again := lasting(peoplesim.Unavailable, 15*time.Second) // a probe finds out within 5 s that it is over
		again.From, again.Methods = peoplesim.Duration(outage), []string{peoplesim.UpdateContact}
		for i := range unlucky {
			again.Users = append(again.Users, user(2*i)) // of the first: they were called before the breaker opened
		}
		w.fail(latency(100*time.Millisecond), lasting(peoplesim.Unavailable, outage), again)
		w.start()
		time.Sleep(outage + 5*time.Minute)
		w.check(map[string]int{"applied": users})
	})
}

func TestAContactThatFailsAndWaitsLongCountsAsCalled(t *testing.T) {
	fact, now := &people.Error{Kind: people.Unavailable}, time.Now()
	for age, want := range map[time.Duration]int{30 * time.Second: 1, 2 * time.Minute: 1, 4 * time.Minute: 0} {
		tr := newTraffic()
		tr.note(contactOf{ann, "people/c1"}, fact, now.Add(-age))
		called, failing := tr.others(contactOf{ben, "people/c1"}, people.Unavailable, now.Add(-recent), now)
		if called != want || failing != want {
			t.Errorf("of one that failed %v ago, %d count as called and %d as failing, want %d", age, called, failing, want)
		}
	}
}

func TestTheLookBackLeavesRoomForWhatIsCalledNow(t *testing.T) {
	for busy, want := range map[int]int{100: 101, maxTraffic/2 + 1: 1} {
		tr, now := newTraffic(), time.Now()
		tr.hold(contactOf{ann, "people/c1"}, now.Add(-time.Hour))
		tr.note(contactOf{ann, "people/c1"}, &people.Error{Kind: people.Unavailable}, now.Add(-31*time.Minute))
		for i := range busy {
			tr.note(contactOf{ben, contactName(i)}, nil, now.Add(-30*time.Minute))
		}
		tr.note(contactOf{user(1), "people/c1"}, nil, now)
		if called, _ := tr.others(contactOf{ann, "people/c1"}, people.Unavailable, now.Add(-time.Hour), now); called != want {
			t.Errorf("of %d contacts that were called since another is held, %d count, want %d", busy, called, want)
		}
	}
}
