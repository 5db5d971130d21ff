package pubsubsim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// maxFaultsBody bounds what PUT /faults reads, in bytes.
const maxFaultsBody = 1 << 16

// Admin returns the handler of the paths in the package comment. Answers are JSON; an error has the form
// {"error": "…"}.
func (b *Broker) Admin() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /stats", func(w http.ResponseWriter, _ *http.Request) { answer(w, b.Stats(), nil) })
	mux.HandleFunc("GET /await", func(w http.ResponseWriter, r *http.Request) {
		stats, err := b.awaitAsked(r)
		answer(w, stats, err)
	})
	mux.HandleFunc("GET /faults", func(w http.ResponseWriter, _ *http.Request) { answer(w, b.Faults(), nil) })
	mux.HandleFunc("PUT /faults", b.putFaults)
	mux.HandleFunc("GET /backlog", func(w http.ResponseWriter, r *http.Request) {
		backlog, err := b.listBacklog(r)
		for i := range backlog {
			backlog[i].Data = nil
		}
		answer(w, backlog, err)
	})
	mux.HandleFunc("GET /messages", func(w http.ResponseWriter, r *http.Request) {
		backlog, err := b.listBacklog(r)
		answer(w, backlog, err)
	})
	mux.HandleFunc("POST /purge", func(w http.ResponseWriter, r *http.Request) {
		answer(w, struct{}{}, b.Purge(r.FormValue("subscription")))
	})
	mux.HandleFunc("POST /expire", func(w http.ResponseWriter, r *http.Request) {
		answer(w, struct{}{}, b.ExpireLeases(r.FormValue("subscription"), r.FormValue("running") == "true"))
	})
	mux.HandleFunc("POST /reset", func(w http.ResponseWriter, _ *http.Request) {
		b.Reset()
		answer(w, struct{}{}, nil)
	})
	return mux
}

// putFaults replaces all faults: what the body leaves out is off.
func (b *Broker) putFaults(w http.ResponseWriter, r *http.Request) {
	var f Faults
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxFaultsBody))
	d.DisallowUnknownFields()
	err := d.Decode(&f)
	if err != nil {
		err = status.Errorf(codes.InvalidArgument, "decode the faults: %v", err)
	} else {
		err = b.SetFaults(f)
	}
	answer(w, f, err)
}

func (b *Broker) awaitAsked(r *http.Request) (SubscriptionStats, error) {
	wanted := map[string]uint64{}
	for name, values := range r.URL.Query() {
		if name == "subscription" {
			continue
		}
		n, err := strconv.ParseUint(values[0], 10, 64)
		if err != nil {
			return SubscriptionStats{}, status.Errorf(codes.InvalidArgument, "%s is not a count: %q", name, values[0])
		}
		wanted[name] = n
	}
	return b.Await(r.Context(), r.FormValue("subscription"), wanted)
}

func (b *Broker) listBacklog(r *http.Request) ([]Waiting, error) {
	limit := 0
	if text := r.FormValue("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return nil, status.Errorf(codes.InvalidArgument, "limit is not a count: %q", text)
		}
		limit = n
	}
	return b.Backlog(r.FormValue("subscription"), limit)
}

// answer writes value, or err if there is one.
func answer(w http.ResponseWriter, value any, err error) {
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		w.WriteHeader(httpStatus(err))
		value = map[string]string{"error": status.Convert(err).Message()}
	}
	body, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		panic(fmt.Sprintf("pubsubsim: an answer that is not JSON: %v", err))
	}
	// An error here means that nobody reads the answer any more.
	_, _ = w.Write(append(body, '\n'))
}

func httpStatus(err error) int {
	switch status.Code(err) {
	case codes.InvalidArgument:
		return http.StatusBadRequest
	case codes.NotFound:
		return http.StatusNotFound
	default:
		return http.StatusServiceUnavailable
	}
}
