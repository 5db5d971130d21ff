package peoplesim

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Faults say how the service misbehaves, and how it behaves where nobody knows. The zero value is a service in good
// health. What is drawn depends on Seed and, of each user, on the number of the user's call: how the calls of
// different users interleave does not matter, save to Fault.Skip and Fault.Calls, which count the calls of all.
type Faults struct {
	Seed   uint64  `json:"seed,omitzero"`
	Habits Habits  `json:"habits,omitzero"`
	Quota  Quota   `json:"quota,omitzero"`
	List   []Fault `json:"list,omitempty"` // of those that decide an answer, the first that strikes does
}

// Kind is what a fault does.
type Kind string

// The kinds of faults. "Before" means that a write did not happen, unless Fault.Applied is set.
const (
	// Latency lets a call take Delay, and up to Jitter more, from the time it comes; several add up. The write happens
	// then, also when the client has given up: the service does not notice.
	Latency Kind = "latency"

	Unavailable    Kind = "unavailable"     // 503, before
	Internal       Kind = "internal"        // 500, before
	BadGateway     Kind = "bad_gateway"     // 502 with a page of HTML, before
	GatewayTimeout Kind = "gateway_timeout" // 504, before
	Reset          Kind = "reset"           // the connection is reset, before
	AnswerLost     Kind = "answer_lost"     // the connection is closed, after
	// Hang answers nothing until the client gives up. With Applied, the write happens Delay after the call came,
	// whether or not the client still waits.
	Hang Kind = "hang"

	UserQuota       Kind = "user_quota"       // 429 (or 403 with Code) of the user's minute
	ProjectQuota    Kind = "project_quota"    // 429 (or 403 with Code) of the project's minute
	AccountQuota    Kind = "account_quota"    // 429 "Resource has been exhausted"
	TooConcurrent   Kind = "too_concurrent"   // 429 for a mutate that comes while another of its user is in flight
	ServiceDisabled Kind = "service_disabled" // 403, the project's fault
	ScopeMissing    Kind = "scope_missing"    // 403, the user's grant
	Forbidden       Kind = "forbidden"        // 403; with Contacts, for these alone in a batch
	Revoked         Kind = "revoked"          // 401

	// StaleRead makes a read within Delay of a write show what was there Delay ago, Versions (1 or 2) back at most.
	StaleRead Kind = "stale_read"
	// EtagMoved moves the etags of the contacts of a mutate, with nothing changed, before it is judged.
	EtagMoved Kind = "etag_moved"

	// The next three strike single contacts of a batchUpdateContacts that succeeds (answer 200); they show only if the
	// read mask is not empty.
	ContactStatus  Kind = "contact_status"  // the contact's status is the error Code (a google.rpc.Code, default 10), before
	ContactOmitted Kind = "contact_omitted" // the contact is not in updateResult, before
	ContactRenamed Kind = "contact_renamed" // the contact was merged: it has another resource name from now on, after
)

// Fault is one thing that goes wrong: how often, when and for whom.
type Fault struct {
	Kind Kind    `json:"kind"`
	Rate float64 `json:"rate"` // the probability for a call (for ContactStatus and its kin, a contact), over 0 up to 1

	Methods  []string `json:"methods,omitempty"`  // such as people.updateContact; empty means all
	Users    []string `json:"users,omitempty"`    // empty means all
	Contacts []string `json:"contacts,omitempty"` // resource names, one of which the call must name; empty means all

	From  Duration `json:"from,omitzero"`  // starts this long after it was set
	For   Duration `json:"for,omitzero"`   // and ends this long after its start; 0 means never
	Skip  int      `json:"skip,omitzero"`  // lets this many calls pass first
	Calls int      `json:"calls,omitzero"` // strikes this many times at most; 0 means always

	Delay      Duration `json:"delay,omitzero"`
	Jitter     Duration `json:"jitter,omitzero"`
	Applied    bool     `json:"applied,omitzero"`    // the write happens all the same
	RetryAfter Duration `json:"retryAfter,omitzero"` // the Retry-After header of the answer, in whole seconds
	Code       int      `json:"code,omitzero"`
	Versions   int      `json:"versions,omitzero"`
}

// Habits are what the service does where it is not known, or where several things were seen.
type Habits struct {
	// Errors is the style of error bodies: "plain", "legacy" (with errors[]), or a seeded mix of both by default.
	// A request can ask for one with $.xgafv.
	Errors string `json:"errors,omitzero"`
	// Gone is how an update answers for a deleted contact: 404 by default, "stale_etag" (and 404 when it is read), or
	// "internal": 500 for ever, read or written, for contacts that never were, too.
	Gone string `json:"gone,omitzero"`

	NoEtagIsPrecondition bool `json:"noEtagIsPrecondition,omitzero"` // an update without an etag: 400 FAILED_PRECONDITION, not INVALID_ARGUMENT
	EtagWithoutSource    bool `json:"etagWithoutSource,omitzero"`    // person.etag is enough without a CONTACT source: undocumented, seen
	SourceEtagDecides    bool `json:"sourceEtagDecides,omitzero"`    // with a good source etag, a stale person.etag is overlooked
	PhotoKeepsEtag       bool `json:"photoKeepsEtag,omitzero"`       // a photo write does not move the etag
	PartialBatch         bool `json:"partialBatch,omitzero"`         // of a batch that fails, the good contacts are applied
	FirstErrorOnly       bool `json:"firstErrorOnly,omitzero"`       // contactErrors names only the first bad contact
	ForeignIsForbidden   bool `json:"foreignIsForbidden,omitzero"`   // another user's contact: 403, not 404
	ShuffledValues       bool `json:"shuffledValues,omitzero"`       // values of a field come in another order at each version
}

// Duration is a time.Duration that is spelled "250ms" in JSON.
type Duration time.Duration

// MarshalText spells the duration as time.Duration does.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads what time.ParseDuration does.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	*d = Duration(parsed)
	return err
}

// kinds are all there are; methods are the names a fault can be limited to.
var (
	kinds = []Kind{
		Latency, Unavailable, Internal, BadGateway, GatewayTimeout, Reset, AnswerLost, Hang, UserQuota, ProjectQuota,
		AccountQuota, TooConcurrent, ServiceDisabled, ScopeMissing, Forbidden, Revoked, StaleRead, EtagMoved,
		ContactStatus, ContactOmitted, ContactRenamed,
	}
	methodNames = []string{Get, BatchGet, UpdateContact, UpdateContactPhoto, BatchUpdateContacts}
)

// check names everything that is wrong with the faults.
func (f *Faults) check() error {
	var errs []error
	complain := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	complain(!slices.Contains([]string{"", "plain", "legacy", "mixed"}, f.Habits.Errors), "habit errors: unknown style %q", f.Habits.Errors)
	complain(!slices.Contains([]string{"", "not_found", "stale_etag", "internal"}, f.Habits.Gone), "habit gone: unknown answer %q", f.Habits.Gone)
	for i, l := range f.List {
		complain(!slices.Contains(kinds, l.Kind), "fault %d: unknown kind %q", i, l.Kind)
		complain(!(l.Rate > 0 && l.Rate <= 1), "fault %d (%s): rate %v is not over 0 and up to 1", i, l.Kind, l.Rate)
		complain(l.Versions < 0 || l.Versions > keptRevisions, "fault %d (%s): versions %d is not 1 or 2", i, l.Kind, l.Versions)
		complain(min(l.From, l.For, l.Delay, l.Jitter, l.RetryAfter) < 0, "fault %d (%s): a duration is negative", i, l.Kind)
		complain(min(l.Skip, l.Calls, l.Code) < 0, "fault %d (%s): a number is negative", i, l.Kind)
		for _, m := range l.Methods {
			complain(!slices.Contains(methodNames, m), "fault %d (%s): unknown method %q", i, l.Kind, m)
		}
	}
	return errors.Join(errs...)
}
