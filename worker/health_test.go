package worker

import (
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/contactrelay/contactrelay/internal/peoplesim"
	"github.com/contactrelay/contactrelay/internal/pubsubsim"
)

func TestThatReceivingWorksAgainIsSaidOnce(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.seed(ann, 1)
		w.start()
		time.Sleep(time.Minute)
		if strings.Contains(w.log.String(), "receiving works again") {
			t.Error("said though receiving had never failed")
		}
		must(t, w.broker.SetFaults(pubsubsim.Faults{Receive: pubsubsim.PermissionDenied}))
		w.broker.CutStreams()
		time.Sleep(time.Minute)
		must(t, w.broker.SetFaults(pubsubsim.Faults{}))
		time.Sleep(2 * time.Minute)
		if n := strings.Count(w.log.String(), "receiving works again"); n != 1 {
			t.Errorf("said %d times, want once:\n%s", n, w.log.String())
		}
	})
}

func TestAPartIsMendedWithTheLastOfItsKind(t *testing.T) {
	h := &health{}
	for _, part := range []string{"stream 0", "stream 1", "people"} {
		h.failed(part, errors.New("gone"))
	}
	for _, step := range []struct {
		part string
		all  bool
	}{{"stream 0", false}, {"stream 2", false}, {"stream 1", true}, {"stream 1", false}, {"people", true}} {
		if got := h.mended(step.part); got != step.all {
			t.Errorf("mended(%q) = %t, want %t", step.part, got, step.all)
		}
	}
}

func TestAWorkerThatStopsIsUnready(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.seed(ann, 1)
		w.fail(peoplesim.Fault{Kind: peoplesim.Latency, Rate: 1, Delay: peoplesim.Duration(3 * time.Second)})
		w.publish(ann, rename("people/c1", "Nora", 1))
		w.start()
		time.Sleep(2500 * time.Millisecond)
		if faults := w.worker.Faults(); faults == nil || len(faults) != 0 {
			t.Errorf("at work: %#v, want no faults and a map of them", faults)
		}
		time.AfterFunc(100*time.Millisecond, func() {
			if faults := w.worker.Faults(); faults["worker"] == "" {
				t.Errorf("while the last call is in flight: %v, want the worker among the faults", faults)
			}
		})
		must(t, w.stop())
		w.check(map[string]int{"applied": 1})
	})
}

func TestTheTallyWaitsForTheLocksThatAllWorkPassesThrough(t *testing.T) {
	w := New(Config{}, nil, nil, nil, slog.New(slog.DiscardHandler))
	for name, mu := range map[string]*sync.Mutex{"messages": &w.mu, "breaker": &w.breaker.mu, "rate": &w.rate.mu, "counts": &w.tally.mu} {
		told := make(chan struct{})
		mu.Lock()
		go func() { w.Tally(); close(told) }()
		select { // real time: a bubble does not see who waits for a lock
		case <-told:
			t.Errorf("the counts are told while the lock of the %s is held", name)
		case <-time.After(20 * time.Millisecond):
		}
		mu.Unlock()
		<-told
	}
}
