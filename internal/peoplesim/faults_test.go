package peoplesim

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"google.golang.org/api/googleapi"
)

func TestWhatEachFaultAnswersAndWhetherTheWriteHappens(t *testing.T) {
	for name, c := range map[string]struct {
		fault   Fault
		code    int
		status  string
		message string
		written bool
	}{
		"unavailable":          {Fault{Kind: Unavailable}, 503, "UNAVAILABLE", "The service is currently unavailable.", false},
		"unavailable, applied": {Fault{Kind: Unavailable, Applied: true}, 503, "UNAVAILABLE", "The service is currently unavailable.", true},
		"internal":             {Fault{Kind: Internal}, 500, "INTERNAL", "Internal error encountered.", false},
		"gateway timeout":      {Fault{Kind: GatewayTimeout}, 504, "DEADLINE_EXCEEDED", "Deadline expired before operation could complete.", false},
		"user quota":           {Fault{Kind: UserQuota}, 429, "RESOURCE_EXHAUSTED", "Quota exceeded for quota metric 'Critical write requests' and limit 'Critical write requests per minute per user' of service 'people.googleapis.com'", false},
		"user quota as 403":    {Fault{Kind: UserQuota, Code: 403}, 403, "PERMISSION_DENIED", "Quota exceeded for quota metric 'Critical write requests'", false},
		"project quota":        {Fault{Kind: ProjectQuota}, 429, "RESOURCE_EXHAUSTED", "Quota exceeded for quota metric 'Critical write requests' and limit 'Critical write requests per minute' of", false},
		"account quota":        {Fault{Kind: AccountQuota}, 429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota).", false},
		"API disabled":         {Fault{Kind: ServiceDisabled}, 403, "PERMISSION_DENIED", "People API has not been used in project ", false},
		"scope missing":        {Fault{Kind: ScopeMissing}, 403, "PERMISSION_DENIED", "Request had insufficient authentication scopes.", false},
		"forbidden":            {Fault{Kind: Forbidden}, 403, "PERMISSION_DENIED", "The caller does not have permission", false},
		"revoked":              {Fault{Kind: Revoked}, 401, "UNAUTHENTICATED", "Request had invalid authentication credentials.", false},
	} {
		t.Run(name, func(t *testing.T) {
			s := seeded(t, Config{})
			c.fault.Rate = 1
			setFaults(t, s, Faults{List: []Fault{c.fault}})
			_, err := dial(t, s, ann).UpdateContact(c1, guarded(c1, 1, named("New"))).UpdatePersonFields("names").Do()
			f := failed(t, err)
			if f.Code != c.code || f.Status != c.status || !strings.HasPrefix(f.Message, c.message) {
				t.Errorf("got %d %s %q, want %d %s %q", f.Code, f.Status, f.Message, c.code, c.status, c.message)
			}
			if got := givenName(t, s, c1) == "New"; got != c.written {
				t.Errorf("written is %v, want %v", got, c.written)
			}
			if got := s.Stats().Calls[UpdateContact][fmt.Sprint(c.code)]; got != 1 {
				t.Errorf("the statistics show %v", s.Stats().Calls)
			}
		})
	}
}

func TestTheDetailsOfErrors(t *testing.T) {
	for kind, c := range map[Kind]struct {
		code           int
		legacy         string // domain/reason
		reason         string // of the ErrorInfo
		key, value     string // of its metadata
		header, prefix string
	}{
		UserQuota:       {429, "usageLimits/userRateLimitExceeded", "RATE_LIMIT_EXCEEDED", "quota_limit", "CriticalWritesPerMinutePerProjectPerUser", "", ""},
		ProjectQuota:    {429, "usageLimits/rateLimitExceeded", "RATE_LIMIT_EXCEEDED", "quota_limit", "CriticalWritesPerMinutePerProject", "", ""},
		ServiceDisabled: {403, "usageLimits/accessNotConfigured", "SERVICE_DISABLED", "service", "people.googleapis.com", "", ""},
		ScopeMissing:    {403, "global/insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT", "method", "google.people.v1.PeopleService.UpdateContact", "WWW-Authenticate", "Bearer "},
		Revoked:         {401, "global/authError", "ACCESS_TOKEN_EXPIRED", "service", "people.googleapis.com", "WWW-Authenticate", "Bearer "},
		Unavailable:     {503, "global/backendError", "", "", "", "", ""},
	} {
		s := seeded(t, Config{})
		setFaults(t, s, Faults{Habits: Habits{Errors: "legacy"}, List: []Fault{{Kind: kind, Rate: 1}}})
		answer, body := send(t, s, "PATCH", updatePath, `{`+guard()+`}`)
		f := parseFailure(t, body)
		if got := f.Errors[0].Domain + "/" + f.Errors[0].Reason; got != c.legacy {
			t.Errorf("%s: the legacy reason is %s, want %s", kind, got, c.legacy)
		}
		if !strings.HasPrefix(answer.Header.Get(c.header), c.prefix) {
			t.Errorf("%s: the header is %v", kind, answer.Header)
		}
		if c.reason == "" {
			continue
		}
		d := f.Details[len(f.Details)-1]
		if d.Type != "type.googleapis.com/google.rpc.ErrorInfo" || d.Domain != "googleapis.com" || d.Reason != c.reason || d.Metadata[c.key] != c.value {
			t.Errorf("%s: the ErrorInfo is %+v, want %s with %s=%s", kind, d, c.reason, c.key, c.value)
		}
	}

	s := seeded(t, Config{})
	setFaults(t, s, Faults{List: []Fault{{Kind: AccountQuota, Rate: 1, RetryAfter: Duration(1500 * time.Millisecond)}}})
	answer, body := send(t, s, "GET", "/v1/people/c1?personFields=names", "")
	d := parseFailure(t, body).Details[0]
	if d.Type != "type.googleapis.com/google.rpc.QuotaFailure" || d.Violations[0].Description != "FBS quota limit exceeded" {
		t.Errorf("account quota: got %+v", d)
	}
	if got := answer.Header.Get("Retry-After"); got != "2" {
		t.Errorf("Retry-After is %q, want 2", got)
	}

	setFaults(t, s, Faults{List: []Fault{{Kind: BadGateway, Rate: 1}}})
	_, err := dial(t, s, ann).Get(c1).PersonFields("names").Do()
	if e, ok := errors.AsType[*googleapi.Error](err); !ok || e.Code != 502 || !strings.Contains(e.Body, "<title>Error 502") {
		t.Errorf("bad gateway: got %v, want 502 with a page", err)
	}
	setFaults(t, s, Faults{List: []Fault{{Kind: UserQuota, Rate: 1}}})
	_, err = dial(t, s, ann).Get(c1).PersonFields("names").Do()
	if f := failed(t, err); f.Details[0].Metadata["quota_limit"] != "CriticalReadsPerMinutePerProjectPerUser" {
		t.Errorf("user quota of a read: got %+v", f)
	}
}

func TestFaultsThatMakeNoSenseAreRefusedAndTheOldOnesStay(t *testing.T) {
	s := seeded(t, Config{})
	good := Faults{List: []Fault{{Kind: Internal, Rate: 1}}}
	setFaults(t, s, good)
	for want, bad := range map[string]Faults{
		`unknown kind "x"`:                 {List: []Fault{{Kind: "x", Rate: 1}}},
		"rate 0 is not over 0":             {List: []Fault{{Kind: Latency}}},
		"rate 1.5 is not over 0":           {List: []Fault{{Kind: Latency, Rate: 1.5}}},
		"versions 3 is not 1 or 2":         {List: []Fault{{Kind: StaleRead, Rate: 1, Versions: 3}}},
		"a duration is negative":           {List: []Fault{{Kind: Latency, Rate: 1, Delay: -1}}},
		"a number is negative":             {List: []Fault{{Kind: Latency, Rate: 1, Skip: -1}}},
		`unknown method "updateContact"`:   {List: []Fault{{Kind: Latency, Rate: 1, Methods: []string{"updateContact"}}}},
		`unknown style "old"`:              {Habits: Habits{Errors: "old"}},
		`habit gone: unknown answer "404"`: {Habits: Habits{Gone: "404"}},
	} {
		if err := s.SetFaults(bad); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("SetFaults(%+v) = %v, want %s", bad, err, want)
		}
	}
	if got := s.Faults(); !reflect.DeepEqual(got, good) {
		t.Errorf("the faults are now %+v", got)
	}
}

func TestFaultsSurviveJSON(t *testing.T) {
	want := Faults{
		Seed: 3, Habits: Habits{Errors: "plain", PartialBatch: true}, Quota: Quota{UserWritesPerMinute: 90},
		List: []Fault{{Kind: StaleRead, Rate: 0.5, Delay: Duration(250 * time.Millisecond), Versions: 2, Methods: []string{Get}, For: Duration(time.Minute)}},
	}
	b, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	if text := `"delay":"250ms"`; !strings.Contains(string(b), text) || strings.Contains(string(b), "jitter") {
		t.Errorf("got %s, want %s in it and nothing that is zero", b, text)
	}
	var got Faults
	if err := json.Unmarshal(b, &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}
