package worker

import (
	"errors"
	"testing"
	"time"

	"github.com/contactrelay/contactrelay/deadletter"
	"github.com/contactrelay/contactrelay/internal/people"
)

// limits are the defaults of the program.
var limits = Config{Attempts: 8, RetryFor: 5 * time.Minute}

var noon = time.Date(2026, 3, 1, 12, 0, 40, 0, time.UTC)

func TestJudgeGivesEachFactItsVerdict(t *testing.T) {
	type want struct {
		outcome Outcome
		reason  deadletter.Reason
		read    readCause
		attempt bool // the call counts as an attempt
		minWait time.Duration
		maxWait time.Duration
		all     bool // everybody
	}
	applied := want{outcome: Applied, attempt: true}
	parked := func(r deadletter.Reason) want { return want{outcome: DeadLettered, reason: r, attempt: true} }
	retried := want{attempt: true, maxWait: 500 * time.Millisecond}
	minute := want{minWait: 20 * time.Second, maxWait: 26 * time.Second}
	for _, test := range []struct {
		name   string
		err    error
		latest bool
		want   want
	}{
		{"applied", nil, false, applied},
		{"an error that is no fact", errors.New("no request came about"), false, parked(deadletter.Rejected)},
		{"etag differs", &people.Error{Kind: people.StaleEtag, HTTPStatus: 400}, false, want{read: readConflict, attempt: true}},
		{"etag differs for latest", &people.Error{Kind: people.StaleEtag, HTTPStatus: 400}, true, retried},
		{"another 400", &people.Error{Kind: people.Rejected, HTTPStatus: 400}, false, parked(deadletter.Rejected)},
		{"404", &people.Error{Kind: people.NotFound, HTTPStatus: 404}, false, parked(deadletter.NotFound)},
		{"403", &people.Error{Kind: people.Forbidden, HTTPStatus: 403}, false, parked(deadletter.Forbidden)},
		{"scope missing", &people.Error{Kind: people.ScopeMissing, HTTPStatus: 403}, false, parked(deadletter.UserUnauthorized)},
		{"grant refused", &people.Error{Kind: people.GrantRefused}, false, parked(deadletter.UserUnauthorized)},
		{"quota of the user", &people.Error{Kind: people.UserQuota, HTTPStatus: 429}, false, minute},
		{"quota of the project", &people.Error{Kind: people.ProjectQuota, HTTPStatus: 429}, false, minute},
		{"quota of the project by the second", &people.Error{Kind: people.ProjectQuota, HTTPStatus: 429, Period: time.Second}, false, want{maxWait: time.Second}},
		{"quota with Retry-After", &people.Error{Kind: people.UserQuota, HTTPStatus: 429, RetryAfter: 90 * time.Second}, false, want{minWait: 90 * time.Second, maxWait: 96 * time.Second}},
		{"quota of the account", &people.Error{Kind: people.AccountQuota, HTTPStatus: 429}, false, want{minWait: 5 * time.Minute, maxWait: 5 * time.Minute}},
		{"API disabled", &people.Error{Kind: people.ServiceDisabled, HTTPStatus: 403}, false, want{minWait: 30 * time.Second, maxWait: 30 * time.Second, all: true}},
		{"client rejected", &people.Error{Kind: people.ClientRejected}, false, want{minWait: 30 * time.Second, maxWait: 30 * time.Second, all: true}},
		{"401", &people.Error{Kind: people.Unauthenticated, HTTPStatus: 401}, false, retried},
		{"500", &people.Error{Kind: people.Internal, HTTPStatus: 500}, false, retried},
		{"503", &people.Error{Kind: people.Unavailable, HTTPStatus: 503}, false, retried},
		{"503 with Retry-After", &people.Error{Kind: people.Unavailable, HTTPStatus: 503, RetryAfter: 7 * time.Second}, false, want{attempt: true, minWait: 7 * time.Second, maxWait: 7 * time.Second}},
		{"no answer", &people.Error{Kind: people.Network}, false, retried},
		{"no token just now", &people.Error{Kind: people.TokenFailed}, false, retried},
		{"something unforeseen", &people.Error{Kind: people.Unexpected, HTTPStatus: 418}, false, retried},
	} {
		tries := &tries{}
		tries.begin(noon)
		v := judge(test.err, tries, limits, test.latest, noon)
		got := want{v.outcome, v.reason, v.read, tries.calls == 1, v.wait, v.wait, v.everybody}
		within := test.want.minWait <= v.wait && v.wait <= test.want.maxWait
		test.want.minWait, test.want.maxWait = v.wait, v.wait
		if got != test.want || !within {
			t.Errorf("%s: judge = %+v, want %+v; wait of %v within bounds: %v", test.name, got, test.want, v.wait, within)
		}
	}
}

func TestAttemptsTimeAnd500AreEachLimited(t *testing.T) {
	unavailable := &people.Error{Kind: people.Unavailable, HTTPStatus: 503}
	internal := &people.Error{Kind: people.Internal, HTTPStatus: 500}
	quota := &people.Error{Kind: people.UserQuota, HTTPStatus: 429}
	for _, test := range []struct {
		name  string
		step  time.Duration // between calls
		facts func(call int) error
		want  int // the call whose failure asks for the read
	}{
		{"eight attempts", time.Second, func(int) error { return unavailable }, 8},
		{"three answers 500", time.Second, func(int) error { return internal }, 3},
		{"three answers 500 among others", time.Second, func(n int) error {
			if n%2 == 0 {
				return internal
			}
			return unavailable
		}, 6},
		{"five minutes", 100 * time.Second, func(int) error { return unavailable }, 4},
		{"a quota between is no attempt", time.Second, func(n int) error {
			if n%2 == 0 {
				return quota
			}
			return unavailable
		}, 15},
		{"waits that the service asks for do not count as time", 6 * time.Minute, func(int) error {
			return &people.Error{Kind: people.Unavailable, HTTPStatus: 503, RetryAfter: 6 * time.Minute}
		}, 8},
		{"waits for a quota do not count as time", 110 * time.Second, func(n int) error {
			if n%2 == 0 {
				return &people.Error{Kind: people.UserQuota, HTTPStatus: 429, RetryAfter: 100 * time.Second}
			}
			return unavailable
		}, 7},
	} {
		tries, now := &tries{}, noon
		for call := 1; ; call++ {
			tries.begin(now)
			v := judge(test.facts(call), tries, limits, false, now)
			if v.read == readExhausted || call == 50 {
				if call != test.want {
					t.Errorf("%s: used up at call %d, want %d", test.name, call, test.want)
				}
				break
			}
			now = now.Add(test.step)
		}
	}
}

func TestAReadThatAnswersDecides(t *testing.T) {
	unavailable := &people.Error{Kind: people.Unavailable, HTTPStatus: 503}
	refused := &people.Error{Kind: people.Unauthenticated, HTTPStatus: 401}
	for _, test := range []struct {
		name string
		v    verdict
		want verdict
	}{
		{"exhausted", verdict{read: readExhausted, fact: unavailable}, verdict{outcome: DeadLettered, reason: deadletter.RetriesExhausted}},
		{"401 that is over", verdict{read: readExhausted, wait: time.Second, fact: refused}, verdict{wait: time.Second}},
	} {
		v := judgeRead(test.v)
		if v.outcome != test.want.outcome || v.reason != test.want.reason || v.wait != test.want.wait {
			t.Errorf("%s: %q %q, wait %v", test.name, v.outcome, v.reason, v.wait)
		}
	}
}

func TestWhenTheReadFailsTooTheOthersTellWhoseFaultItIs(t *testing.T) {
	for _, test := range []struct {
		name        string
		write, read people.Kind
		any, others bool
		want        deadletter.Reason // empty: held
	}{
		{"500 while others work", people.Internal, people.Internal, true, false, deadletter.RetriesExhausted},
		{"500 and nothing works", people.Internal, people.Internal, false, false, ""},
		{"503 and then 500 while others work", people.Unavailable, people.Internal, true, true, deadletter.RetriesExhausted},
		{"service down", people.Unavailable, people.Unavailable, true, true, ""},
		{"no network", people.Network, people.Network, true, true, ""},
		{"401 while others work", people.Unauthenticated, people.Unauthenticated, true, true, deadletter.UserUnauthorized},
		{"401 while only this user's other calls worked", people.Unauthenticated, people.Unauthenticated, true, false, ""},
		{"503 and then 401", people.Unavailable, people.Unauthenticated, true, true, ""},
	} {
		tries := &tries{calls: 8, internal: 3, failing: noon}
		v := verdict{read: readExhausted, fact: &people.Error{Kind: test.write}}
		failed := verdict{read: readExhausted, wait: time.Second, fact: &people.Error{Kind: test.read}}
		got := judgeUnread(v, failed, tries, test.any, test.others)
		if got.reason != test.want {
			t.Errorf("%s: %q, want %q", test.name, got.reason, test.want)
		}
		if test.want == "" && (got.wait != time.Second || tries.calls != 0 || tries.internal != 0) {
			t.Errorf("%s: held for %v with %d attempts spent, want 1s and none", test.name, got.wait, tries.calls)
		}
	}
}

func TestAnAccountsQuotaIsWaitedForFromMinutesToHours(t *testing.T) {
	tries := &tries{}
	var got []time.Duration
	for range 9 {
		tries.begin(noon)
		got = append(got, judge(&people.Error{Kind: people.AccountQuota}, tries, limits, false, noon).wait)
	}
	for i, want := range []time.Duration{5 * time.Minute, 10 * time.Minute, 20 * time.Minute, 40 * time.Minute, 80 * time.Minute, 160 * time.Minute, 320 * time.Minute, 6 * time.Hour, 6 * time.Hour} {
		if got[i] != want {
			t.Errorf("wait %d is %v, want %v", i+1, got[i], want)
		}
	}
}

func TestOnlyAllowedUsersAreServed(t *testing.T) {
	for _, test := range []struct {
		allow []string
		user  string
		want  bool
	}{
		{nil, "anyone", true},
		{[]string{"example.com"}, "ann@example.com", true},
		{[]string{"@example.com"}, "ann@Example.com", true},
		{[]string{"ann@example.com"}, "Ann@example.com", true},
		{[]string{"ann@example.com"}, "bob@example.com", false},
		{[]string{"example.com"}, "ann@evil-example.com", false},
		{[]string{"example.com"}, "ann@example.com.example.net", false},
		{[]string{"example.com"}, "ann@example.net@example.com", false},
		{[]string{"example.com"}, "example.com", true},
		{[]string{"example.com"}, "user-17", false},
		{[]string{"user-17"}, "user-17", true},
		{[]string{""}, "user-17", false},
	} {
		if got := Allows(test.allow, test.user); got != test.want {
			t.Errorf("Allows(%q, %q) = %v, want %v", test.allow, test.user, got, test.want)
		}
	}
}
