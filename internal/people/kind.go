package people

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Kind sorts the facts that an [Error] states. The set is closed: [Kinds].
type Kind int

const (
	// Unexpected is an answer that is none of the others and may come from something between us and the service:
	// a redirect, a page in HTML, a status that this API does not use, a 200 that is not JSON.
	// Nothing follows from it about the contact, nor whether a write took effect.
	Unexpected Kind = iota

	// Network means that no whole answer came: no connection, cut, timed out, cancelled. A write may have taken effect.
	Network
	// Unavailable is 502, 503 or 504. A write may have taken effect.
	Unavailable
	// Internal is 500. A write may have taken effect; a contact that is gone can answer so for ever.
	Internal

	// StaleEtag means that the contact has another etag than the one that was sent.
	StaleEtag
	// Rejected is any other 400: the request is at fault.
	Rejected
	// NotFound is 404: there is no such contact.
	NotFound
	// Missing means that the answer to a batch says nothing about this contact.
	Missing

	// Forbidden is a 403 without a reason listed here: this user may not do this.
	Forbidden
	// ScopeMissing means that the user's token was granted without the scope for contacts. Where that is remembered,
	// nothing was sent.
	ScopeMissing
	// ServiceDisabled means that the project may not use the API: it is not enabled, not paid for, suspended.
	ServiceDisabled

	// UserQuota means that this user has made too many calls in this minute, or at once.
	UserQuota
	// ProjectQuota means that all users together have.
	ProjectQuota
	// AccountQuota means that the user's account is exhausted for hours ("Resource has been exhausted").
	AccountQuota

	// Unauthenticated is 401: the token is not accepted (any more).
	Unauthenticated
	// TokenFailed means that no token was to be had just now. Nothing was sent.
	TokenFailed
	// GrantRefused means that there is no token for this user: unknown, deleted, grant revoked, or a name that no user
	// can have. Nothing was sent.
	GrantRefused
	// ClientRejected means that there is no token for anybody: key, client, clock or delegation; [Error.Reason] tells
	// which. Nothing was sent.
	ClientRejected
)

// kindNames are the texts of String, in the order of the constants.
var kindNames = [...]string{
	"unexpected", "network", "unavailable", "internal", "stale_etag", "rejected", "not_found", "missing",
	"forbidden", "scope_missing", "service_disabled", "user_quota", "project_quota", "account_quota",
	"unauthenticated", "token_failed", "grant_refused", "client_rejected",
}

// Kinds returns all kinds.
func Kinds() []Kind {
	kinds := make([]Kind, len(kindNames))
	for i := range kinds {
		kinds[i] = Kind(i)
	}
	return kinds
}

// String returns the name of the kind in snake case.
func (k Kind) String() string {
	if k < 0 || int(k) >= len(kindNames) {
		return fmt.Sprintf("kind_%d", int(k))
	}
	return kindNames[k]
}

// kindOf tells the kind of an answer from its HTTP status and its body.
func kindOf(status int, b body) Kind {
	// Whoever says "slow down" or "I am down" is believed. What speaks against the request must be the service's own.
	if b.foreign && status < http.StatusInternalServerError && status != http.StatusTooManyRequests {
		return Unexpected
	}
	switch status {
	case http.StatusBadRequest:
		if b.staleEtag() {
			return StaleEtag
		}
		return Rejected
	case http.StatusUnauthorized:
		return Unauthenticated
	case http.StatusForbidden:
		return b.refusal()
	case http.StatusNotFound:
		return NotFound
	case http.StatusTooManyRequests:
		return b.quota()
	case http.StatusInternalServerError:
		return Internal
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return Unavailable
	}
	return Unexpected
}

// staleEtag reports whether a 400 is about an etag that was overtaken. The status alone does not tell: a request
// without any etag can be answered with the same one.
func (b body) staleEtag() bool {
	precondition := b.Status == "FAILED_PRECONDITION" || b.Status == "" && b.legacy("failedPrecondition")
	return precondition &&
		(strings.Contains(b.Message, "person.etag is different than the current person.etag") ||
			strings.Contains(b.Message, "person.metadata.sources.etag is different than the current person.metadata.sources.etag"))
}

// refusal tells the kind of a 403. Reasons: https://github.com/googleapis/googleapis/blob/master/google/api/error_reason.proto
func (b body) refusal() Kind {
	switch b.reason() {
	case "ACCESS_TOKEN_SCOPE_INSUFFICIENT", "insufficientPermissions":
		return ScopeMissing
	case "SERVICE_DISABLED", "accessNotConfigured",
		"BILLING_DISABLED", "CONSUMER_INVALID", "CONSUMER_SUSPENDED", "USER_PROJECT_DENIED":
		return ServiceDisabled
	case "RATE_LIMIT_EXCEEDED", "rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded", "dailyLimitExceeded":
		return b.quota()
	}
	if b.Status == "RESOURCE_EXHAUSTED" {
		return b.quota()
	}
	return Forbidden
}

// quota tells whose quota is used up. Where the body does not say, it is the project's: waiting is right for it
// whoever it was.
func (b body) quota() Kind {
	limited := b.info().Reason == "RATE_LIMIT_EXCEEDED"
	switch {
	case strings.HasSuffix(b.info().Metadata["quota_limit"], "PerUser"),
		strings.Contains(b.Message, "per minute per user'"), // the same where details are left out
		strings.Contains(b.Message, "Too many concurrent requests for user"),
		!limited && b.legacy("userRateLimitExceeded"):
		return UserQuota
	case limited:
		return ProjectQuota
	case b.detail("google.rpc.QuotaFailure") != nil, strings.Contains(b.Message, "Resource has been exhausted"):
		return AccountQuota
	}
	return ProjectQuota
}

// period tells the period of a quota by the name of the limit ("CriticalWritesPerMinutePerProject"), else by the text.
func (b body) period() time.Duration {
	for _, p := range []struct {
		limit, text string
		period      time.Duration
	}{
		{"PerSecond", " per second", time.Second},
		{"PerMinute", " per minute", time.Minute},
		{"PerDay", " per day", 24 * time.Hour},
	} {
		if strings.Contains(b.info().Metadata["quota_limit"], p.limit) || strings.Contains(b.Message, p.text) {
			return p.period
		}
	}
	return 0
}
