package worker

import (
	"maps"
	"strings"
	"sync"
)

// health is what keeps the worker from working, by part. The zero value is ready; safe for concurrent use.
type health struct {
	mu     sync.Mutex // guards the fields below
	faults map[string]string
	begun  bool // something works: receiving has begun
}

func (h *health) failed(part string, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.faults == nil {
		h.faults = map[string]string{}
	}
	h.faults[part] = err.Error()
}

// mended notes that a part works, and reports whether with it the last failed part of its kind does: "stream 0" and
// "stream 1" are of one kind.
func (h *health) mended(part string) (all bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.begun = true
	_, all = h.faults[part]
	delete(h.faults, part)
	kind, _, _ := strings.Cut(part, " ")
	for other := range h.faults {
		all = all && !strings.HasPrefix(other, kind)
	}
	return all
}

// Faults returns what keeps the worker from working now, by part: "stream 0" and so on, "people", "dead_letters", "worker"
// during a stop. Empty, and never nil, means that it is ready. It asks no remote.
func (w *Worker) Faults() map[string]string {
	h := &w.health
	h.mu.Lock()
	defer h.mu.Unlock()
	faults := map[string]string{}
	maps.Copy(faults, h.faults)
	if !h.begun && len(faults) == 0 {
		faults["receive"] = "not begun yet"
	}
	if w.stopped.Load() {
		faults["worker"] = "is stopping: nothing new is begun"
	}
	return faults
}
