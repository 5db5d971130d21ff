package peoplesim

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/contactrelay/contactrelay/internal/inprocess"
)

// cut is how a call ends without an answer.
type cut string

const (
	answered  cut = ""
	reset     cut = "reset"     // the connection was reset
	lost      cut = "lost"      // the connection was closed in place of the answer
	abandoned cut = "abandoned" // the client gave up
)

// reply is how a call ends.
type reply struct {
	cut        cut
	err        error // of a body that could not be read
	status     int
	body       []byte
	html       bool
	challenge  string
	retryAfter time.Duration
}

func problemReply(p *problem, legacy bool) reply {
	return reply{status: p.http, body: p.body(legacy), html: p.html, challenge: p.challenge, retryAfter: p.retryAfter}
}

// code names the reply in the statistics: the HTTP status, or how the call was cut.
func (a reply) code() string {
	if a.cut != answered {
		return string(a.cut)
	}
	return strconv.Itoa(a.status)
}

func (a reply) header(h http.Header) {
	h.Set("Content-Type", "application/json; charset=UTF-8")
	if a.html {
		h.Set("Content-Type", "text/html; charset=UTF-8")
	}
	if a.challenge != "" {
		h.Set("WWW-Authenticate", a.challenge)
	}
	if a.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int((a.retryAfter+time.Second-1)/time.Second)))
	}
	h.Set("Content-Length", strconv.Itoa(len(a.body)))
}

// ServeHTTP serves the API over a socket. It blocks for the latency of the call. A cut connection is one to the client.
func (s *Sim) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a := s.serve(r, true)
	switch a.cut {
	case reset:
		resetConnection(w)
		return
	case lost, abandoned:
		panic(http.ErrAbortHandler)
	}
	a.header(w.Header())
	w.WriteHeader(a.status)
	// A client that is gone by now is its own affair.
	_, _ = w.Write(a.body)
}

// resetConnection closes with an RST, or, where that cannot be, as the server does it.
func resetConnection(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // if it fails, the close below is an orderly one: no answer all the same
	}
	_ = conn.Close()
}

// RoundTrip serves the API in process: no socket, no goroutine. It blocks for the latency of the call, or until the
// request's context ends. What would break the connection is an error.
func (s *Sim) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	if err := r.Context().Err(); err != nil {
		return nil, context.Cause(r.Context())
	}
	a := s.serve(r, false)
	switch a.cut {
	case reset:
		return nil, inprocess.Reset()
	case lost:
		return nil, io.EOF
	case abandoned:
		if a.err != nil {
			return nil, fmt.Errorf("read the request body: %w", a.err)
		}
		return nil, context.Cause(r.Context())
	}
	header := make(http.Header)
	a.header(header)
	return inprocess.Response(r, a.status, header, a.body), nil
}
