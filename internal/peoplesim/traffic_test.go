package peoplesim

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestMutatesOfOneUserThatOverlapAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := seeded(t, Config{})
		setFaults(t, s, Faults{List: []Fault{{Kind: Latency, Rate: 1, Delay: Duration(time.Second)}}})
		if got := s.MaxOverlap(ann); got != 0 {
			t.Errorf("before any call the overlap is %d", got)
		}
		api, other := dial(t, s, ann), dial(t, s, "bob@example.com")
		var wg sync.WaitGroup
		wg.Go(func() { _ = rename(t.Context(), api, 1, "A") })
		wg.Go(func() { _, _ = api.Get(c1).PersonFields("names").Do() })
		wg.Go(func() { _ = rename(t.Context(), other, 1, "B") })
		wg.Wait()
		_ = rename(t.Context(), api, 2, "C")
		if got := s.MaxOverlap(ann); got != 1 {
			t.Errorf("one after the other, beside a read and another user: the overlap is %d, want 1", got)
		}

		for range 3 {
			wg.Go(func() { _ = rename(t.Context(), api, 3, "D") })
			time.Sleep(100 * time.Millisecond)
		}
		wg.Wait()
		if got := s.Stats(); got.MaxOverlap != 3 || got.Overlapped[ann] != 3 || len(got.Overlapped) != 1 {
			t.Errorf("three at once: the statistics show %+v", got)
		}
	})
}

func TestACallGivenUpOverlapsNoLaterOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := seeded(t, Config{})
		setFaults(t, s, Faults{List: []Fault{{Kind: Hang, Rate: 1, Calls: 1}}})
		api := dial(t, s, ann)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_ = rename(ctx, api, 1, "A")
		if err := rename(t.Context(), api, 1, "B"); err != nil {
			t.Fatal(err)
		}
		if got := s.MaxOverlap(ann); got != 1 {
			t.Errorf("the overlap is %d, want 1", got)
		}
		setFaults(t, s, Faults{List: []Fault{{Kind: Hang, Rate: 1, Calls: 1}}})
		ctx, cancel = context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var wg sync.WaitGroup
		wg.Go(func() { _ = rename(ctx, api, 2, "C") })
		time.Sleep(time.Second - 1)
		_ = rename(t.Context(), api, 2, "D") // while it still hangs
		wg.Wait()
		if got := s.MaxOverlap(ann); got != 2 {
			t.Errorf("the overlap is %d, want 2", got)
		}
	})
}

func TestOverASocketACallGivenUpOverlapsNoLaterOne(t *testing.T) {
	s := seeded(t, Config{})
	api := dialSocket(t, s, ann)
	setFaults(t, s, Faults{List: []Fault{{Kind: Hang, Rate: 1, Methods: []string{UpdateContact}}}})
	for range 20 {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
		if err := rename(ctx, api, 1, "Hangs"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the deadline to pass", err)
		}
		cancel()
		if _, err := api.UpdateContactPhoto(c1, photoRequest(pngBytes(t))).Do(); err != nil {
			t.Error(err)
		}
	}
	if got := s.MaxOverlap(ann); got != 1 {
		t.Errorf("the overlap is %d, want 1", got)
	}
}

func TestTheServerMayLearnLateThatAClientIsGone(t *testing.T) {
	now := time.Now()
	for late, want := range map[time.Duration]int{0: 1, abandonGrace - 1: 1, abandonGrace: 2, time.Second: 2} {
		u := &user{}
		first := u.depart(now)
		second := u.depart(now.Add(time.Second))
		u.land(first, abandonGrace, now.Add(time.Second+late))
		u.land(second, 0, now.Add(3*time.Second))
		if u.most != want {
			t.Errorf("noticed %v after the next call came, the overlap is %d, want %d", late, u.most, want)
		}
	}
}

func TestOverlappingMutatesCanBeRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := seeded(t, Config{})
		setFaults(t, s, Faults{List: []Fault{
			{Kind: Latency, Rate: 1, Delay: Duration(time.Second)}, {Kind: TooConcurrent, Rate: 1, Methods: []string{UpdateContact}},
		}})
		api := dial(t, s, ann)
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := rename(t.Context(), api, 1, "A"); err != nil {
				t.Errorf("the first: %v", err)
			}
		})
		time.Sleep(time.Millisecond)
		f := failed(t, rename(t.Context(), api, 1, "B"))
		if f.Code != 429 || f.Message != "Too many concurrent requests for user." {
			t.Errorf("the second: got %+v", f)
		}
		wg.Wait()
		if err := rename(t.Context(), api, 2, "C"); err != nil {
			t.Errorf("a later one: %v", err)
		}
	})
}
