package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/contactrelay/contactrelay/worker"
)

// patient is what the health server looks at: a worker.
type patient interface {
	Faults() map[string]string
	Tally() worker.Tally
	Stuck(n int) []worker.Stuck
}

// healthServer answers /livez, /readyz, /lanes and /metrics while the worker runs.
type healthServer struct {
	patient  patient
	listener net.Listener
	server   *http.Server
}

// liveTimeout is how long the worker's locks may be held before the process counts as stuck; they are held for less than
// a millisecond.
const liveTimeout = 900 * time.Millisecond // the default time-out of a probe is a second

// listenHealth opens the address.
func listenHealth(address string, p patient, log *slog.Logger) (*healthServer, error) {
	counted, err := newCounts(p.Tally).handler()
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("--http %s: %w", address, err)
	}
	h := &healthServer{patient: p, listener: l}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", counted)
	mux.Handle("GET /livez", http.TimeoutHandler(http.HandlerFunc(h.live), liveTimeout, "no progress\n"))
	mux.HandleFunc("GET /readyz", h.ready)
	mux.HandleFunc("GET /lanes", h.lanes)
	h.server = &http.Server{
		Handler: mux, ReadHeaderTimeout: 5 * time.Second,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn), // else it writes lines of its own format
	}
	return h, nil
}

// live answers when the worker's locks can be had: then it makes progress. Whether a remote answers is ready's to say,
// since a process that fails this probe is killed.
func (h *healthServer) live(w http.ResponseWriter, _ *http.Request) {
	h.patient.Tally()
	fmt.Fprintln(w, "ok")
}

// ready tells whether the worker works, and why not, by part.
func (h *healthServer) ready(w http.ResponseWriter, _ *http.Request) {
	found := h.patient.Faults()
	status := http.StatusOK
	if len(found) > 0 {
		status = http.StatusServiceUnavailable
	}
	answerJSON(w, status, map[string]any{"ready": len(found) == 0, "faults": found})
}

// answerJSON answers with a value.
func answerJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value) // who asked may have gone
}

// serve answers until close is called.
func (h *healthServer) serve() error {
	if err := h.server.Serve(h.listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// close ends the server; answers under way have a moment.
func (h *healthServer) close(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 100*time.Millisecond)
	defer cancel()
	_ = h.server.Shutdown(ctx)
}
