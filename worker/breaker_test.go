package worker

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/contactrelay/contactrelay/internal/people"
	"github.com/contactrelay/contactrelay/internal/peoplesim"
)

// made is how many calls of the People API were made up to now.
func (w *world) made() (n int) {
	for _, calls := range w.codes() {
		n += calls
	}
	return n
}

// lasting is a fault that strikes every call for a time from now on.
func lasting(kind peoplesim.Kind, d time.Duration) peoplesim.Fault {
	f := always(kind)
	f.For = peoplesim.Duration(d)
	return f
}

// ready fails the test unless the worker's readiness is as wanted.
func (w *world) ready(want bool) {
	w.t.Helper()
	if faults := w.worker.Faults(); (len(faults) == 0) != want {
		w.t.Errorf("faults %v, want ready = %t", faults, want)
	}
}

func TestWhileTheServiceIsDownOneProbeAtATimeIsMade(t *testing.T) {
	t.Parallel()
	for _, kind := range []peoplesim.Kind{peoplesim.Unavailable, peoplesim.Reset, peoplesim.BadGateway} {
		bubble(t, func(t *testing.T, w *world) {
			const users, each = 50, 100
			w.config.MaxMessages = 10_000
			w.crowd(users, each)
			w.fail(latency(100*time.Millisecond), lasting(kind, 3*time.Minute))
			w.start()
			before, minutes := 0, []int{}
			for range 3 {
				time.Sleep(time.Minute)
				minutes = append(minutes, w.made()-before)
				before = w.made()
				w.ready(false)
			}
			t.Logf("%s: calls a minute: %v", kind, minutes)
			for i, n := range minutes {
				if n >= 30 {
					t.Errorf("%d calls in minute %d of the outage, want under 30", n, i+1)
				}
			}
			if n := strings.Count(w.log.String(), "no change can be made"); n < 3 || n > 4 {
				t.Errorf("%d lines of the log in three minutes, want one a minute", n)
			}
			back := time.Now()
			w.drain(10 * time.Minute)
			if took := time.Since(back); took > 30*time.Second {
				t.Errorf("all was applied %v after the service came back", took)
			} else {
				t.Logf("all was applied %v after the service came back", took)
			}
			w.check(map[string]int{"applied": users * each})
			w.ready(true)
		})
	}
}

// TestWhenTheServiceGoesDownInTheMidstOfCallsNoMoreAreMadeThanWereUnderWay has each of 50 users in a call when it begins:
// before the first of them is answered nobody can know.
func TestWhenTheServiceGoesDownInTheMidstOfCallsNoMoreAreMadeThanWereUnderWay(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		const users, each = 50, 50 // too few for a batch: all of them are at work when it begins
		w.config.MaxMessages, w.config.BatchLate = 10_000, 0
		w.crowd(users, each)
		outage := lasting(peoplesim.Unavailable, 3*time.Minute)
		outage.From = peoplesim.Duration(950 * time.Millisecond)
		w.fail(latency(100*time.Millisecond), outage)
		w.start()
		time.Sleep(time.Minute)
		if n := w.codes()["503"]; n < users || n >= users+30 {
			t.Errorf("%d calls in the first minute, want those of %d users and under 30", n, users)
		}
		w.drain(10 * time.Minute)
		w.check(map[string]int{"applied": users * each})
	})
}

func TestOneUserAloneInAnOutageAsksSeldom(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.crowd(1, 50)
		w.fail(latency(100*time.Millisecond), lasting(peoplesim.Unavailable, 20*time.Minute))
		w.start()
		time.Sleep(time.Minute)
		before := w.made()
		time.Sleep(10 * time.Minute)
		if n := w.made() - before; n >= 300 {
			t.Errorf("%d calls in ten minutes", n)
		}
		w.ready(false)
		time.Sleep(9*time.Minute + 30*time.Second)
		w.check(map[string]int{"applied": 50})
	})
}

func TestWhatIsMisconfiguredForAllPausesUntilItIsMended(t *testing.T) {
	for _, users := range []int{1, 2, 50} {
		bubble(t, func(t *testing.T, w *world) {
			w.crowd(users, 10)
			w.fail(latency(100*time.Millisecond), always(peoplesim.ServiceDisabled))
			w.start()
			time.Sleep(time.Minute)
			before := w.made()
			time.Sleep(9 * time.Minute)
			if n := w.made() - before; n >= 9*30 {
				t.Errorf("%d users: %d calls in nine minutes", users, n)
			}
			w.ready(false)
			if log := w.log.String(); !strings.Contains(log, "gcloud services enable people.googleapis.com") {
				t.Errorf("%d users: the log does not say what to do:\n%s", users, log)
			}
			w.fail(latency(100 * time.Millisecond))
			time.Sleep(30 * time.Second)
			w.check(map[string]int{"applied": 10 * users})
			w.ready(true)
		})
	}
}

func TestA401ForEveryoneMakesNoLetter(t *testing.T) {
	for _, users := range []int{2, 3, 50} {
		bubble(t, func(t *testing.T, w *world) {
			w.config.MaxMessages = 10_000
			w.crowd(users, 20)
			incident := lasting(peoplesim.Revoked, time.Minute)
			incident.From = peoplesim.Duration(450 * time.Millisecond) // in the midst of calls
			w.fail(peoplesim.Fault{Kind: peoplesim.Latency, Rate: 1, Delay: peoplesim.Duration(100 * time.Millisecond), Jitter: peoplesim.Duration(time.Second)}, incident)
			w.start()
			time.Sleep(30 * time.Second)
			if users == 50 {
				w.ready(false)
			}
			time.Sleep(3 * time.Minute)
			w.check(map[string]int{"applied": 20 * users})
		})
	}
}

func TestWhenMostCallsFailForAMinuteNothingIsDeadLettered(t *testing.T) {
	t.Parallel()
	for _, kind := range []peoplesim.Kind{peoplesim.Unavailable, peoplesim.Internal} {
		for _, users := range []int{1, 5, 50} {
			bubble(t, func(t *testing.T, w *world) {
				w.config.MaxMessages, w.config.BatchLate = 10_000, 0
				w.crowd(users, 1000/users)
				f := peoplesim.Fault{Kind: kind, Rate: 0.7, For: peoplesim.Duration(time.Minute)}
				w.fail(latency(50*time.Millisecond), f)
				w.start()
				time.Sleep(15 * time.Minute)
				w.check(map[string]int{"applied": 1000 / users * users})
			})
		}
	}
}

func TestAtNightAContactThatFailsForEverIsDeadLetteredAndTheNextUserServedAtOnce(t *testing.T) {
	for _, kind := range []peoplesim.Kind{peoplesim.Unavailable, peoplesim.Internal} {
		bubble(t, func(t *testing.T, w *world) {
			w.seed(ann, 2)
			w.seed(ben, 1)
			w.fail(latency(100*time.Millisecond), peoplesim.Fault{
				Kind: kind, Rate: 1, Contacts: []string{"people/c2"}, Methods: []string{peoplesim.UpdateContact},
			})
			w.publish(ann, rename("people/c2", "x", 1))
			w.start()
			time.Sleep(10 * time.Minute)
			w.check(map[string]int{"retries_exhausted": 1})
			w.publish(ben, rename("people/c1", "x", 1))
			time.Sleep(300 * time.Millisecond)
			w.check(map[string]int{"retries_exhausted": 1, "applied": 1})
			w.ready(true)
		})
	}
}

func TestAUserWhoseCallsAllFailAtNightDoesNotHoldUpTheNext(t *testing.T) {
	t.Parallel()
	for _, kind := range []peoplesim.Kind{peoplesim.Unavailable, peoplesim.Reset, peoplesim.Revoked} {
		bubble(t, func(t *testing.T, w *world) {
			w.config.MaxMessages = 20
			w.seed(ann, 100)
			w.seed(ben, 1)
			fault := always(kind)
			fault.Users = []string{ann}
			w.fail(latency(100*time.Millisecond), fault)
			for i := range 100 { // more than the worker holds
				w.publish(ann, rename(contactName(i+1), "x", 1))
			}
			w.start()
			time.Sleep(5 * time.Minute)
			w.publish(ben, rename("people/c1", "x", 1))
			time.Sleep(time.Second)
			if got := w.given(ben, "people/c1"); got != "x" {
				t.Errorf("%s: the next user's contact is %q after a second", kind, got)
			}
			w.ready(true)
		})
	}
}

// TestAProbeIsOfAUserWhoDidNotFailBeforeTheBreakerOpenedEither: that one would wait for the next probe, and the one after it.
func TestAProbeIsOfAUserWhoDidNotFailBeforeTheBreakerOpenedEither(t *testing.T) {
	lanes := &probedLanes{}
	b := newBreaker(slog.New(slog.DiscardHandler), &health{})
	b.lanes = lanes
	b.observe(t.Context(), ann, true, time.Now(), &people.Error{Kind: people.Unavailable, HTTPStatus: 503})
	b.observe(t.Context(), ben, true, time.Now(), &people.Error{Kind: people.Internal, HTTPStatus: 500})
	b.trip(t.Context(), causeFuse, &people.Error{Kind: people.Unavailable, HTTPStatus: 503})
	b.probe(t.Context(), time.Now())
	for user, want := range map[string]bool{ann: false, ben: false, "carl@example.com": true} {
		if lanes.prefer == nil || lanes.prefer(user) != want {
			t.Errorf("a probe of %s is preferred: %v, want %v", user, !want, want)
		}
	}
}

// probedLanes are lanes that keep what they are asked to prefer.
type probedLanes struct{ prefer func(user string) bool }

func (l *probedLanes) Pause()    {}
func (l *probedLanes) Resume()   {}
func (l *probedLanes) Limit(int) {}
func (l *probedLanes) Probe(prefer func(user string) bool) bool {
	l.prefer = prefer
	return true
}
