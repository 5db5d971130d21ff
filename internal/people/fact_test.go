package people

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Bodies of people-api.md, in both styles where it has both.
const (
	staleEtag       = "Request person.etag is different than the current person.etag. Clear local cache and get the latest person."
	staleSourceEtag = "Request person.metadata.sources.etag is different than the current person.metadata.sources.etag. Clear local cache and get the latest person"
	noEtag          = "Request must set person.etag or person.metadata.sources.etag for the source that is being updated."
	minuteQuota     = "Quota exceeded for quota metric 'Critical write requests' and limit 'Critical write requests (writes) per minute per user' of service 'people.googleapis.com' for consumer 'project_number:1'."
	projectQuota    = "Quota exceeded for quota metric 'Critical write requests' and limit 'Critical write requests (writes) per minute' of service 'people.googleapis.com' for consumer 'project_number:1'."
)

// modern is a body of the style with a status and details.
func modern(status, message string, details ...string) string {
	return `{"error":{"code":1,"message":"` + message + `","status":"` + status + `","details":[` + strings.Join(details, ",") + `]}}`
}

// legacy is a body of the style with errors and their reasons.
func legacy(reason, message string) string {
	return `{"error":{"errors":[{"domain":"global","reason":"` + reason + `","message":"` + message + `"}],"code":1,"message":"` + message + `"}}`
}

// both is a legacy body with a status.
func both(reason, status, message string) string {
	return `{"error":{"code":1,"message":"` + message + `","errors":[{"message":"` + message + `","domain":"global","reason":"` + reason + `"}],"status":"` + status + `"}}`
}

func errorInfo(reason, limit string) string {
	return `{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"` + reason + `","domain":"googleapis.com","metadata":{"quota_limit":"` + limit + `","quota_metric":"people.googleapis.com/critical_write_requests"}}`
}

const quotaFailure = `{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"subject":"user","description":"FBS quota limit exceeded"}]}`

func TestEveryErrorOfTheServiceIsItsFact(t *testing.T) {
	for _, c := range []struct {
		name   string
		http   int
		body   string
		kind   Kind
		status string
		reason string
	}{
		{"stale etag", 400, modern("FAILED_PRECONDITION", staleEtag), StaleEtag, "FAILED_PRECONDITION", ""},
		{"stale source etag", 400, modern("FAILED_PRECONDITION", staleSourceEtag), StaleEtag, "FAILED_PRECONDITION", ""},
		{"stale etag, legacy", 400, legacy("failedPrecondition", staleEtag), StaleEtag, "", "failedPrecondition"},
		{"stale etag, both", 400, both("failedPrecondition", "FAILED_PRECONDITION", staleEtag), StaleEtag, "FAILED_PRECONDITION", "failedPrecondition"},
		{"stale etag in a list", 400, "[" + modern("FAILED_PRECONDITION", staleEtag) + "]", StaleEtag, "FAILED_PRECONDITION", ""},
		{"stale text with another status", 400, modern("INVALID_ARGUMENT", staleEtag), Rejected, "INVALID_ARGUMENT", ""},
		{"no etag sent", 400, modern("FAILED_PRECONDITION", noEtag), Rejected, "FAILED_PRECONDITION", ""},
		{"no etag sent, other status", 400, modern("INVALID_ARGUMENT", noEtag), Rejected, "INVALID_ARGUMENT", ""},
		{"no etag sent, legacy", 400, legacy("failedPrecondition", noEtag), Rejected, "", "failedPrecondition"},
		{"not a contact", 400, modern("INVALID_ARGUMENT", `Resource name \"people/me\" is not a valid contact person resource.`), Rejected, "INVALID_ARGUMENT", ""},
		{"singleton", 400, modern("INVALID_ARGUMENT", "Cannot have more than one person.names per source."), Rejected, "INVALID_ARGUMENT", ""},
		{"bad mask", 400, modern("INVALID_ARGUMENT", `Invalid updatePersonFields mask path: \"photos\"`), Rejected, "INVALID_ARGUMENT", ""},
		{"bad photo", 400, legacy("badRequest", "Invalid photo format"), Rejected, "", "badRequest"},
		{"400 without a body", 400, "", Rejected, "", ""},
		{"gone", 404, modern("NOT_FOUND", "Requested entity was not found."), NotFound, "NOT_FOUND", ""},
		{"gone, legacy", 404, legacy("notFound", "Requested entity was not found."), NotFound, "", "notFound"},
		{"500 of a missing contact", 500, modern("INTERNAL", "Internal error encountered."), Internal, "INTERNAL", ""},
		{"no token", 401, modern("UNAUTHENTICATED", "Request had invalid authentication credentials."), Unauthenticated, "UNAUTHENTICATED", ""},
		{"scope missing", 403, modern("PERMISSION_DENIED", "Request had insufficient authentication scopes.", errorInfo("ACCESS_TOKEN_SCOPE_INSUFFICIENT", "")), ScopeMissing, "PERMISSION_DENIED", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"},
		{"scope missing, legacy", 403, legacy("insufficientPermissions", "Insufficient Permission"), ScopeMissing, "", "insufficientPermissions"},
		{"API disabled", 403, modern("PERMISSION_DENIED", "People API has not been used in project 1 before or it is disabled.", `{"@type":"type.googleapis.com/google.rpc.Help","links":[{"url":"https://example.com"}]}`, errorInfo("SERVICE_DISABLED", "")), ServiceDisabled, "PERMISSION_DENIED", "SERVICE_DISABLED"},
		{"API disabled, legacy", 403, legacy("accessNotConfigured", "Access Not Configured."), ServiceDisabled, "", "accessNotConfigured"},
		{"no billing", 403, modern("PERMISSION_DENIED", "", errorInfo("BILLING_DISABLED", "")), ServiceDisabled, "PERMISSION_DENIED", "BILLING_DISABLED"},
		{"not allowed", 403, modern("PERMISSION_DENIED", "The caller does not have permission"), Forbidden, "PERMISSION_DENIED", ""},
		{"not allowed, legacy", 403, legacy("forbidden", "The caller does not have permission"), Forbidden, "", "forbidden"},
		{"minute quota of the user", 429, modern("RESOURCE_EXHAUSTED", minuteQuota, errorInfo("RATE_LIMIT_EXCEEDED", "CriticalWritesPerMinutePerProjectPerUser")), UserQuota, "RESOURCE_EXHAUSTED", "RATE_LIMIT_EXCEEDED"},
		{"minute quota of the user, details left out", 429, both("rateLimitExceeded", "RESOURCE_EXHAUSTED", minuteQuota), UserQuota, "RESOURCE_EXHAUSTED", "rateLimitExceeded"},
		{"minute quota of the user as 403", 403, modern("RESOURCE_EXHAUSTED", minuteQuota, errorInfo("RATE_LIMIT_EXCEEDED", "CriticalWritesPerMinutePerProjectPerUser")), UserQuota, "RESOURCE_EXHAUSTED", "RATE_LIMIT_EXCEEDED"},
		{"legacy user quota as 403", 403, legacy("userRateLimitExceeded", "User Rate Limit Exceeded"), UserQuota, "", "userRateLimitExceeded"},
		{"minute quota of the project", 429, modern("RESOURCE_EXHAUSTED", projectQuota, errorInfo("RATE_LIMIT_EXCEEDED", "CriticalWritesPerMinutePerProject")), ProjectQuota, "RESOURCE_EXHAUSTED", "RATE_LIMIT_EXCEEDED"},
		{"minute quota of the project with QuotaFailure", 429, modern("RESOURCE_EXHAUSTED", projectQuota, quotaFailure, errorInfo("RATE_LIMIT_EXCEEDED", "CriticalWritesPerMinutePerProject")), ProjectQuota, "RESOURCE_EXHAUSTED", "RATE_LIMIT_EXCEEDED"},
		{"legacy project quota as 403", 403, legacy("rateLimitExceeded", "Rate Limit Exceeded"), ProjectQuota, "", "rateLimitExceeded"},
		{"legacy quotaExceeded as 403", 403, legacy("quotaExceeded", projectQuota), ProjectQuota, "", "quotaExceeded"},
		{"403 of exhaustion without a reason", 403, modern("RESOURCE_EXHAUSTED", projectQuota), ProjectQuota, "RESOURCE_EXHAUSTED", ""},
		{"account quota", 429, modern("RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota).", quotaFailure), AccountQuota, "RESOURCE_EXHAUSTED", ""},
		{"account quota by its text", 429, both("rateLimitExceeded", "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota)."), AccountQuota, "RESOURCE_EXHAUSTED", "rateLimitExceeded"},
		{"account quota by its detail", 429, modern("RESOURCE_EXHAUSTED", "", quotaFailure), AccountQuota, "RESOURCE_EXHAUSTED", ""},
		{"concurrency", 429, modern("RESOURCE_EXHAUSTED", "Too many concurrent requests for user."), UserQuota, "RESOURCE_EXHAUSTED", ""},
		{"429 that says nothing", 429, "", ProjectQuota, "", ""},
		{"429 of a proxy", 429, "<html>slow down</html>", ProjectQuota, "", ""},
		{"unavailable", 503, modern("UNAVAILABLE", "The service is currently unavailable."), Unavailable, "UNAVAILABLE", ""},
		{"503 of a proxy", 503, "<html>oops</html>", Unavailable, "", ""},
		{"bad gateway", 502, "", Unavailable, "", ""},
		{"gateway timeout", 504, "upstream request timeout", Unavailable, "", ""},
		{"404 of a proxy", 404, "\n<!DOCTYPE html><title>Error 404 (Not Found)!!1</title>", Unexpected, "", ""},
		{"400 of a proxy", 400, "<html>Bad Request</html>", Unexpected, "", ""},
		{"403 of a proxy", 403, "<html>Forbidden</html>", Unexpected, "", ""},
		{"401 of a proxy", 401, "<html>Log in</html>", Unexpected, "", ""},
		{"another 4xx", 409, modern("ABORTED", "Conflict."), Unexpected, "ABORTED", ""},
		{"another 5xx", 501, modern("UNIMPLEMENTED", ""), Unexpected, "UNIMPLEMENTED", ""},
		{"members of wrong types", 400, `{"error":{"code":"x","status":"FAILED_PRECONDITION","message":"` + staleEtag + `","details":[{"@type":1,"metadata":{"a":1}}],"errors":{}}}`, StaleEtag, "FAILED_PRECONDITION", ""},
		{"an error that is a string", 400, `{"error":"invalid_grant"}`, Rejected, "", ""},
		{"names that are no names", 400, modern("Ada Example", ""), Rejected, "", ""},
		{"half a body", 400, modern("FAILED_PRECONDITION", staleEtag)[:60], Rejected, "", ""},
		{"200 of a proxy", 200, "<html>Log in</html>", Unexpected, "", ""},
		{"200 without a body", 200, "", Unexpected, "", ""},
		{"200 cut by its sender", 200, `{"resourceName":"peop`, Unexpected, "", ""},
		{"200 of another type", 200, `["people/c1"]`, Unexpected, "", ""},
		{"200 null", 200, `null`, Unexpected, "", ""},
		{"202", 202, `{}`, Unexpected, "", ""},
		{"204", 204, ``, Unexpected, "", ""},
		{"304", 304, ``, Unexpected, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := client(t, answer(c.http, c.body)).Update(t.Context(), "user-1", ada(), "names", Read{})
			e := factOf(t, err)
			if e.Kind != c.kind || e.HTTPStatus != c.http || e.APIStatus != c.status || e.Reason != c.reason {
				t.Errorf("got %v, %d, %q, %q; want %v, %d, %q, %q",
					e.Kind, e.HTTPStatus, e.APIStatus, e.Reason, c.kind, c.http, c.status, c.reason)
			}
			if e.Method != "people.updateContact" {
				t.Errorf("method %q", e.Method)
			}
			if errors.Unwrap(e) != nil {
				t.Error("an answered call has a cause, which holds what the service said")
			}
		})
	}
}

func TestThePeriodOfAQuotaIsReadFromTheLimitElseFromTheText(t *testing.T) {
	for _, c := range []struct {
		body string
		want time.Duration
	}{
		{modern("RESOURCE_EXHAUSTED", "", errorInfo("RATE_LIMIT_EXCEEDED", "RequestsPerSecondPerProject")), time.Second},
		{modern("RESOURCE_EXHAUSTED", "", errorInfo("RATE_LIMIT_EXCEEDED", "CriticalWritesPerMinutePerProjectPerUser")), time.Minute},
		{modern("RESOURCE_EXHAUSTED", "", errorInfo("RATE_LIMIT_EXCEEDED", "DailyContactWritesPerDayPerProject")), 24 * time.Hour},
		{legacy("rateLimitExceeded", projectQuota), time.Minute},
		{modern("RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota).", quotaFailure), 0},
		{"", 0},
	} {
		if e := factOf(t, get(t.Context(), client(t, answer(429, c.body)))); e.Period != c.want {
			t.Errorf("got %v of %s, want %v", e.Period, c.body, c.want)
		}
	}
}

func TestTheTextOfAnErrorHoldsNothingThatTheServiceSaid(t *testing.T) {
	c := client(t, answer(400, modern("INVALID_ARGUMENT", "Ada Example is not a valid name")))
	_, err := c.Update(t.Context(), "user-1", ada(), "names", Read{})
	if got, want := err.Error(), "people.updateContact: rejected (HTTP 400, INVALID_ARGUMENT)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	c = clientOf(t, Config{Endpoint: "http://127.0.0.1:1", Token: EmulatorToken})
	_, err = c.Update(t.Context(), "user-1", ada(), "names", Read{})
	if got, want := err.Error(), "people.updateContact: network"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if cause := errors.Unwrap(err); cause == nil || strings.Contains(cause.Error(), "updatePersonFields") {
		t.Errorf("got cause %v, want one without the address", cause)
	}
}

func TestRetryAfterIsReadInAllItsFormsAndBounded(t *testing.T) {
	const date = "Wed, 21 Oct 2026 07:28:00 GMT"
	for _, c := range []struct {
		header http.Header
		delay  string
		want   time.Duration
	}{
		{nil, "", 0},
		{http.Header{"Retry-After": {"7"}}, "", 7 * time.Second},
		{http.Header{"Retry-After": {"7"}}, "9s", 7 * time.Second},
		{http.Header{"Retry-After": {"0"}}, "", 0},
		{http.Header{"Retry-After": {"-5"}}, "", 0},
		{http.Header{"Retry-After": {"soon"}}, "", 0},
		{http.Header{"Retry-After": {"86400"}}, "", time.Hour},
		{http.Header{"Retry-After": {"99999999999999999999"}}, "", 0},
		{http.Header{"Retry-After": {"Wed, 21 Oct 2026 07:28:30 GMT"}, "Date": {date}}, "", 30 * time.Second},
		{http.Header{"Retry-After": {"Wed, 21 Oct 2026 07:27:00 GMT"}, "Date": {date}}, "", 0},
		{http.Header{"Retry-After": {"Wed, 21 Oct 2099 07:28:00 GMT"}, "Date": {date}}, "", time.Hour},
		{nil, "1.5s", 1500 * time.Millisecond},
		{nil, "-3s", 0},
		{nil, "3 hours", 0},
		{nil, "1000000s", time.Hour},
	} {
		if got := retryAfter(c.header, c.delay); got != c.want {
			t.Errorf("retryAfter(%v, %q) = %v, want %v", c.header, c.delay, got, c.want)
		}
	}
	synctest.Test(t, func(t *testing.T) { // without a Date header: by our own clock
		in20 := time.Now().Add(20 * time.Second).UTC().Format(http.TimeFormat)
		if got := retryAfter(http.Header{"Retry-After": {in20}}, ""); got != 20*time.Second {
			t.Errorf("got %v, want 20s", got)
		}
	})
}

func TestRetryAfterComesFromTheHeaderElseFromRetryInfo(t *testing.T) {
	body := modern("UNAVAILABLE", "", `{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"4s"}`)
	if e := factOf(t, get(t.Context(), client(t, answer(503, body)))); e.RetryAfter != 4*time.Second {
		t.Errorf("from RetryInfo: got %v, want 4s", e.RetryAfter)
	}
	c := client(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "3")
		w.WriteHeader(503)
		io.WriteString(w, body)
	})
	if e := factOf(t, get(t.Context(), c)); e.RetryAfter != 3*time.Second {
		t.Errorf("from the header: got %v, want 3s", e.RetryAfter)
	}
}

func TestEveryKindHasAName(t *testing.T) {
	seen := make(map[string]bool)
	for _, k := range Kinds() {
		if name := k.String(); name == "" || seen[name] {
			t.Errorf("kind %d is called %q", int(k), name)
		} else {
			seen[name] = true
		}
	}
	if last := ClientRejected; len(seen) != int(last)+1 || last.String() != "client_rejected" {
		t.Errorf("got %d kinds, the last %q; want %d names in the order of the constants", len(seen), last, int(last)+1)
	}
	if got := Kind(99).String(); got != "kind_99" {
		t.Errorf("got %q", got)
	}
}

func TestTokenErrorsAreFacts(t *testing.T) {
	for _, c := range []struct {
		name string
		err  error
		want Kind
	}{
		{"any error", errors.New("token endpoint answers 500"), TokenFailed},
		{"a refused grant", &Error{Kind: GrantRefused}, GrantRefused},
		{"a rejected client", errors.Join(errors.New("x"), &Error{Kind: ClientRejected}), ClientRejected},
		{"a kind that is not its to give", &Error{Kind: NotFound}, TokenFailed},
		{"a deadline", context.DeadlineExceeded, TokenFailed},
	} {
		sent := false
		config := Config{
			Token: func(context.Context, string) (string, error) { return "", c.err },
			Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				sent = true
				return response(r, 200, `{}`), nil
			}),
		}
		e := factOf(t, get(t.Context(), clientOf(t, config)))
		if e.Kind != c.want || e.HTTPStatus != 0 || e.Method != "people.get" || sent {
			t.Errorf("%s: got %v, sent: %t; want %v, nothing sent", c.name, e, sent, c.want)
		}
		if !errors.Is(e, c.err) {
			t.Errorf("%s: the cause is lost", c.name)
		}
	}
}

func TestAUserWhoseIDIsNoTokenIsRefused(t *testing.T) {
	c := client(t, answer(200, `{}`))
	for _, user := range []string{"", " ", "user-1 ", "user\n1", "user\x7f"} {
		_, err := c.Get(t.Context(), user, "people/c1", Read{Fields: "names"})
		if e := factOf(t, err); e.Kind != GrantRefused {
			t.Errorf("user %q: got %v, want grant_refused", user, e)
		}
	}
	for _, user := range []string{"user 1", "ada@example.com", "ütf-8"} {
		if _, err := c.Get(t.Context(), user, "people/c1", Read{Fields: "names"}); err != nil {
			t.Errorf("user %q: %v", user, err)
		}
	}
}

// FuzzFact holds that no body, whatever it is, panics the parser or gets its text into an error's.
func FuzzFact(f *testing.F) {
	f.Add(400, modern("FAILED_PRECONDITION", staleEtag))
	f.Add(400, legacy("failedPrecondition", staleSourceEtag))
	f.Add(429, modern("RESOURCE_EXHAUSTED", minuteQuota, quotaFailure, errorInfo("RATE_LIMIT_EXCEEDED", "xPerUser")))
	f.Add(403, "["+both("accessNotConfigured", "PERMISSION_DENIED", "x")+"]")
	f.Add(400, modern("INVALID_ARGUMENT", "x", `{"@type":"type.googleapis.com/google.people.v1.BatchUpdateContactsErrorDetails","contactErrors":{"people/c1":{"code":9}}}`))
	f.Add(404, "<html>")
	f.Add(500, `[null]`)
	f.Add(503, `{"error":{"details":[null],"errors":[null]}}`)
	f.Fuzz(func(t *testing.T, status int, text string) {
		e := &Error{Method: "people.get", HTTPStatus: status}
		e.read(text)
		if int(e.Kind) >= len(kindNames) || e.Kind < 0 {
			t.Errorf("kind %d is none of the set", e.Kind)
		}
		if e.RetryAfter < 0 || e.RetryAfter > longestWait {
			t.Errorf("retry after %v", e.RetryAfter)
		}
		for _, r := range e.Error() {
			if r < ' ' || r > '~' {
				t.Errorf("the text holds what the service said: %q", e.Error())
			}
		}
	})
}
