package worker

import (
	"errors"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/contactrelay/contactrelay/internal/peoplesim"
	"github.com/contactrelay/contactrelay/internal/pubsubsim"
	"github.com/contactrelay/contactrelay/messages"
)

const ann, ben = "ann@example.com", "ben@example.com"

// bubble runs a story with a world in it, in a synctest bubble.
func bubble(t *testing.T, story func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { story(t, newWorld(t, ordered)) })
}

// check compares the outcomes up to now, sees that the deliveries add up and that nothing is left in the queue.
func (w *world) check(want map[string]int) {
	w.t.Helper()
	synctest.Wait()
	if got := w.outcomes(); !maps.Equal(got, want) {
		w.t.Errorf("outcomes %v, want %v", got, want)
	}
	w.balanced()
	if left := w.backlog(changes); len(left) > 0 {
		w.t.Errorf("%d messages are left in the subscription", len(left))
	}
}

func TestAChangeIsAppliedAndAcknowledged(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.seed(ann, 1)
		w.publish(ann, rename("people/c1", "Nora", 1))
		w.start()
		time.Sleep(time.Second)
		w.check(map[string]int{"applied": 1})
		if got := w.given(ann, "people/c1"); got != "Nora" {
			t.Errorf("the contact's name is %q", got)
		}
	})
}

func TestAnEventPublishedTwiceIsAppliedOnce(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.seed(ann, 1)
		w.seed(ben, 1)
		m := overwrite("people/c1", "Nora")
		m.Attributes["ce-id"], m.Attributes["ce-source"] = "7", "//crm.example.com"
		w.publish(ann, m)
		w.publish(ann, m)
		w.publish(ben, m) // the same event concerns another user too
		w.start()
		time.Sleep(time.Second)
		w.check(map[string]int{"applied": 2, "duplicate": 1})
	})
}

func TestARevokedUserIsUnauthorizedOnceOthersWork(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.seed(ann, 1)
		w.seed(ben, 200)
		w.fail(peoplesim.Fault{Kind: peoplesim.Revoked, Rate: 1, Users: []string{ann}}, latency(time.Second))
		w.publish(ann, rename("people/c1", "x", 1))
		for i := range 200 {
			w.publish(ben, rename(contactName(i+1), "x", 1))
		}
		w.start()
		time.Sleep(10 * time.Minute)
		w.check(map[string]int{"applied": 200, "user_unauthorized": 1})
	})
}

func TestAQuotaIsWaitedForAndIsNoAttempt(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.seed(ann, 1)
		w.seed(ben, 1)
		quota := peoplesim.Fault{Kind: peoplesim.UserQuota, Rate: 1, Users: []string{ann}, Calls: 12}
		w.fail(quota)
		w.publish(ann, rename("people/c1", "x", 1))
		w.publish(ben, rename("people/c1", "x", 1))
		w.start()
		time.Sleep(time.Second)
		if got := w.outcomes(); got["applied"] != 1 {
			t.Errorf("after a second: %v; the other user must not wait", got)
		}
		time.Sleep(20 * time.Minute)
		w.check(map[string]int{"applied": 2})
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, s := range w.settled {
			if s.Attempts != 1 {
				t.Errorf("%s was applied with %d attempts", s.User, s.Attempts)
			}
		}
	})
}

func TestALostAnswerLeavesTheContactAsTheChangeWantsIt(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.seed(ann, 2)
		w.fail(peoplesim.Fault{Kind: peoplesim.AnswerLost, Rate: 1, Calls: 2})
		w.publish(ann, overwrite("people/c1", "Nora"))
		w.start()
		time.Sleep(time.Minute)
		w.check(map[string]int{"applied": 1})
		if got := w.given(ann, "people/c1"); got != "Nora" {
			t.Errorf("the contact's name is %q", got)
		}
	})
}

func TestReceivingIsTakenUpAgainWhenItFailedForGood(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.seed(ann, 1)
		w.publish(ann, rename("people/c1", "x", 1))
		must(t, w.broker.SetFaults(pubsubsim.Faults{Receive: pubsubsim.PermissionDenied}))
		w.start()
		time.Sleep(10 * time.Minute)
		if w.worker.Faults()["stream 0"] == "" {
			t.Error("the worker is ready though it cannot receive")
		}
		if n := strings.Count(w.log.String(), "cannot receive"); n < 7 || n > 11 {
			t.Errorf("said so %d times in ten minutes, want about ten", n)
		}
		must(t, w.broker.SetFaults(pubsubsim.Faults{}))
		time.Sleep(2 * time.Minute)
		w.check(map[string]int{"applied": 1})
	})
}

func TestASubscriptionWithoutOrderingIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, pubsubsim.SubscriptionSettings{AckDeadline: time.Minute})
		w.publish("", rename("people/c1", "x", 1))
		w.start()
		synctest.Wait()
		if err := w.stop(); !errors.Is(err, ErrUnordered) {
			t.Errorf("Run = %v, want ErrUnordered", err)
		}
	})
}

func TestPhotosAreApplied(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.seed(ann, 1)
		w.publish(ann, message(messages.Photo, map[string]any{"resourceName": "people/c1", "photoBytes": onePixel}))
		w.start()
		time.Sleep(time.Second)
		w.check(map[string]int{"applied": 1})
		if c, _ := w.people.Contact(ann, "people/c1"); c.Photo == "" {
			t.Error("the contact has no photo")
		}
	})
}

// onePixel is a PNG of one pixel.
const onePixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

func TestAPanicIsAnAttemptAndAtTheLastADeadLetter(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.seed(ann, 1)
		w.config.Attempts = 3
		w.publish(ann, rename("people/c1", "x", 1), rename("people/c1", "x", 1))
		w.panics = true
		w.start()
		time.Sleep(time.Minute)
		w.check(map[string]int{"retries_exhausted": 2})
		if n := strings.Count(w.log.String(), "panic while handling"); n != 6 {
			t.Errorf("%d panics logged, want 6", n)
		}
	})
}
