package worker

import (
	"context"
	"testing"
	"time"

	"github.com/contactrelay/contactrelay/deadletter"
	"github.com/contactrelay/contactrelay/messages"
)

func TestUntilTheServiceHasAnsweredFewCallsAreMadeAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.crowd(50, 1)
		w.fail(latency(100 * time.Millisecond))
		w.start()
		time.Sleep(150 * time.Millisecond)
		first := w.made()
		time.Sleep(100 * time.Millisecond)
		if first != firstCalls || w.made() != 50 {
			t.Errorf("%d calls answered after 150 ms, %d after 250; want %d and all 50", first, w.made(), firstCalls)
		}
	})
}

// TestCallsThatHangAtTheStartDoNotHoldUpOtherUsersForLong: nothing is known of the service then.
func TestCallsThatHangAtTheStartDoNotHoldUpOtherUsersForLong(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		const hanging = 3 * firstCalls
		w.crowd(hanging, 2)
		hang := latency(time.Hour)
		for i := range hanging {
			hang.Users = append(hang.Users, user(i))
		}
		w.fail(hang)
		w.seed(ben, 1)
		w.publish(ben, rename("people/c1", "x", 1))
		w.start()
		time.Sleep(3*lendEvery + time.Second)
		if got := w.given(ben, "people/c1"); got != "x" {
			t.Errorf("the contact of a user whose calls do not hang is %q", got)
		}
	})
}

func TestLettersAtTheStartAreNotWrittenByFewForLong(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.start()
		w.worker.dead = slowTopic{w.worker.dead}
		for i := range 200 {
			w.publish(user(i), messages.Message{Attributes: map[string]string{messages.AttrType: "none"}})
		}
		time.Sleep(4*lendEvery + time.Second)
		w.check(map[string]int{"unsupported_type": 200})
	})
}

// slowTopic takes a second for each letter.
type slowTopic struct{ topic }

func (s slowTopic) Publish(ctx context.Context, m deadletter.Message) error {
	time.Sleep(time.Second)
	return s.topic.Publish(ctx, m)
}
