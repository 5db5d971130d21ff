package tokensim

import (
	"net/http"
	"slices"
	"time"
)

// Kind is what goes wrong.
type Kind string

// The faults of the token endpoint, with what it says. Those about an assertion strike that flow alone, as the real
// ones do, and those about a refresh token the other one.
const (
	Revoked            Kind = "revoked"              // 400 invalid_grant, refresh tokens: expired or revoked
	BadRequest         Kind = "bad_request"          // 400 invalid_grant, refresh tokens: what is said of a token that never was one
	InvalidRapt        Kind = "invalid_rapt"         // 400 invalid_grant, refresh tokens: the user must sign in again
	UnknownUser        Kind = "unknown_user"         // 400 invalid_grant, assertions: "Invalid email or User ID"
	NoAddress          Kind = "no_address"           // 400 invalid_grant, assertions: "Not a valid email or user ID."
	AccountDeleted     Kind = "account_deleted"      // 400 invalid_grant
	WrongClock         Kind = "wrong_clock"          // 400 invalid_grant, assertions
	BadSignature       Kind = "bad_signature"        // 400 invalid_grant, assertions
	UnknownIssuer      Kind = "unknown_issuer"       // 400 invalid_grant, assertions: the delegate is no more
	NotDelegated       Kind = "not_delegated"        // 401 unauthorized_client
	AccessDenied       Kind = "access_denied"        // 403
	AdminPolicy        Kind = "admin_policy"         // 400 admin_policy_enforced
	InvalidClient      Kind = "invalid_client"       // 401
	DeletedClient      Kind = "deleted_client"       // 401
	DisabledClient     Kind = "disabled_client"      // 401
	OrgInternal        Kind = "org_internal"         // 403
	InvalidScope       Kind = "invalid_scope"        // 400
	InternalFailure    Kind = "internal_failure"     // 500
	InternalFailure400 Kind = "internal_failure_400" // 400 with the same body
	TooMany            Kind = "too_many"             // 429
	Unavailable        Kind = "unavailable"          // 503 with a page of HTML
	Reset              Kind = "reset"                // the connection breaks
	Hang               Kind = "hang"                 // no answer until the client gives up
)

// The faults of IAM.
const (
	SignDenied      Kind = "sign_denied"      // 403: the caller may not sign for the delegate
	SignDisabled    Kind = "sign_disabled"    // 403: the API is not enabled
	SignNoDelegate  Kind = "sign_no_delegate" // 404
	SignTooMany     Kind = "sign_too_many"    // 429
	SignUnavailable Kind = "sign_unavailable" // 503
	SignReset       Kind = "sign_reset"       // the connection breaks
	SignHang        Kind = "sign_hang"        // no answer until the client gives up
	SignHTML        Kind = "sign_html"        // 403 with a page of HTML, of something between
)

// Fault is one thing that goes wrong, and for whom.
type Fault struct {
	Kind       Kind
	Users      []string      // empty means all
	Times      int           // how often; 0 means always
	RetryAfter time.Duration // the header of the answer, in whole seconds

	struck int
}

// SetFaults replaces the faults. Of those that concern a request, the first strikes. An unknown kind panics.
func (s *Sim) SetFaults(list ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
	for _, f := range list {
		if _, ok := answers[f.Kind]; !ok {
			panic("tokensim: unknown kind of fault: " + f.Kind)
		}
		s.faults = append(s.faults, &f)
	}
}

// side is where a request goes, and with what.
type side int

const (
	refreshing side = iota // to the token endpoint, with a refresh token
	asserting              // to the token endpoint, with an assertion
	signing                // to IAM
)

// strike returns the answer of the first fault that concerns a request. Callers hold mu.
func (s *Sim) strike(on side, user string) (answer, bool) {
	for _, f := range s.faults {
		a := answers[f.Kind]
		if !slices.Contains(a.sides, on) || len(f.Users) > 0 && !slices.Contains(f.Users, user) || f.Times > 0 && f.struck >= f.Times {
			continue
		}
		f.struck++
		struck := a.answer
		struck.retryAfter = f.RetryAfter
		return struck, true
	}
	return answer{}, false
}

// answers are what the faults answer, and on which sides. Texts as seen in public reports of the real ones.
var answers = func() map[Kind]struct {
	answer
	sides []side
} {
	type entry = struct {
		answer
		sides []side
	}
	both, assert, refresh, sign := []side{refreshing, asserting}, []side{asserting}, []side{refreshing}, []side{signing}
	html := answer{status: http.StatusServiceUnavailable, html: true, body: []byte("<!DOCTYPE html><title>Error 503</title>")}
	front := answer{status: http.StatusForbidden, html: true, body: []byte("<!DOCTYPE html><title>Blocked</title>")}
	return map[Kind]entry{
		Revoked:            {invalidGrant("Token has been expired or revoked."), refresh},
		BadRequest:         {invalidGrant("Bad Request"), refresh},
		InvalidRapt:        {rapt(), refresh},
		UnknownUser:        {invalidGrant("Invalid email or User ID"), assert},
		NoAddress:          {invalidGrant("Not a valid email or user ID."), assert},
		AccountDeleted:     {invalidGrant("The account has been deleted"), both},
		WrongClock:         {invalidGrant(wrongClockText), assert},
		BadSignature:       {invalidGrant("Invalid JWT Signature."), assert},
		UnknownIssuer:      {invalidGrant("Invalid grant: account not found"), assert},
		NotDelegated:       {oauthError(401, "unauthorized_client", notDelegatedText), both},
		AccessDenied:       {oauthError(403, "access_denied", "Account restricted"), both},
		AdminPolicy:        {oauthError(400, "admin_policy_enforced", "Access to your account data is restricted by policies within your organization."), both},
		InvalidClient:      {oauthError(401, "invalid_client", "Unauthorized"), both},
		DeletedClient:      {oauthError(401, "deleted_client", "The OAuth client was deleted."), both},
		DisabledClient:     {oauthError(401, "disabled_client", "The OAuth client was disabled."), both},
		OrgInternal:        {oauthError(403, "org_internal", "This client is restricted to users within its organization."), both},
		InvalidScope:       {oauthError(400, "invalid_scope", "Invalid OAuth scope or ID token audience provided."), both},
		InternalFailure:    {oauthError(500, "internal_failure", ""), both},
		InternalFailure400: {oauthError(400, "internal_failure", ""), both},
		TooMany:            {apiError(429, "RESOURCE_EXHAUSTED", "Rate Limit Exceeded", ""), both},
		Unavailable:        {html, both},
		Reset:              {answer{cut: reset}, both},
		Hang:               {answer{cut: hang}, both},

		SignDenied:      {apiError(403, "PERMISSION_DENIED", signDeniedText, "IAM_PERMISSION_DENIED"), sign},
		SignDisabled:    {apiError(403, "PERMISSION_DENIED", "IAM Service Account Credentials API has not been used in project 123456789012 before or it is disabled.", "SERVICE_DISABLED"), sign},
		SignNoDelegate:  {apiError(404, "NOT_FOUND", noAccountText, ""), sign},
		SignTooMany:     {apiError(429, "RESOURCE_EXHAUSTED", "Quota exceeded for quota metric 'Generate credentials request'.", "RATE_LIMIT_EXCEEDED"), sign},
		SignUnavailable: {apiError(503, "UNAVAILABLE", "The service is currently unavailable.", ""), sign},
		SignReset:       {answer{cut: reset}, sign},
		SignHang:        {answer{cut: hang}, sign},
		SignHTML:        {front, sign},
	}
}()
