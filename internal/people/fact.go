package people

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Error is a fact: what a call, or a contact in a batch call, came to instead of an answer. It decides nothing.
//
// Its text is made of the method, the kind and the two statuses, and of what the operator can do where the operator
// must do something. What the service said is not kept at all, since it can echo what a contact holds.
type Error struct {
	// Method is the API's name of the method: "people.updateContact".
	Method string

	Kind Kind

	// HTTPStatus is the status of the answer, 0 if no whole one came. Of a contact in a batch it is the status
	// that its code stands for.
	HTTPStatus int

	// APIStatus is the name of the google.rpc.Code in the body, "FAILED_PRECONDITION" for one; empty if it had none.
	APIStatus string

	// Reason is that of the body's ErrorInfo ("RATE_LIMIT_EXCEEDED"), else of its legacy errors
	// ("userRateLimitExceeded"); of a call without a token, the error of the token endpoint ("unauthorized_client") or
	// one of those in remedy.go. Empty if there is none.
	Reason string

	// Period is that of the quota which is used up: a second, a minute or a day; 0 if the service does not say.
	Period time.Duration

	// RetryAfter is how long the service asks to wait, at most an hour; 0 if it does not.
	RetryAfter time.Duration

	// Contacts holds, after a failed batch, the contacts that the service names as failed. It says that the
	// others "would have been" successful, which does not tell whether they were written.
	Contacts map[string]*Error

	cause error
}

// Error returns a text without any of the service's words: "people.updateContact: stale_etag (HTTP 400, FAILED_PRECONDITION)".
func (e *Error) Error() string {
	text := e.Kind.String()
	if e.Method != "" {
		text = e.Method + ": " + text
	}
	switch {
	case e.HTTPStatus == 0:
	case e.APIStatus == "":
		text = fmt.Sprintf("%s (HTTP %d)", text, e.HTTPStatus)
	default:
		text = fmt.Sprintf("%s (HTTP %d, %s)", text, e.HTTPStatus, e.APIStatus)
	}
	if remedy := e.remedy(); remedy != "" {
		text += ": " + remedy
	}
	return text
}

// Unwrap returns the cause of a call that was not answered, so that errors.Is finds [context.Canceled] and
// [context.DeadlineExceeded]; nil after an answer.
func (e *Error) Unwrap() error {
	return e.cause
}

// read completes a fact with what the body of the answer says.
func (e *Error) read(text string) {
	b := parseBody(text)
	e.Kind = kindOf(e.HTTPStatus, b)
	e.APIStatus, e.Reason = symbol(b.Status), symbol(b.reason())
	if e.Kind == UserQuota || e.Kind == ProjectQuota {
		e.Period = b.period()
	}
	if e.RetryAfter == 0 {
		e.RetryAfter = retryAfter(nil, b.retryDelay())
	}
	for name, s := range b.contactErrors() {
		if e.Contacts == nil {
			e.Contacts = make(map[string]*Error)
		}
		e.Contacts[name] = s.fact(e.Method)
	}
}

// symbol returns what looks like the name of a status or reason, and nothing of what does not: these names end up
// in logs and attributes.
func symbol(s string) string {
	odd := func(r rune) bool {
		return r != '_' && (r < 'A' || 'Z' < r) && (r < 'a' || 'z' < r) && (r < '0' || '9' < r)
	}
	if len(s) > 64 || strings.ContainsFunc(s, odd) {
		return ""
	}
	return s
}

// longestWait bounds what the service can make us wait. Quotas that last longer are asked again each hour, which
// costs nothing; a nonsensical value would park a user for ever.
const longestWait = time.Hour

// retryAfter reads the Retry-After header in both its forms, seconds and date, else the delay of a RetryInfo ("1.5s").
func retryAfter(h http.Header, delay string) time.Duration {
	value := h.Get("Retry-After")
	var wait time.Duration
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if date, err := http.ParseTime(value); err == nil {
		now, err := http.ParseTime(h.Get("Date")) // by the clock that the date was made with
		if err != nil {
			now = time.Now()
		}
		wait = date.Sub(now)
	} else if strings.HasSuffix(delay, "s") {
		wait, _ = time.ParseDuration(delay)
	}
	return min(max(wait, 0), longestWait)
}
