package tokensim

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/contactrelay/contactrelay/internal/inprocess"
)

// cut is how a request ends without an answer.
type cut int

const (
	answered  cut = iota
	reset         // the connection is reset
	hang          // nothing comes until the client gives up
	abandoned     // the client gave up
)

// answer is how a request ends.
type answer struct {
	cut        cut
	status     int
	body       []byte
	html       bool
	retryAfter time.Duration
}

// jsonAnswer is an answer with a JSON body.
func jsonAnswer(status int, body any) answer {
	text, err := json.Marshal(body)
	if err != nil {
		panic(fmt.Sprintf("tokensim: an answer: %v", err)) // it holds strings, numbers and maps of them
	}
	return answer{status: status, body: text}
}

// oauthError is an error as the token endpoint spells it.
func oauthError(status int, code, description string) answer {
	body := map[string]string{"error": code}
	if description != "" {
		body["error_description"] = description
	}
	return jsonAnswer(status, body)
}

func invalidGrant(description string) answer {
	return oauthError(http.StatusBadRequest, "invalid_grant", description)
}

// rapt is the error for users whose administrator wants them to sign in again from time to time.
func rapt() answer {
	return jsonAnswer(http.StatusBadRequest, map[string]string{
		"error": "invalid_grant", "error_description": "reauth related error (invalid_rapt)",
		"error_uri": "https://support.google.com/a/answer/9368756", "error_subtype": "invalid_rapt",
	})
}

// apiError is an error as Google's APIs spell it.
func apiError(code int, status, message, reason string) answer {
	body := map[string]any{"code": code, "message": message, "status": status}
	if reason != "" {
		body["details"] = []any{map[string]any{
			"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "googleapis.com",
		}}
	}
	return jsonAnswer(code, map[string]any{"error": body})
}

func (a answer) header(h http.Header) {
	h.Set("Content-Type", "application/json; charset=utf-8")
	if a.html {
		h.Set("Content-Type", "text/html; charset=UTF-8")
	}
	if a.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int((a.retryAfter+time.Second-1)/time.Second)))
	}
	h.Set("Cache-Control", "no-cache, no-store, max-age=0, must-revalidate")
}

// wait takes an answer through its latency.
func (a answer) wait(ctx context.Context, latency time.Duration) answer {
	if a.cut == hang {
		<-ctx.Done()
		return answer{cut: abandoned}
	}
	if latency <= 0 {
		return a
	}
	t := time.NewTimer(latency)
	defer t.Stop()
	select {
	case <-t.C:
		return a
	case <-ctx.Done():
		return answer{cut: abandoned}
	}
}

// ServeHTTP serves both hosts over a socket. It blocks for the latency of the answer.
func (s *Sim) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a := s.serve(r)
	if a.cut != answered {
		panic(http.ErrAbortHandler)
	}
	a.header(w.Header())
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // a client that is gone by now is its own affair
}

// RoundTrip serves both hosts in process: no socket, no goroutine. It blocks for the latency of the answer, or until
// the request's context ends. What would break the connection is an error, and so is any other host.
func (s *Sim) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	if r.Context().Err() != nil {
		return nil, context.Cause(r.Context())
	}
	if r.URL.Scheme != "https" {
		return nil, fmt.Errorf("tokensim: %s: a secret goes nowhere but over https", r.URL.Scheme)
	}
	if r.URL.Host != TokenHost && r.URL.Host != SignHost {
		return nil, &net.DNSError{Err: "no such host", Name: r.URL.Host, IsNotFound: true}
	}
	a := s.serve(r)
	switch a.cut {
	case reset:
		return nil, inprocess.Reset()
	case abandoned:
		return nil, context.Cause(r.Context())
	}
	header := make(http.Header)
	a.header(header)
	return inprocess.Response(r, a.status, header, a.body), nil
}
