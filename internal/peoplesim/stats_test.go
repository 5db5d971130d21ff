package peoplesim

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestAwaitEndsWhenAWriteIsDue has nobody look at the simulator after a write was given up: what is pending takes effect in
// its time all the same.
func TestAwaitEndsWhenAWriteIsDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := seeded(t, Config{})
		setFaults(t, s, Faults{List: []Fault{{Kind: Latency, Rate: 1, Delay: Duration(10 * time.Second), Calls: 2}}})
		api := dial(t, s, ann)
		begin := time.Now()
		for range 2 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			if err := rename(ctx, api, 1, "Late"); !errors.Is(err, context.DeadlineExceeded) {
				t.Fatalf("got %v, want the deadline to pass", err)
			}
			cancel()
		}
		for _, want := range []struct {
			pending int
			after   time.Duration
		}{{2, 2 * time.Second}, {1, 10 * time.Second}, {0, 11 * time.Second}} {
			st, err := s.Await(t.Context(), func(st Stats) bool { return st.Pending == want.pending })
			if err != nil || st.Pending != want.pending || time.Since(begin) != want.after {
				t.Errorf("%d pending, %v after %v, want %d after %v", st.Pending, err, time.Since(begin), want.pending, want.after)
			}
		}
	})
}

func TestAwaitSeesWhatIsOnItsWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := seeded(t, Config{})
		setFaults(t, s, Faults{List: []Fault{{Kind: Latency, Rate: 1, Delay: Duration(time.Second)}}})
		begin := time.Now()
		var wg sync.WaitGroup
		wg.Go(func() {
			st, err := s.Await(t.Context(), func(st Stats) bool { return st.MaxOverlap == 1 })
			if err != nil || time.Since(begin) != time.Minute || st.Calls[UpdateContact] != nil {
				t.Errorf("%+v, %v after %v, want a call that has just begun", st, err, time.Since(begin))
			}
		})
		wg.Go(func() {
			st, err := s.Await(t.Context(), func(st Stats) bool { return st.Writes == 1 })
			if err != nil || time.Since(begin) != time.Minute+time.Second || st.Writes != 1 {
				t.Errorf("%+v, %v after %v, want the write", st, err, time.Since(begin))
			}
		})
		time.Sleep(time.Minute)
		if err := rename(t.Context(), dial(t, s, ann), 1, "New"); err != nil {
			t.Fatal(err)
		}
		wg.Wait()
	})
}

func TestAwaitEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := seeded(t, Config{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := s.Await(ctx, func(Stats) bool { return false }); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the deadline to pass", err)
		}
		s.Reset() // the simulator is not left locked
	})
}

func TestTheAdminPortAnswersWhenItIsSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := seeded(t, Config{})
		ask := func(query string) (answer *httptest.ResponseRecorder, took time.Duration) {
			answer = httptest.NewRecorder()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			begin := time.Now()
			s.Admin().ServeHTTP(answer, httptest.NewRequestWithContext(ctx, http.MethodGet, "/await?"+query, nil))
			return answer, time.Since(begin)
		}
		for query, want := range map[string]int{
			"pending=0": http.StatusOK, "maxOverlap=0": http.StatusOK,
			"": http.StatusBadRequest, "pending=x": http.StatusBadRequest, "pending=-1": http.StatusBadRequest, "maxOverlap=": http.StatusBadRequest,
			"pending=0&maxOverlap=0": http.StatusBadRequest, "writes=0": http.StatusBadRequest, "pending=0&writes=0": http.StatusBadRequest,
		} {
			if answer, took := ask(query); answer.Code != want || took > 0 {
				t.Errorf("%s: %d %s after %v, want %d at once", query, answer.Code, answer.Body, took, want)
			}
		}
		setFaults(t, s, Faults{List: []Fault{{Kind: Latency, Rate: 1, Delay: Duration(10 * time.Second)}}})
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		go func() { _ = rename(ctx, dial(t, s, ann), 1, "Late") }()
		for _, c := range []struct {
			query string
			took  time.Duration
			holds func(Stats) bool
		}{
			{"maxOverlap=1", 0, func(st Stats) bool { return st.MaxOverlap == 1 && st.Pending == 0 }},
			{"pending=1", 3 * time.Second, func(st Stats) bool { return st.Pending == 1 }},
			{"pending=0", 7 * time.Second, func(st Stats) bool { return st.Pending == 0 && st.Writes == 1 }},
		} {
			answer, took := ask(c.query)
			var st Stats
			if err := json.Unmarshal(answer.Body.Bytes(), &st); err != nil || took != c.took || !c.holds(st) {
				t.Errorf("%s: %s after %v, %v, want it after %v", c.query, answer.Body, took, err, c.took)
			}
		}
		if answer, took := ask("pending=7"); took != time.Minute || answer.Body.Len() > 0 {
			t.Errorf("a client that is gone was answered %s after %v", answer.Body, took)
		}
	})
}
