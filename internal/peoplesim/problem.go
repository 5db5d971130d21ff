package peoplesim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// projectNumber is the simulated Google Cloud project.
const projectNumber = "123456789012"

// The answers of Google's that the simulator gives.
const (
	staleEtagText   = "Request person.etag is different than the current person.etag. Clear local cache and get the latest person."
	staleSourceText = "Request person.metadata.sources.etag is different than the current person.metadata.sources.etag. Clear local cache and get the latest person"
	noEtagText      = "Request must set person.etag or person.metadata.sources.etag for the source that is being updated."
	noSourceText    = "Request must set person.metadata.sources with a source of type CONTACT for the contact that is being updated."
	noGroupText     = "Request must set at least one person.memberships.contactGroupMembership.contactGroupResourceName."
)

// code is a google.rpc.Code with the name and the HTTP status that belong to it.
type code struct {
	number int
	name   string
	http   int
	reason string // the legacy reason, in errors[]
}

// codes are the ones the service answers with.
var codes = struct {
	invalidArgument, failedPrecondition, notFound, permissionDenied, unauthenticated, exhausted, internal, unavailable, deadline code
}{
	invalidArgument:    code{3, "INVALID_ARGUMENT", http.StatusBadRequest, "badRequest"},
	failedPrecondition: code{9, "FAILED_PRECONDITION", http.StatusBadRequest, "failedPrecondition"},
	notFound:           code{5, "NOT_FOUND", http.StatusNotFound, "notFound"},
	permissionDenied:   code{7, "PERMISSION_DENIED", http.StatusForbidden, "forbidden"},
	unauthenticated:    code{16, "UNAUTHENTICATED", http.StatusUnauthorized, "authError"},
	exhausted:          code{8, "RESOURCE_EXHAUSTED", http.StatusTooManyRequests, "rateLimitExceeded"},
	internal:           code{13, "INTERNAL", http.StatusInternalServerError, "internalError"},
	unavailable:        code{14, "UNAVAILABLE", http.StatusServiceUnavailable, "backendError"},
	deadline:           code{4, "DEADLINE_EXCEEDED", http.StatusGatewayTimeout, "deadlineExceeded"},
}

// problem is an answer that is an error. It is also the status of one contact of a batch.
type problem struct {
	code
	message    string
	domain     string // of the legacy form; empty means global
	details    []any
	challenge  string // WWW-Authenticate
	retryAfter time.Duration
	html       bool // Google's front end answers some errors with a page
}

// invalid is a 400 INVALID_ARGUMENT.
func invalid(format string, args ...any) *problem {
	return &problem{code: codes.invalidArgument, message: fmt.Sprintf(format, args...)}
}

// badRequest is a 400 of Google's front end, with the field violation beside the text.
func badRequest(field, text string) *problem {
	violation := map[string]any{"description": text}
	if field != "" {
		violation["field"] = field
	}
	return &problem{code: codes.invalidArgument, message: text, details: []any{map[string]any{
		"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": []any{violation},
	}}}
}

func staleEtag(text string) *problem {
	return &problem{code: codes.failedPrecondition, message: text}
}

func notFound() *problem {
	return &problem{code: codes.notFound, message: "Requested entity was not found."}
}

func internalError() *problem {
	return &problem{code: codes.internal, message: "Internal error encountered."}
}

func notPermitted() *problem {
	return &problem{code: codes.permissionDenied, message: "The caller does not have permission"}
}

// pageError is an error that comes as a page of HTML, which no client can parse.
func pageError(status int) *problem {
	return &problem{code: code{http: status}, html: true}
}

// errorInfo is the google.rpc.ErrorInfo of Google's own infrastructure.
func errorInfo(reason string, metadata map[string]string) any {
	return map[string]any{
		"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "googleapis.com", "metadata": metadata,
	}
}

// body spells the problem in one of the two styles: with errors[] (legacy), or without.
func (p *problem) body(legacy bool) []byte {
	if p.html {
		return fmt.Appendf(nil, "<!DOCTYPE html>\n<html lang=en>\n<title>Error %d (%s)!!1</title>\n"+
			"<p><b>%d.</b> <ins>That’s an error.</ins>\n<p>The request was not served. <ins>That’s all we know.</ins>\n",
			p.http, http.StatusText(p.http), p.http)
	}
	type legacyError struct {
		Message string `json:"message"`
		Domain  string `json:"domain"`
		Reason  string `json:"reason"`
	}
	type status struct {
		Code    int           `json:"code"`
		Message string        `json:"message"`
		Errors  []legacyError `json:"errors,omitempty"`
		Status  string        `json:"status"`
		Details []any         `json:"details,omitempty"`
	}
	s := status{Code: p.http, Message: p.message, Status: p.name, Details: p.details}
	if legacy {
		domain := p.domain
		if domain == "" {
			domain = "global"
		}
		s.Errors = []legacyError{{p.message, domain, p.reason}}
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(map[string]status{"error": s}); err != nil {
		panic(fmt.Sprintf("peoplesim: an error body: %v", err)) // it holds strings, numbers and maps of them
	}
	return []byte(b.String())
}

// status spells the problem as the google.rpc.Status of one contact.
func (p *problem) status() map[string]any {
	return map[string]any{"code": p.number, "message": p.message}
}
