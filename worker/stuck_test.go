package worker

import (
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/contactrelay/contactrelay/internal/people"
	"github.com/contactrelay/contactrelay/internal/peoplesim"
)

func TestStuckTellsWhoWaitsWhyAndUntilWhen(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.config.UserLabel = func(user string) string { return "label of " + user }
		w.seed(ann, 2)
		w.seed(ben, 1)
		w.fail(peoplesim.Fault{Kind: peoplesim.UserQuota, Rate: 1, Users: []string{ann}}, latency(10*time.Second))
		if got := w.stuck(); got != nil {
			t.Errorf("before the start: %+v", got)
		}
		ids := w.publish(ann, rename("people/c1", "x", 1), rename("people/c2", "x", 1))
		begin := time.Now()
		w.start()
		time.Sleep(15 * time.Second)
		other := w.publish(ben, rename("people/c1", "x", 1))
		time.Sleep(time.Second)
		got := w.stuck()
		if len(got) != 2 {
			t.Fatalf("%d users, want 2", len(got))
		}
		first := got[0]
		if wait := first.Until.Sub(begin); wait < 20*time.Second || wait > 80*time.Second {
			t.Errorf("the user goes on after %v, want the end of a minute", wait)
		}
		first.Until = time.Time{}
		want := []Stuck{
			{User: "label of " + ann, Message: ids[0], Messages: 2, Since: begin, Why: "user_quota"},
			{User: "label of " + ben, Message: other[0], Messages: 1, Since: begin.Add(15 * time.Second)},
		}
		if !slices.Equal([]Stuck{first, got[1]}, want) {
			t.Errorf("stuck %+v, want %+v", got, want)
		}
		count := w.worker.Tally()
		if count.Working != 1 || count.Waiting != 1 || count.HeldMessages != 3 || count.HeldBytes == 0 {
			t.Errorf("%d work, %d wait, %d messages and %d bytes are held", count.Working, count.Waiting, count.HeldMessages, count.HeldBytes)
		}
	})
}

// stuck is up to ten users of the worker, nil before it is started.
func (w *world) stuck() []Stuck {
	if w.worker == nil {
		return New(w.config, nil, nil, nil, nil).Stuck(10)
	}
	return w.worker.Stuck(10)
}

func TestTheTallyTellsHowLongCallsTookHowLargeBatchesAndHowOldMessagesWere(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.config.BatchMin = 6
		w.seed(ann, 20)
		w.fail(latency(200*time.Millisecond), peoplesim.Fault{Kind: peoplesim.Unavailable, Rate: 1, Calls: 1})
		for i := range 20 {
			w.publish(ann, rename(contactName(i+1), "x", 1))
		}
		time.Sleep(5 * time.Second)
		w.start()
		time.Sleep(time.Minute)
		synctest.Wait()
		count := w.worker.Tally()
		calls := 0
		for _, n := range count.Calls {
			calls += n
		}
		timed := 0
		for method, h := range count.Seconds {
			for i, n := range h.Counts {
				if timed += n; n > 0 && i != 1 { // above 0.1 s and up to 0.3 s
					t.Errorf("%s: %d calls of %v", method, n, h)
				}
			}
		}
		if calls == 0 || timed != calls {
			t.Errorf("%d calls, the time of %d is told", calls, timed)
		}
		if got := count.Sizes; got.Sum < 6 || got.Counts[0]+got.Counts[1] == 0 {
			t.Errorf("batches %+v, want those of up to 20 contacts", got)
		}
		if got := count.Ages; got.Counts[2] == 0 || got.Sum < 20*5 || got.Sum > 20*10 {
			t.Errorf("ages %+v, want 20 of 5 to 10 seconds", got)
		}
		if count.Retries["unavailable"] == 0 {
			t.Errorf("retries %v, want some because the service was unavailable", count.Retries)
		}
	})
}

// still is lanes that are told to pause and resume.
type still struct{ paused bool }

func (s *still) Pause()                       { s.paused = true }
func (s *still) Resume()                      { s.paused = false }
func (s *still) Limit(int)                    {}
func (s *still) Probe(func(string) bool) bool { return false }

// TestWhatOneUserMeetsIsNoReasonForTheOthersToWait has a breaker open for one user, and then for two.
func TestWhatOneUserMeetsIsNoReasonForTheOthersToWait(t *testing.T) {
	b, lanes := newBreaker(slog.New(slog.DiscardHandler), &health{}), &still{}
	b.lanes = lanes
	down := &people.Error{Kind: people.Unavailable}
	b.observe(t.Context(), ann, true, time.Now(), down)
	b.trip(t.Context(), causeOutage, down)
	if cause, _ := b.state(); cause != causeOutage || b.pausing() != "" || lanes.paused {
		t.Errorf("one user: open for %q, paused for %q, lanes paused %v; want open and not paused", cause, b.pausing(), lanes.paused)
	}
	b.observe(t.Context(), ben, true, time.Now(), down)
	if b.pausing() != causeOutage || !lanes.paused {
		t.Errorf("two users: paused for %q, lanes paused %v; want %s", b.pausing(), lanes.paused, causeOutage)
	}
}
