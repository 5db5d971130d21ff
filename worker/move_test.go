package worker

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/contactrelay/contactrelay/internal/peoplesim"
	"github.com/contactrelay/contactrelay/internal/pubsubsim"
)

// second starts one more worker on the world's subscription. The world's own is the one that outcomes and balanced
// speak of; settlements of both are noted.
func (w *world) second() *Worker {
	w.t.Helper()
	first, stop := w.worker, w.stop
	w.start()
	other := w.worker
	w.worker, w.stop = first, stop
	return other
}

func TestAKeyOfWhichMessagesWereReturnedMayMoveToAnotherWorker(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		const n = 60
		w.seed(ann, 3)
		w.config.MaxMessages = 8 // four may wait
		w.fail(peoplesim.Fault{Kind: peoplesim.UserQuota, Rate: 1, For: peoplesim.Duration(30 * time.Second)})
		for i := range n {
			w.publish(ann, overwrite(contactName(1+i%3), fmt.Sprintf("v%02d", i)))
		}
		w.start()
		other := w.second()
		w.drain(20 * time.Minute)
		if got := w.outcomes(); got["applied"] != n {
			t.Fatalf("outcomes %v, want all %d applied", got, n)
		}
		returned := 0
		for _, worker := range []*Worker{w.worker, other} {
			for ending, count := range worker.Tally().Settled {
				if ending.Outcome == Returned {
					returned += count
				}
			}
		}
		if returned == 0 {
			t.Error("nothing was returned: the test shows nothing")
		}
		names := map[string][]string{}
		for _, write := range w.people.Audit(0) {
			names[write.ResourceName] = append(names[write.ResourceName], string(write.Values))
		}
		for contact, written := range names {
			if !slices.IsSorted(written) {
				t.Errorf("%s was written in the order %v", contact, written)
			}
		}
	})
}

// TestAWaitingUserIsReturnedOverHalfTheBudgetAndTheOthersGoOn fills a small worker with one user's waiting messages.
func TestAWaitingUserIsReturnedOverHalfTheBudgetAndTheOthersGoOn(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, w *world) {
		w.seed(ann, 100)
		w.seed(ben, 20)
		w.config.MaxMessages = 20
		w.fail(peoplesim.Fault{Kind: peoplesim.UserQuota, Rate: 1, Users: []string{ann}, For: peoplesim.Duration(5 * time.Minute)})
		for i := range 100 {
			w.publish(ann, rename(contactName(i+1), "x", 1))
		}
		w.start()
		time.Sleep(time.Second)
		for i := range 20 {
			w.publish(ben, rename(contactName(i+1), "x", 1))
		}
		time.Sleep(2 * time.Second)
		if got := w.outcomes()["applied"]; got != 20 {
			t.Errorf("%d of the other user's 20 changes applied", got)
		}
		w.drain(30 * time.Minute)
		if got := w.outcomes()["applied"]; got != 120 {
			t.Errorf("%d of 120 changes applied in the end", got)
		}
		if left := len(w.backlog(changes)); left != 0 {
			t.Errorf("%d messages are left", left)
		}
	})
}

// TestOrderHoldsWhenNacksAreLost lets the requests that nack fail at random while messages are returned for their
// number: followers then come before the message from which on they were returned, and the gate keeps them out.
func TestOrderHoldsWhenNacksAreLost(t *testing.T) {
	t.Parallel()
	for seed := range uint64(30) {
		bubble(t, func(t *testing.T, w *world) {
			const n = 40
			w.broker.Close()
			w.broker = pubsubsim.New(pubsubsim.Config{Seed: seed})
			w.topics(ordered)
			w.seed(ann, 2)
			w.config.MaxMessages = 8
			w.fail(peoplesim.Fault{Kind: peoplesim.UserQuota, Rate: 0.2})
			must(t, w.broker.SetFaults(pubsubsim.Faults{AckFailure: 0.3}))
			for i := range n {
				w.publish(ann, overwrite(contactName(1+i%2), fmt.Sprintf("v%02d", i)))
			}
			w.start()
			w.drain(3 * time.Hour)
			if got := w.outcomes(); got["applied"] != n {
				t.Errorf("seed %d: outcomes %v, want all %d applied", seed, got, n)
			}
			names := map[string][]string{}
			for _, write := range w.people.Audit(0) {
				names[write.ResourceName] = append(names[write.ResourceName], string(write.Values))
			}
			for contact, written := range names {
				if !slices.IsSorted(written) || len(written) != n/2 {
					t.Errorf("seed %d: %s was written in the order %v", seed, contact, written)
				}
			}
		})
	}
}
