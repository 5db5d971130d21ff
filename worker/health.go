package worker

import (
	"maps"
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

func (h *health) mended(part string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.begun = true
	delete(h.faults, part)
}

// Faults returns what keeps the worker from working now, by part: "stream 0" and so on, "people", "dead_letters". Empty means
// that it is ready. It asks no remote.
func (w *Worker) Faults() map[string]string {
	h := &w.health
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.begun && len(h.faults) == 0 {
		return map[string]string{"receive": "not begun yet"}
	}
	return maps.Clone(h.faults)
}
