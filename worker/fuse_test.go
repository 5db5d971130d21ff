package worker

import (
	"testing"
	"time"

	"github.com/contactrelay/contactrelay/internal/peoplesim"
)

func TestWhenEveryUserIsRefusedTheFuseHoldsTheLetters(t *testing.T) {
	for _, kind := range []peoplesim.Kind{peoplesim.Forbidden, peoplesim.ScopeMissing} {
		bubble(t, func(t *testing.T, w *world) {
			w.config.MaxCalls = 1
			w.crowd(20, 5)
			w.fail(latency(100*time.Millisecond), always(kind))
			w.start()
			time.Sleep(time.Minute)
			before := w.made()
			time.Sleep(9 * time.Minute)
			if n := w.made() - before; n >= 9*30 {
				t.Errorf("%s: %d calls in nine minutes", kind, n)
			}
			letters := len(w.letters())
			if letters > 5*fuseUsers {
				t.Errorf("%s: %d letters, want those of four users at most", kind, letters)
			}
			w.ready(false)
			w.fail(latency(100 * time.Millisecond))
			time.Sleep(10 * time.Minute)
			if got := w.outcomes(); got["applied"] != 100-letters || len(w.letters()) != letters {
				t.Errorf("%s: outcomes %v, %d letters, want no more of them", kind, got, letters)
			}
			w.ready(true)
		})
	}
}

func TestRefusedUsersHaveTheirLettersOnceAnotherUsersCallSucceeds(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.config.MaxMessages = 10_000
		w.crowd(20, 50)
		bad := []string{}
		for i := range 19 {
			bad = append(bad, user(i))
		}
		w.fail(latency(100*time.Millisecond), peoplesim.Fault{Kind: peoplesim.Forbidden, Rate: 1, Users: bad})
		w.start()
		time.Sleep(2 * time.Minute)
		w.check(map[string]int{"forbidden": 950, "applied": 50})
		w.ready(true)
	})
}

func TestWhatCannotBeDecodedAndConflictsNeverCountForTheFuse(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		for i := range 20 {
			w.seed(user(i), 1)
			w.publish(user(i), rename("people/c1", "x", 99), badMessages()[0].m)
		}
		w.start()
		time.Sleep(time.Minute)
		if n := len(w.letters()); n != 40 || len(w.backlog(changes)) > 0 {
			t.Errorf("%d letters of 40, %d messages left: %v", n, len(w.backlog(changes)), w.outcomes())
		}
		w.ready(true)
	})
}
