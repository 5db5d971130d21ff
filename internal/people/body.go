package people

import (
	"encoding/json"
	"net/http"
	"strings"
)

// body is the body of an error answer in either of the service's two styles: with "status" and "details", or with
// "errors" and their "reason". It is parsed here and nowhere else: the library's googleapi.Error drops the status,
// and its apierror derives one from the HTTP status and loses the details of a failed batch.
type body struct {
	Status  string   `json:"status"`
	Message string   `json:"message"`
	Details []detail `json:"details"`
	Errors  []struct {
		Reason string `json:"reason"`
	} `json:"errors"`

	foreign bool // a page in HTML: not the service's
}

// detail holds the members of the kinds of detail that matter here; the type says which are set.
type detail struct {
	Type          string                 `json:"@type"`
	Reason        string                 `json:"reason"`        // google.rpc.ErrorInfo
	Metadata      map[string]string      `json:"metadata"`      // google.rpc.ErrorInfo
	RetryDelay    string                 `json:"retryDelay"`    // google.rpc.RetryInfo
	ContactErrors map[string]contactCode `json:"contactErrors"` // google.people.v1.BatchUpdateContactsErrorDetails
}

// contactCode is the google.rpc.Status of a contact.
type contactCode struct {
	Code    int64  `json:"code"`
	Message string `json:"message"`
}

// parseBody reads what it can: a member of a wrong type is as good as absent, and a body that is not JSON is empty.
func parseBody(text string) body {
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, "<") {
		return body{foreign: true}
	}
	// Some front ends of Google's put the object into an array.
	if strings.HasPrefix(text, "[") {
		var list []json.RawMessage
		if json.Unmarshal([]byte(text), &list) != nil || len(list) == 0 {
			return body{}
		}
		text = string(list[0])
	}
	var envelope struct {
		Error body `json:"error"`
	}
	_ = json.Unmarshal([]byte(text), &envelope) // it fills in what fits and goes on
	return envelope.Error
}

// detail returns the first detail of a type, nil if there is none.
func (b body) detail(name string) *detail {
	for i, d := range b.Details {
		if strings.HasSuffix(d.Type, "/"+name) {
			return &b.Details[i]
		}
	}
	return nil
}

// info returns the ErrorInfo, an empty one if there is none.
func (b body) info() detail {
	if d := b.detail("google.rpc.ErrorInfo"); d != nil {
		return *d
	}
	return detail{}
}

// retryDelay returns the delay of the RetryInfo, "" if there is none.
func (b body) retryDelay() string {
	if d := b.detail("google.rpc.RetryInfo"); d != nil {
		return d.RetryDelay
	}
	return ""
}

// contactErrors returns the contacts that failed in a batch.
func (b body) contactErrors() map[string]contactCode {
	if d := b.detail("google.people.v1.BatchUpdateContactsErrorDetails"); d != nil {
		return d.ContactErrors
	}
	return nil
}

// reason returns the reason of the ErrorInfo, else the first legacy one.
func (b body) reason() string {
	if r := b.info().Reason; r != "" {
		return r
	}
	if len(b.Errors) > 0 {
		return b.Errors[0].Reason
	}
	return ""
}

// legacy reports whether a reason is among the legacy ones.
func (b body) legacy(reason string) bool {
	for _, e := range b.Errors {
		if e.Reason == reason {
			return true
		}
	}
	return false
}

// fact returns the fact that a contact's status stands for.
func (c contactCode) fact(method string) *Error {
	status, ok := rpcCodes[c.Code]
	if !ok {
		status = rpcCodes[2] // as gRPC has it: codes that are not known are UNKNOWN
	}
	return &Error{
		Method:     method,
		Kind:       kindOf(status.http, body{Status: status.name, Message: c.Message}),
		HTTPStatus: status.http,
		APIStatus:  status.name,
	}
}

// rpcCodes are the codes of https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto and the HTTP
// statuses they are mapped to there.
var rpcCodes = map[int64]struct {
	name string
	http int
}{
	1:  {"CANCELLED", 499},
	2:  {"UNKNOWN", http.StatusInternalServerError},
	3:  {"INVALID_ARGUMENT", http.StatusBadRequest},
	4:  {"DEADLINE_EXCEEDED", http.StatusGatewayTimeout},
	5:  {"NOT_FOUND", http.StatusNotFound},
	6:  {"ALREADY_EXISTS", http.StatusConflict},
	7:  {"PERMISSION_DENIED", http.StatusForbidden},
	8:  {"RESOURCE_EXHAUSTED", http.StatusTooManyRequests},
	9:  {"FAILED_PRECONDITION", http.StatusBadRequest},
	10: {"ABORTED", http.StatusConflict},
	11: {"OUT_OF_RANGE", http.StatusBadRequest},
	12: {"UNIMPLEMENTED", http.StatusNotImplemented},
	13: {"INTERNAL", http.StatusInternalServerError},
	14: {"UNAVAILABLE", http.StatusServiceUnavailable},
	15: {"DATA_LOSS", http.StatusInternalServerError},
	16: {"UNAUTHENTICATED", http.StatusUnauthorized},
}
