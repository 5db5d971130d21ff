package watched

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestAwaitReturnsWhenWhatTheMutexGuardsHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m Mutex
		n := 0
		ended := make(chan error, 1)
		go func() { ended <- m.Await(t.Context(), func() (bool, time.Time) { return n == 3, time.Time{} }) }()
		for range 3 {
			synctest.Wait()
			select {
			case err := <-ended:
				t.Fatalf("Await = %v at %d", err, n)
			default:
			}
			m.Lock()
			n++
			m.Unlock()
		}
		if err := <-ended; err != nil {
			t.Errorf("Await = %v", err)
		}
	})
}

func TestAwaitLooksAgainWhenItIsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m Mutex
		begin := time.Now()
		due := begin.Add(time.Hour)
		if err := m.Await(t.Context(), func() (bool, time.Time) { return !time.Now().Before(due), due }); err != nil || time.Since(begin) != time.Hour {
			t.Errorf("Await = %v after %v", err, time.Since(begin))
		}
	})
}

func TestAwaitEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m Mutex
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- m.Await(ctx, func() (bool, time.Time) { return false, time.Time{} }) }()
		synctest.Wait()
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("Await = %v", err)
		}
		if !m.mu.TryLock() {
			t.Error("Await left it locked")
		}
	})
}
