package worker

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/contactrelay/contactrelay/internal/peoplesim"
)

// units is the units of writes that each minute of the clock had, of a user or of all.
func (w *world) units(of string) (units map[time.Time]int) {
	units = map[time.Time]int{}
	batches := map[int64]bool{}
	for _, write := range w.people.Audit(0) {
		if of != "" && write.User != of {
			continue
		}
		minute := write.Time.Truncate(time.Minute)
		switch {
		case write.Method != peoplesim.BatchUpdateContacts:
			units[minute]++
		case !batches[write.Call]:
			batches[write.Call] = true
			units[minute] += batchUnits
		}
	}
	return units
}

func TestAUserStaysUnderTheCeilingAndOthersDoNotWait(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.config.UserWrites = 60
		w.seed(ann, 300)
		w.seed(ben, 1)
		w.fail(latency(10 * time.Millisecond))
		w.config.BatchLate = 0
		for i := range 90 {
			w.publish(ann, rename(contactName(i+1), "x", 1))
		}
		w.start()
		time.Sleep(time.Second)
		w.publish(ben, rename("people/c1", "x", 1))
		time.Sleep(time.Second)
		if got := w.given(ben, "people/c1"); got != "x" {
			t.Errorf("the other user's contact is %q after a second", got)
		}
		time.Sleep(2 * time.Minute)
		w.check(map[string]int{"applied": 91})
		w.unspent()
		for minute, n := range w.units(ann) {
			if n > 60 {
				t.Errorf("%d units in the minute %v, want 60 at most", n, minute)
			}
		}
	})
}

func TestAllUsersTogetherStayUnderTheProjectsCeiling(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.config.ProjectWrites, w.config.BatchLate = 120, 0
		w.fail(latency(10 * time.Millisecond))
		w.crowd(40, 8)
		w.start()
		w.drain(10 * time.Minute)
		w.check(map[string]int{"applied": 320})
		w.unspent()
		total := 0
		for minute, n := range w.units("") {
			if total += n; n > 120 {
				t.Errorf("%d units in the minute %v, want 120 at most", n, minute)
			}
		}
		if minutes := len(w.units("")); total < 100*(minutes-1) {
			t.Errorf("%d units took %d minutes of the clock", total, minutes)
		}
	})
}

func TestABucketGivesOutItsCeilingInAnyMinute(t *testing.T) {
	for _, ceiling := range []int{LeastCeiling, 90, 1000} {
		synctest.Test(t, func(t *testing.T) {
			bucket, given := newCeiling(ceiling), 0
			for begin := time.Now(); time.Since(begin) < time.Minute; time.Sleep(10 * time.Millisecond) {
				for bucket.AllowN(time.Now(), batchUnits) {
					given += batchUnits
				}
			}
			if given > ceiling || given < ceiling*8/10 && ceiling > LeastCeiling {
				t.Errorf("a bucket of %d a minute gave out %d", ceiling, given)
			}
		})
	}
}
