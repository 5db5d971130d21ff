package people

import (
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"time"

	"google.golang.org/api/googleapi"
)

// newTransport returns a transport for calls to one host.
//
// Nothing in it sends a write twice without need (read in net/http of Go 1.26 and google.golang.org/api v0.310.0;
// the tests of this file hold the first two):
//   - The library sends these methods with gensupport.SendRequest, the variant without retries.
//   - HTTP/1: on a reused connection that breaks, net/http sends a PATCH or POST again only if not a byte of it
//     was written. Only GET is sent again otherwise, and nothing here sets an Idempotency-Key, which would
//     change that.
//   - HTTP/2: streams are sent again if the server said that it did not look at them (GOAWAY, REFUSED_STREAM), or
//     if it reset them with PROTOCOL_ERROR, which servers do over their limit of streams.
func newTransport(maxCalls int) *http.Transport {
	if maxCalls <= 0 {
		maxCalls = 64 // the default of --max-calls
	}
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         dialer.DialContext,
		TLSHandshakeTimeout: 10 * time.Second,
		// net/http keeps 2 idle connections to a host unless told: 62 of 64 calls would dial anew.
		MaxIdleConnsPerHost: maxCalls,
		IdleConnTimeout:     90 * time.Second,
		ForceAttemptHTTP2:   true,
		// A connection that died without a word is found by a ping instead of by the time-outs of the calls on it.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 30 * time.Second, PingTimeout: 15 * time.Second},
	}
}

// authorizer is the transport that attaches the token of the user of a request's context, and writes down in the
// exchange of that context what became of the request.
type authorizer struct {
	base     http.RoundTripper
	token    func(ctx context.Context, user string) (string, error)
	rejected func(user, token string, fact *Error) // may be nil
}

// RoundTrip implements [http.RoundTripper].
func (a *authorizer) RoundTrip(r *http.Request) (*http.Response, error) {
	x := r.Context().Value(exchangeKey{}).(*exchange)
	x.begun = true
	token, err := a.token(r.Context(), x.user)
	if err == nil && !headerSafe(token) {
		err = errors.New("the token cannot be sent in a header")
	}
	if err != nil {
		if r.Body != nil {
			r.Body.Close() // a RoundTripper closes the body whatever happens
		}
		x.tokenErr = err
		return nil, err
	}
	x.token, x.rejected = token, a.rejected
	authorized := *r // a RoundTripper must not change the request it was given
	authorized.Header = maps.Clone(r.Header)
	authorized.Header.Set("Authorization", "Bearer "+token)
	resp, err := a.base.RoundTrip(&authorized)
	if err != nil {
		return nil, err
	}
	x.status, x.header = resp.StatusCode, resp.Header
	resp.Body = &watchedBody{ReadCloser: resp.Body, x: x}
	return resp, nil
}

// CloseIdleConnections passes on what [http.Client] asks for.
func (a *authorizer) CloseIdleConnections() {
	if c, ok := a.base.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// exchange is what the transport saw of one call. It travels in the call's context, and only the goroutine that
// makes the call touches it.
type exchange struct {
	user     string
	begun    bool   // the request was built and came to the transport
	tokenErr error  // why there was no token: nothing was sent then
	token    string // that was sent
	rejected func(user, token string, fact *Error)
	status   int         // of the answer, 0 if none came
	header   http.Header // of the answer
	cut      error       // why the body of the answer broke off
}

type exchangeKey struct{}

// watchedBody writes down whether the body broke off: the library's own reading of an error answer does not tell,
// and half of an error body may read as another error.
type watchedBody struct {
	io.ReadCloser
	x *exchange
}

func (b *watchedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		b.x.cut = err
	}
	return n, err
}

// fact says what went wrong with the exchange; err is what the library made of it, nil if it saw nothing wrong.
func (x *exchange) fact(ctx context.Context, method string, err error) *Error {
	e := &Error{Method: method, RetryAfter: retryAfter(x.header, "")}
	switch {
	case x.tokenErr != nil:
		e.refuse(x.tokenErr)
	case !x.begun && ctx.Err() == nil:
		// The library could not build a request of what it was given.
		e.Kind, e.cause = Unexpected, err
	case x.status == 0 || x.cut != nil:
		// An answer that broke off says no more about the outcome than none.
		e.Kind, e.cause = Network, networkCause(ctx, err)
	default:
		e.HTTPStatus = x.status
		if answer, ok := errors.AsType[*googleapi.Error](err); ok {
			e.read(answer.Body)
		}
		// Else it was a 2xx which is not JSON, such as a proxy's log-in page: Unexpected, the kind's zero value.
	}
	return e
}

// networkCause takes the address off a transport's error. A context that is done is the cause of whatever
// happened after.
func networkCause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}
