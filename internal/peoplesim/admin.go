package peoplesim

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
)

// Seeding is the body of POST /seed: contacts by user, and so many generated ones of so many users (see Generate).
type Seeding struct {
	People   map[string][]json.RawMessage `json:"people,omitempty"` // user → Persons, each with its resourceName
	Users    int                          `json:"users,omitzero"`
	Contacts int                          `json:"contacts,omitzero"`
}

// Edit is the body of POST /hand-edit. Without a mask the etag moves and nothing else.
type Edit struct {
	User         string          `json:"user"`
	ResourceName string          `json:"resourceName"`
	Person       json.RawMessage `json:"person,omitempty"`
	Mask         string          `json:"mask,omitempty"`
}

// Deletion is the body of POST /delete.
type Deletion struct {
	User         string `json:"user"`
	ResourceName string `json:"resourceName"`
}

// Admin serves what a test in another process needs. Bodies and answers are JSON; an error is {"error": "…"} with 400,
// or 404 if there is no such contact.
//
//	GET  /faults     the Faults in force
//	PUT  /faults     replaces them
//	POST /seed       a Seeding
//	POST /hand-edit  an Edit
//	POST /delete     a Deletion
//	GET  /audit      the writes, one JSON Write a line; ?after=SEQ for those after it
//	GET  /stats      the Stats
//	GET  /await      ?pending=N or ?maxOverlap=N: the Stats, when pending is N or maxOverlap has come so far
//	GET  /contact    ?user=&resourceName=: the Contact
//	GET  /contacts   all of them, one JSON Contact a line
//	POST /reset      forgets contacts, faults, writes and counts
func (s *Sim) Admin() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /faults", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, s.Faults()) })
	mux.HandleFunc("PUT /faults", accept(s.SetFaults))
	mux.HandleFunc("POST /seed", accept(s.seed))
	mux.HandleFunc("POST /hand-edit", accept(s.edit))
	mux.HandleFunc("POST /delete", accept(func(d Deletion) error { return s.Delete(d.User, d.ResourceName) }))
	mux.HandleFunc("GET /audit", s.serveAudit)
	mux.HandleFunc("GET /stats", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, s.Stats()) })
	mux.HandleFunc("GET /await", s.serveAwait)
	mux.HandleFunc("GET /contact", s.serveContact)
	mux.HandleFunc("GET /contacts", func(w http.ResponseWriter, _ *http.Request) { writeLines(w, s.Snapshot()) })
	mux.HandleFunc("POST /reset", accept(func(struct{}) error { s.Reset(); return nil }))
	return mux
}

func (s *Sim) seed(b Seeding) error {
	for user, contacts := range b.People {
		if err := s.SeedJSON(user, contacts); err != nil {
			return err
		}
	}
	return s.Generate(b.Users, b.Contacts)
}

func (s *Sim) edit(e Edit) error {
	if e.Mask == "" {
		return s.Touch(e.User, e.ResourceName)
	}
	return s.HandEditJSON(e.User, e.ResourceName, e.Person, e.Mask)
}

func (s *Sim) serveAudit(w http.ResponseWriter, r *http.Request) {
	var after int64
	if text := r.FormValue("after"); text != "" {
		var err error
		if after, err = strconv.ParseInt(text, 10, 64); err != nil {
			writeError(w, fmt.Errorf("after: %q is not a number", text))
			return
		}
	}
	writeLines(w, s.Audit(after))
}

func (s *Sim) serveAwait(w http.ResponseWriter, r *http.Request) {
	holds, err := awaited(r.URL.Query())
	if err != nil {
		writeError(w, err)
		return
	}
	st, err := s.Await(r.Context(), holds)
	if err != nil {
		return // the client is gone
	}
	writeJSON(w, st)
}

// awaited is what a query asks to wait for.
func awaited(query url.Values) (holds func(Stats) bool, err error) {
	if len(query) != 1 {
		return nil, errors.New("one of pending and maxOverlap must be given")
	}
	for name, values := range query {
		n, err := strconv.Atoi(values[0])
		switch {
		case err != nil || n < 0:
			return nil, fmt.Errorf("%s: %q is not a count", name, values[0])
		case name == "pending":
			return func(st Stats) bool { return st.Pending == n }, nil
		case name == "maxOverlap":
			return func(st Stats) bool { return st.MaxOverlap >= n }, nil
		}
	}
	return nil, errors.New("neither pending nor maxOverlap is given")
}

func (s *Sim) serveContact(w http.ResponseWriter, r *http.Request) {
	user, name := r.FormValue("user"), r.FormValue("resourceName")
	c, ok := s.Contact(user, name)
	if !ok {
		writeError(w, fmt.Errorf("%s of %s: %w", name, user, ErrNoContact))
		return
	}
	writeJSON(w, c)
}

// accept serves a body of type T, which is handed to do; an empty body is the zero T.
func accept[T any](do func(T) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var body T
		d := json.NewDecoder(r.Body)
		d.DisallowUnknownFields()
		if r.ContentLength != 0 {
			if err := d.Decode(&body); err != nil {
				writeError(w, fmt.Errorf("the body: %w", err))
				return
			}
		}
		if err := do(body); err != nil {
			writeError(w, err)
			return
		}
		writeJSON(w, struct{}{})
	}
}

func writeError(w http.ResponseWriter, err error) {
	status := http.StatusBadRequest
	if errors.Is(err, ErrNoContact) {
		status = http.StatusNotFound
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": err.Error()}) // a client that is gone is its own affair
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

// writeLines writes one value a line, until the client is gone.
func writeLines[T any](w http.ResponseWriter, values []T) {
	w.Header().Set("Content-Type", "application/jsonl")
	e := json.NewEncoder(w)
	for _, v := range values {
		if e.Encode(v) != nil {
			return
		}
	}
}
