package people

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestTheTokenIsThatOfTheUserOfTheCall(t *testing.T) {
	c := client(t, func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, `{"resourceName":"people/`+r.Header.Get("Authorization")[len("Bearer "):]+`"}`)
	})
	var wg sync.WaitGroup
	for _, user := range []string{"u1", "u2", "u3", "u4", "u5", "u6", "u7", "u8"} {
		wg.Go(func() {
			for range 20 {
				got, err := c.Get(t.Context(), user, "people/c1", Read{Fields: "names"})
				if err != nil || got.ResourceName != "people/"+user {
					t.Errorf("user %s: got %v, %v", user, got, err)
				}
			}
		})
	}
	wg.Wait()
}

func TestARedirectIsNotFollowed(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		var elsewhere atomic.Int32
		other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
		c := client(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other.URL, status)
		})
		_, err := c.Update(t.Context(), "user-1", ada(), "names", Read{})
		if e := factOf(t, err); e.Kind != Unexpected || e.HTTPStatus != status {
			t.Errorf("%d: got %v, want unexpected", status, e)
		}
		if n := elsewhere.Load(); n != 0 {
			t.Errorf("%d: the other host got %d requests", status, n)
		}
		other.Close()
	}
}

// cutter is a server that answers the first request on a connection, reads the whole of the second one and hangs up.
func cutter(t *testing.T) (url string, seen *atomic.Int32) {
	seen = new(atomic.Int32)
	var mu sync.Mutex
	answered := make(map[string]bool)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		mu.Lock()
		again := answered[r.RemoteAddr]
		answered[r.RemoteAddr] = true
		mu.Unlock()
		if again {
			seen.Add(1)
			panic(http.ErrAbortHandler)
		}
		io.WriteString(w, `{}`)
	}))
	t.Cleanup(server.Close)
	return server.URL, seen
}

func TestAWriteIsNeverSentTwiceWhenAReusedConnectionBreaks(t *testing.T) {
	for name, write := range map[string]func(*Client) error{
		"update": func(c *Client) error {
			_, err := c.Update(t.Context(), "user-1", ada(), "names", Read{})
			return err
		},
		"photo": func(c *Client) error {
			_, err := c.UpdatePhoto(t.Context(), "user-1", "people/c1", "/9j/4AA=", Read{})
			return err
		},
		"batch": func(c *Client) error {
			_, err := c.BatchUpdate(t.Context(), "user-1", nil, "names", Read{})
			return err
		},
	} {
		url, seen := cutter(t)
		c := clientOf(t, Config{Endpoint: url, Token: EmulatorToken})
		if err := get(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		if e := factOf(t, write(c)); e.Kind != Network || e.HTTPStatus != 0 {
			t.Errorf("%s: got %v, want network", name, e)
		}
		if n := seen.Load(); n != 1 {
			t.Errorf("%s: the server got the write %d times on the reused connection, want once", name, n)
		}
	}
}

func TestAnUnavailableServiceIsAskedOnce(t *testing.T) {
	for _, status := range []int{429, 500, 502, 503, 504} {
		var calls atomic.Int32
		c := client(t, func(w http.ResponseWriter, _ *http.Request) {
			calls.Add(1)
			w.WriteHeader(status)
		})
		c.Update(t.Context(), "user-1", ada(), "names", Read{})
		c.BatchUpdate(t.Context(), "user-1", nil, "names", Read{})
		get(t.Context(), c)
		if n := calls.Load(); n != 3 {
			t.Errorf("%d: got %d requests for 3 calls", status, n)
		}
	}
}

func TestAnAnswerThatBreaksOffIsNoAnswer(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		length string
		body   string
	}{
		"200 cut short of its length":      {200, "100", `{"resourceName":`},
		"200 cut in chunks":                {200, "", `{"resourceName":`},
		"200 whole JSON, but cut":          {200, "100", `{}`},
		"400 that reads as another":        {400, "1000", modern("FAILED_PRECONDITION", staleEtag)[:40]},
		"404 cut":                          {404, "1000", `{`},
		"503 cut, which asked for a pause": {503, "1000", `{`},
	} {
		t.Run(name, func(t *testing.T) {
			client := client(t, func(w http.ResponseWriter, _ *http.Request) {
				if c.length != "" {
					w.Header().Set("Content-Length", c.length)
				}
				if c.status == 503 {
					w.Header().Set("Retry-After", "5")
				}
				w.WriteHeader(c.status)
				io.WriteString(w, c.body)
				w.(http.Flusher).Flush()
				panic(http.ErrAbortHandler)
			})
			e := factOf(t, get(t.Context(), client))
			if e.Kind != Network || e.HTTPStatus != 0 {
				t.Errorf("got %v, want network", e)
			}
			if c.status == 503 && e.RetryAfter != 5*time.Second {
				t.Errorf("retry after %v, want 5s", e.RetryAfter)
			}
		})
	}
}

func TestAResetConnectionIsANetworkError(t *testing.T) {
	c := client(t, func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		conn.(*net.TCPConn).SetLinger(0) // closing sends a reset
		conn.Close()
	})
	_, err := c.Update(t.Context(), "user-1", ada(), "names", Read{})
	if e := factOf(t, err); e.Kind != Network || e.HTTPStatus != 0 {
		t.Errorf("got %v, want network", e)
	}
	if !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, io.EOF) {
		t.Errorf("got cause %v, want the reset", errors.Unwrap(err))
	}
}

func TestACallThatTimesOutOrIsCancelledTellsSo(t *testing.T) {
	for name, body := range map[string]io.ReadCloser{"before the answer": nil, "in the answer": hangingBody{}} {
		synctest.Test(t, func(t *testing.T) {
			c := clientOf(t, Config{Token: EmulatorToken, Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				if body == nil {
					<-r.Context().Done()
					return nil, context.Cause(r.Context())
				}
				resp := response(r, 200, "")
				resp.Body = hangingBody{r.Context()}
				return resp, nil
			})})
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			err := get(ctx, c)
			if e := factOf(t, err); e.Kind != Network || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: got %v with cause %v, want a network error by the deadline", name, e, errors.Unwrap(e))
			}
			ctx, stop := context.WithCancelCause(t.Context())
			go func() {
				time.Sleep(time.Second)
				stop(errors.New("the grace period is over"))
			}()
			err = get(ctx, c)
			if e := factOf(t, err); e.Kind != Network || !errors.Is(err, context.Canceled) {
				t.Errorf("%s: got %v with cause %v, want a network error by the cancellation", name, e, errors.Unwrap(e))
			}
		})
	}
}

// hangingBody never ends before its context.
type hangingBody struct{ ctx context.Context }

func (b hangingBody) Read([]byte) (int, error) {
	<-b.ctx.Done()
	return 0, context.Cause(b.ctx)
}

func (hangingBody) Close() error { return nil }

func TestACallInACancelledContextIsNotSent(t *testing.T) {
	var calls atomic.Int32
	c := client(t, func(http.ResponseWriter, *http.Request) { calls.Add(1) })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := get(ctx, c); !errors.Is(err, context.Canceled) || factOf(t, err).Kind != Network {
		t.Errorf("got %v, want a network error by the cancellation", err)
	}
	if n := calls.Load(); n != 0 {
		t.Errorf("got %d requests, want none", n)
	}
}

func TestConnectionsAreReusedForAllCallsInFlight(t *testing.T) {
	const calls, rounds = 16, 8
	var dialled atomic.Int32
	var arrived sync.WaitGroup // holds each request until all of its round are there
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		arrived.Done()
		arrived.Wait()
		io.WriteString(w, `{}`)
	}))
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			dialled.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	c := clientOf(t, Config{Endpoint: server.URL, Token: EmulatorToken, MaxCalls: calls})
	for range rounds {
		arrived.Add(calls)
		var wg sync.WaitGroup
		for range calls {
			wg.Go(func() {
				if err := get(t.Context(), c); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
	// A request may dial before the answer of another one has given its connection back; one round may do so, not all.
	if n := dialled.Load(); n > 2*calls {
		t.Errorf("%d rounds of %d calls dialled %d times", rounds, calls, n)
	}
}

func TestTheTransportSpeaksHTTP2(t *testing.T) {
	var version atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		version.Store(int32(r.ProtoMajor))
		io.WriteString(w, `{}`)
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	transport := newTransport(4)
	transport.TLSClientConfig = server.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	c := clientOf(t, Config{Endpoint: server.URL, Token: EmulatorToken, Transport: transport})
	if err := get(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if got := version.Load(); got != 2 {
		t.Errorf("spoke HTTP/%d, want HTTP/2", got)
	}
}

func TestCloseGivesUpIdleConnections(t *testing.T) {
	closed := make(chan struct{}, 1)
	server := httptest.NewUnstartedServer(answer(200, `{}`))
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateClosed {
			closed <- struct{}{}
		}
	}
	server.Start()
	defer server.Close()
	c := clientOf(t, Config{Endpoint: server.URL, Token: EmulatorToken})
	if err := get(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	c.Close()
	<-closed
}

func TestARequestThatCannotBeBuiltIsNoNetworkError(t *testing.T) {
	c := client(t, answer(200, `{}`))
	person := ada()
	person.NullFields = []string{"Names"} // which are not empty: the library refuses
	_, err := c.Update(t.Context(), "user-1", person, "names", Read{})
	if e := factOf(t, err); e.Kind != Unexpected || e.HTTPStatus != 0 {
		t.Errorf("got %v, want unexpected", e)
	}
}
