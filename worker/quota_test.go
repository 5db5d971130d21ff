package worker

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/contactrelay/contactrelay/internal/peoplesim"
	"github.com/contactrelay/contactrelay/internal/pubsubsim"
)

// lastOf is when the last change of a user was settled, and lastOfOthers that of all others.
func (w *world) lastWrites(of string) (its, others time.Time) {
	for _, write := range w.people.Audit(0) {
		if write.User == of {
			its = write.Time
		} else {
			others = write.Time
		}
	}
	return its, others
}

func TestAUserOverQuotaTakesNothingFromTheOthersAndIsDoneAfterItsMinute(t *testing.T) {
	t.Parallel()
	took := map[bool]time.Duration{} // the others, with the one over quota and without
	for _, over := range []bool{false, true} {
		bubble(t, func(t *testing.T, w *world) {
			w.config.MaxMessages = 10_000
			w.crowd(50, 60)
			list := []peoplesim.Fault{latency(100 * time.Millisecond)}
			if over {
				list = append(list, peoplesim.Fault{Kind: peoplesim.UserQuota, Rate: 1, Users: []string{user(7)}, For: peoplesim.Duration(time.Minute)})
			}
			w.fail(list...)
			begin := time.Now()
			w.start()
			w.drain(5 * time.Minute)
			w.check(map[string]int{"applied": 3000})
			w.unspent()
			its, others := w.lastWrites(user(7))
			took[over] = others.Sub(begin)
			if over {
				t.Logf("the others took %v, %v without the one over quota; that one was done %v after its minute", took[true], took[false], its.Sub(begin)-time.Minute)
				if wait := its.Sub(begin); wait < time.Minute || wait > time.Minute+15*time.Second {
					t.Errorf("the user over quota was done after %v", wait)
				}
			}
		})
	}
	if took[true] > took[false]*105/100 {
		t.Errorf("the others took %v, and %v without the one over quota", took[true], took[false])
	}
}

func TestAUserOverQuotaIsDoneRightAfterItsMinuteWheneverThatBegan(t *testing.T) {
	for _, from := range []time.Duration{0, 5 * time.Second, 30 * time.Second, 55 * time.Second} {
		bubble(t, func(t *testing.T, w *world) {
			w.crowd(1, 60)
			time.Sleep(time.Until(time.Now().Truncate(time.Minute).Add(time.Minute + from)))
			w.fail(latency(100*time.Millisecond), lasting(peoplesim.UserQuota, time.Minute))
			begin := time.Now()
			w.start()
			w.drain(5 * time.Minute)
			its, _ := w.lastWrites(user(0))
			if late := its.Sub(begin) - time.Minute; late < 0 || late > 15*time.Second {
				t.Errorf("over quota from second %v on, the user was done %v after the minute", from, late)
			}
			if n := w.codes()["429"]; n > 2 {
				t.Errorf("%d calls were refused", n)
			}
			w.check(map[string]int{"applied": 60})
			w.unspent()
		})
	}
}

func TestAUsersMinuteQuotaIsUsedUpInBatches(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const changes, quota = 20_000, 90
		settings := ordered
		settings.Retry = &pubsubsim.RetryPolicy{MinBackoff: 10 * time.Second, MaxBackoff: time.Minute}
		w := newWorld(t, settings)
		w.config.MaxMessages = 10_000
		w.seed(ann, changes)
		for i := range changes {
			w.publish(ann, rename(contactName(i+1), "changed", 1))
		}
		w.quota(peoplesim.Quota{UserReadsPerMinute: quota, UserWritesPerMinute: quota}, 300*time.Millisecond)
		time.Sleep(time.Until(time.Now().Truncate(time.Minute).Add(time.Minute)))
		begin := time.Now()
		w.start()
		time.Sleep(time.Minute)
		first := w.outcomes()["applied"]
		time.Sleep(5 * time.Minute)
		perMinute := (w.outcomes()["applied"] - first) / 5
		allowed := quota / batchUnits * 200
		t.Logf("%d changes a minute of %d that are possible, %.0f times what single calls could", perMinute, allowed, float64(perMinute)/quota)
		if perMinute < allowed*9/10 {
			t.Errorf("%d changes a minute, want 90 %% of %d", perMinute, allowed)
		}
		w.drain(10 * time.Minute)
		t.Logf("all done after %v", time.Since(begin))
		if got := w.outcomes(); got["applied"] != changes || len(w.letters()) > 0 {
			t.Errorf("outcomes %v", got)
		}
		t.Logf("%d messages were returned meanwhile", w.outcomes()["returned"])
		w.balanced()
		w.unspent()
	})
}
