package worker

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	peopleapi "google.golang.org/api/people/v1"

	"github.com/contactrelay/contactrelay/internal/peoplesim"
	"github.com/contactrelay/contactrelay/internal/pubsubsim"
	"github.com/contactrelay/contactrelay/messages"
)

func TestPromiseOrderChangesOfAContactTakeEffectAsPublished(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.seed(ann, 2)
		w.config.Attempts = 50 // more than 503 can strike one change
		w.fail(latency(20*time.Millisecond), peoplesim.Fault{Kind: peoplesim.Unavailable, Rate: 0.2})
		for i := range 30 {
			w.publish(ann, overwrite(contactName(1+i%2), fmt.Sprintf("v%02d", i)))
		}
		w.start()
		time.Sleep(5 * time.Minute)
		w.check(map[string]int{"applied": 30})
		names := map[string][]string{}
		for _, write := range w.people.Audit(0) {
			names[write.ResourceName] = append(names[write.ResourceName], string(write.Values))
		}
		for contact, written := range names {
			if !slices.IsSorted(written) || len(written) != 15 {
				t.Errorf("%s was written in the order %v", contact, written)
			}
		}
	})
}

func TestPromiseOneAtATimeMutatesOfAUserNeverOverlap(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.fail(latency(100 * time.Millisecond))
		for _, user := range []string{ann, ben} {
			w.seed(user, 10)
			for i := range 10 {
				w.publish(user, rename(contactName(i+1), "x", 1))
			}
		}
		w.start()
		time.Sleep(950 * time.Millisecond)
		if got := w.outcomes()["applied"]; got != 18 {
			t.Errorf("%d changes applied after 950 ms, want 18: a user's go one after the other, two users side by side", got)
		}
		time.Sleep(250 * time.Millisecond)
		w.check(map[string]int{"applied": 20})
		if over := w.people.Stats().Overlapped; len(over) > 0 {
			t.Errorf("mutates overlapped: %v", over)
		}
	})
}

func TestPromiseOnceARedeliveryLeadsToNoSecondWrite(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.seed(ann, 20)
		must(t, w.broker.SetFaults(pubsubsim.Faults{Duplicate: 0.4, LostAck: 0.3}))
		w.fail(latency(50 * time.Millisecond))
		for i := range 20 {
			w.publish(ann, rename(contactName(i+1), "once", 1))
		}
		w.start()
		time.Sleep(30 * time.Minute)
		got := w.outcomes()
		if got["applied"] != 20 || got["duplicate"] == 0 || len(got) != 2 {
			t.Errorf("outcomes %v, want 20 applied and some duplicates", got)
		}
		if n := len(w.people.Audit(0)); n != 20 {
			t.Errorf("%d writes for 20 changes", n)
		}
		w.balanced()
	})
}

func TestPromiseOutageProofAnOutageDeadLettersNothing(t *testing.T) {
	for _, kind := range []peoplesim.Kind{peoplesim.Unavailable, peoplesim.Internal, peoplesim.Reset, peoplesim.BadGateway, peoplesim.ServiceDisabled, peoplesim.Revoked, peoplesim.ProjectQuota, peoplesim.AccountQuota} {
		bubble(t, func(t *testing.T, w *world) {
			for _, user := range []string{ann, ben} {
				w.seed(user, 3)
				for i := range 3 {
					w.publish(user, rename(contactName(i+1), "after", 1))
				}
			}
			outage := always(kind)
			outage.For = peoplesim.Duration(20 * time.Minute)
			w.fail(outage)
			w.start()
			time.Sleep(time.Hour)
			w.check(map[string]int{"applied": 6})
			if n := len(w.letters()); n > 0 {
				t.Errorf("%s: %d dead letters", kind, n)
			}
		})
	}
}

func TestPromiseNoHostagesAUserWhoWaitsHoldsUpNoOther(t *testing.T) {
	for _, kind := range []peoplesim.Kind{peoplesim.Unavailable, peoplesim.UserQuota, peoplesim.AccountQuota, peoplesim.Hang} {
		bubble(t, func(t *testing.T, w *world) {
			w.config.MaxCalls = 2
			w.seed(ann, 100)
			w.seed(ben, 10)
			w.fail(latency(10*time.Millisecond), peoplesim.Fault{Kind: kind, Rate: 1, Users: []string{ann}})
			for i := range 100 {
				w.publish(ann, rename(contactName(i+1), "x", 1))
			}
			for i := range 10 {
				w.publish(ben, rename(contactName(i+1), "x", 1))
			}
			w.start()
			time.Sleep(500 * time.Millisecond)
			if got := w.outcomes()["applied"]; got != 10 {
				t.Errorf("%s: %d of the other user's 10 changes applied after 500 ms", kind, got)
			}
		})
	}
}

func TestPromiseHandsOffWhatAPersonChangedIsNotOverwritten(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.seed(ann, 20)
		for i := range 20 {
			must(t, w.people.HandEdit(ann, contactName(i+1), &peopleapi.Person{Names: []*peopleapi.Name{{GivenName: "Typed"}}}, "names"))
		}
		for i := range 10 {
			w.publish(ann, rename(contactName(i+1), "CRM", 1))
		}
		w.publish(ann, batchOf("CRM", 11, 12, 13, 14, 15, 16, 17, 18, 19))
		w.publish(ann, overwrite(contactName(20), "CRM"))
		w.start()
		time.Sleep(time.Minute)
		w.check(map[string]int{"etag_conflict": 11, "applied": 1})
		for i := range 19 {
			if got := w.given(ann, contactName(i+1)); got != "Typed" {
				t.Errorf("contact %d is %q", i+1, got)
			}
		}
		if got := w.given(ann, contactName(20)); got != "CRM" {
			t.Errorf("the contact whose change asked for latest is %q", got)
		}
	})
}

// TestPromiseNoLossEveryDeliveryEndsAsOneOutcome runs random feeds under random faults of both services, stops
// workers at random and starts others, until the subscription is empty.
func TestPromiseNoLossEveryDeliveryEndsAsOneOutcome(t *testing.T) {
	t.Parallel()
	for seed := range uint64(100) {
		bubble(t, func(t *testing.T, w *world) {
			rng := rand.New(rand.NewPCG(seed, 0))
			users := []string{ann, ben, "cem@example.com"}
			must(t, w.people.SetFaults(peoplesim.Faults{Seed: seed, List: []peoplesim.Fault{
				{Kind: peoplesim.Latency, Rate: 1, Delay: peoplesim.Duration(20 * time.Millisecond), Jitter: peoplesim.Duration(time.Second)},
				{Kind: peoplesim.Unavailable, Rate: 0.1}, {Kind: peoplesim.Reset, Rate: 0.05}, {Kind: peoplesim.AnswerLost, Rate: 0.05},
				{Kind: peoplesim.UserQuota, Rate: 0.02}, {Kind: peoplesim.Internal, Rate: 0.05},
			}}))
			must(t, w.broker.SetFaults(pubsubsim.Faults{Duplicate: 0.1, LostAck: 0.1, AckFailure: 0.05}))
			published := map[string]bool{}
			for _, user := range users {
				w.seed(user, 5)
				for range 20 {
					m := overwrite(contactName(1+rng.IntN(6)), fmt.Sprint(rng.IntN(100)))
					if rng.IntN(8) == 0 {
						m = badMessages()[rng.IntN(9)].m
					}
					for _, id := range w.publish(user, m) {
						published[id] = true
					}
				}
			}
			for stops := 0; len(w.backlog(changes)) > 0 && stops < 50; stops++ {
				w.config.MaxMessages = 1 + rng.IntN(100)
				w.start()
				time.Sleep(time.Duration(rng.IntN(600)) * time.Second)
				must(t, w.stop())
				w.balanced()
			}
			ended := map[string]bool{}
			w.mu.Lock()
			for _, s := range w.settled {
				if s.Outcome != Returned && s.Outcome != Duplicate {
					ended[s.MessageID] = true
				}
			}
			w.mu.Unlock()
			if len(ended) != len(published) || len(w.backlog(changes)) != 0 {
				t.Errorf("seed %d: %d of %d messages ended, %d left", seed, len(ended), len(published), len(w.backlog(changes)))
			}
			if over := w.people.Stats().Overlapped; len(over) > 0 {
				t.Errorf("seed %d: mutates overlapped: %v", seed, over)
			}
		})
	}
}

func TestPromiseCleanStopSettlesWhatAnswersInTimeAndReturnsTheRest(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.seed(ann, 3)
		w.seed(ben, 2)
		w.fail(
			peoplesim.Fault{Kind: peoplesim.Latency, Rate: 1, Users: []string{ann}, Delay: peoplesim.Duration(6 * time.Second)},
			peoplesim.Fault{Kind: peoplesim.Latency, Rate: 1, Users: []string{ben}, Delay: peoplesim.Duration(20 * time.Second)},
		)
		for i := range 3 {
			w.publish(ann, rename(contactName(i+1), "x", 1))
		}
		w.publish(ben, rename("people/c1", "x", 1), rename("people/c2", "x", 1))
		w.start()
		time.Sleep(500 * time.Millisecond)
		begin := time.Now()
		if err := w.stop(); err != nil {
			t.Errorf("Run = %v after a stop", err)
		}
		if took := time.Since(begin); took > 8*time.Second {
			t.Errorf("the stop took %v", took)
		}
		if got, want := w.outcomes(), map[string]int{"applied": 1, "returned": 4}; !maps.Equal(got, want) {
			t.Errorf("outcomes %v, want %v", got, want)
		}
		w.balanced()
		if n := len(w.backlog(changes)); n != 4 {
			t.Errorf("%d messages in the subscription, want the four that were returned", n)
		}
	})
}

// TestPromiseCleanStopNoWriteIsBegunAfterTheStop stops the worker while it reads what it would write over.
func TestPromiseCleanStopNoWriteIsBegunAfterTheStop(t *testing.T) {
	picture := message(messages.Photo, map[string]any{"resourceName": contactName(1), "photoBytes": onePixel})
	named := map[string]any{}
	for i := range 3 {
		named[contactName(i+1)] = map[string]any{"names": []any{map[string]any{"givenName": "after"}}}
	}
	for name, all := range map[string][]messages.Message{
		"a patch": {overwrite(contactName(1), "after")},
		"a photo": {replay(picture, "1", time.Now())},
		"a batch": {message(messages.Batch, map[string]any{"contacts": named, "updateMask": "names", "precondition": "latest"})},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				w.seed(ann, 3)
				w.publish(ann, all...)
				w.fail(latency(time.Second))
				w.start()
				time.Sleep(500 * time.Millisecond)
				must(t, w.stop())
				if n := len(w.people.Audit(0)); n > 0 || w.made() == 0 {
					t.Errorf("%d writes and %d calls, want the read and no write", n, w.made())
				}
				if n := len(w.backlog(changes)); n != len(all) {
					t.Errorf("%d messages in the subscription, want all %d", n, len(all))
				}
			})
		})
	}
}

func TestPromiseDiscreetLogsHoldNoValues(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.seed(ann, 3)
		w.fail(peoplesim.Fault{Kind: peoplesim.Unavailable, Rate: 0.3})
		w.publish(ann, rename("people/c1", "Sekretta", 1), rename("people/c2", "Sekretta", 9),
			messages.Message{Attributes: map[string]string{"ce-type": string(messages.Patch)}, Data: []byte(`{"Sekretta@example.com":1}`)})
		w.start()
		time.Sleep(time.Minute)
		w.check(map[string]int{"applied": 1, "etag_conflict": 1, "invalid": 1})
		for _, private := range []string{"Sekretta", ann} {
			if strings.Contains(w.log.String(), private) {
				t.Errorf("the log holds %q:\n%s", private, w.log)
			}
		}
		for _, l := range w.letters() {
			if strings.Contains(l.Detail, "Sekretta") {
				t.Errorf("the letter's detail is %q", l.Detail)
			}
		}
	})
}

func TestPromiseFewCallsABulkChangeIsOneCallForUpTo200Messages(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		const n = 2000
		w.seed(ann, n)
		w.config.MaxMessages = 10_000
		w.fail(latency(100 * time.Millisecond))
		for i := range n {
			w.publish(ann, rename(contactName(i+1), "bulk", 1))
		}
		w.start()
		w.drain(time.Minute)
		w.check(map[string]int{"applied": n})
		calls := 0
		for call, count := range w.worker.Tally().Calls {
			if call.Method == "people.updateContact" || call.Method == "people.batchUpdateContacts" {
				calls += count
			}
		}
		if calls > n/200+2 {
			t.Errorf("%d calls for %d messages, want %d and at most two for the first and the last", calls, n, n/200)
		}
	})
}

func TestPromiseFewCallsALoneChangeIsNotDelayed(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.seed(ann, 3)
		w.fail(latency(100 * time.Millisecond))
		w.start()
		for i := range 3 {
			synctest.Wait()
			begin := time.Now()
			w.publish(ann, rename(contactName(i+1), "alone", 1))
			time.Sleep(100 * time.Millisecond)
			synctest.Wait()
			if got := w.outcomes()["applied"]; got != i+1 {
				t.Errorf("change %d was not applied %v after it was published", i+1, time.Since(begin))
			}
			time.Sleep(time.Second)
		}
	})
}
