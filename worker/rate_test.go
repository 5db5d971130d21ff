package worker

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/contactrelay/contactrelay/internal/people"
	"github.com/contactrelay/contactrelay/internal/peoplesim"
)

// quota sets the limits of the simulated project, and the latency of every call.
func (w *world) quota(q peoplesim.Quota, delay time.Duration) {
	w.t.Helper()
	must(w.t, w.people.SetFaults(peoplesim.Faults{Seed: 1, Quota: q, List: []peoplesim.Fault{latency(delay)}}))
}

// user is one of many users.
func user(i int) string { return fmt.Sprintf("user%d@example.com", i) }

// crowd publishes so many changes of so many users, each of another contact.
func (w *world) crowd(users, changes int) {
	w.t.Helper()
	for u := range users {
		w.seed(user(u), changes)
		for c := range changes {
			w.publish(user(u), rename(contactName(c+1), "changed", 1))
		}
	}
}

// codes counts the calls of the People API by their code.
func (w *world) codes() map[string]int {
	codes := map[string]int{}
	for call, n := range w.worker.Tally().Calls {
		codes[call.Code] += n
	}
	return codes
}

// unspent fails the test if a change was applied with more attempts than the one that applied it.
func (w *world) unspent() {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.settled {
		if s.Outcome == Applied && s.Attempts != 1 {
			w.t.Errorf("message %s was applied with %d attempts", s.MessageID, s.Attempts)
			return
		}
	}
}

func TestTheRateSettlesAtTheProjectsQuotaBySecond(t *testing.T) {
	t.Parallel()
	for _, delay := range []time.Duration{30 * time.Millisecond, 700 * time.Millisecond} {
		bubble(t, func(t *testing.T, w *world) {
			w.config.MaxMessages, w.config.BatchLate = 10_000, 0
			w.crowd(80, 75)
			w.quota(peoplesim.Quota{ProjectCallsPerSecond: 20}, delay)
			w.start()
			time.Sleep(30 * time.Second)
			before := w.codes()["200"]
			time.Sleep(4 * time.Minute)
			got := w.codes()
			settled := float64(got["200"]-before) / 240
			refused := float64(got["429"]) / float64(got["200"]+got["429"])
			t.Logf("latency %v: %.1f calls a second answered, %.2f %% of all refused", delay, settled, 100*refused)
			if settled < 18 || settled > 20 {
				t.Errorf("%.1f calls a second, want 18 to 20", settled)
			}
			if refused > 0.05 {
				t.Errorf("%.1f %% of the calls were refused, want under 5 %%", 100*refused)
			}
			w.drain(5 * time.Minute)
			w.check(map[string]int{"applied": 6000})
			w.unspent()
		})
	}
}

func TestAProjectsQuotaByMinuteIsUsedAndNotKnockedAt(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, w *world) {
		w.config.MaxMessages, w.config.BatchLate = 10_000, 0
		w.crowd(80, 75)
		w.quota(peoplesim.Quota{ProjectWritesPerMinute: 600}, 30*time.Millisecond)
		w.start()
		time.Sleep(time.Minute)
		before := w.codes()
		time.Sleep(5 * time.Minute)
		got := w.codes()
		answered, refused := got["200"]-before["200"], got["429"]
		t.Logf("%d of 3000 possible calls in five minutes, %d refused in six", answered, refused)
		if answered < 2600 || refused > 180 {
			t.Errorf("%d calls in five minutes, want 2600 of the 3000 that are allowed; %d refused in six, want under 180", answered, refused)
		}
		w.drain(10 * time.Minute)
		w.check(map[string]int{"applied": 6000})
		w.unspent()
	})
}

func TestARateThatIsNoLimitAnyMoreIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newCallRate(0)
		for range 20 {
			r.observe(nil, time.Now())
		}
		r.observe(&people.Error{Kind: people.ProjectQuota, Period: time.Second}, time.Now())
		if got := r.now(); got != 18 {
			t.Errorf("after a refusal at 20 calls a second the rate is %v, want 18", got)
		}
		time.Sleep(5 * time.Second)
		if got := r.now(); got < 18.9 || got > 19.1 {
			t.Errorf("five seconds later the rate is %v, want 19", got)
		}
		time.Sleep(5 * time.Minute)
		if got := r.now(); got != 0 {
			t.Errorf("after five minutes without a refusal the rate is %v, want none", got)
		}
	})
}

func TestACallThatWaitsForTheRateDoesNotHoldUpAStop(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.crowd(80, 2)
		w.quota(peoplesim.Quota{ProjectCallsPerMinute: 1}, 10*time.Millisecond)
		w.start()
		time.Sleep(5 * time.Second)
		begin := time.Now()
		must(t, w.stop())
		if took := time.Since(begin); took > time.Second {
			t.Errorf("the stop took %v", took)
		}
		if got := w.outcomes(); got["applied"] != 1 || got["returned"] != 159 {
			t.Errorf("outcomes %v", got)
		}
		w.balanced()
	})
}

func TestWhatNeedsNoCallIsNotHeldUpForLongByTheRate(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.crowd(80, 2)
		w.quota(peoplesim.Quota{ProjectCallsPerMinute: 1}, 10*time.Millisecond)
		w.start()
		time.Sleep(2 * time.Second)
		w.publish(ann, badMessages()[0].m)
		time.Sleep(slotWait + time.Second)
		if n := len(w.letters()); n != 1 {
			t.Errorf("%d letters, want that of the message that needs no call", n)
		}
	})
}
