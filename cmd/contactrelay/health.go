package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/contactrelay/contactrelay/worker"
)

// healthServer answers /livez, /readyz and /metrics while the worker runs.
type healthServer struct {
	listener net.Listener
	server   *http.Server
}

// listenHealth opens the address. It tells what keeps the worker from working, by part, and what it has counted.
func listenHealth(address string, faults func() map[string]string, tally func() worker.Tally) (*healthServer, error) {
	counted, err := newCounts(tally).handler()
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("--http %s: %w", address, err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", counted)
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "ok") // the process answers; whether a remote does is /readyz's to say
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		found := faults()
		w.Header().Set("Content-Type", "application/json")
		if len(found) > 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"ready": len(found) == 0, "faults": found})
	})
	return &healthServer{listener: l, server: &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}}, nil
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
