package deadletter

import "slices"

// Reason says why a change could not be applied. The set is closed: [Reasons].
type Reason string

const (
	// Malformed: the body is not UTF-8, not JSON, has data behind it or is nested too deep.
	Malformed Reason = "malformed"
	// UnsupportedType: the message is of no type of the contract.
	UnsupportedType Reason = "unsupported_type"
	// Invalid: the message breaks a rule of the contract.
	Invalid Reason = "invalid"
	// Forbidden: the user is not one whose contacts may be changed, or may not do this.
	Forbidden Reason = "forbidden"
	// EtagConflict: somebody else changed the same fields since the producer read them.
	EtagConflict Reason = "etag_conflict"
	// Rejected: the People API refused the request itself.
	Rejected Reason = "rejected"
	// NotFound: there is no such contact.
	NotFound Reason = "not_found"
	// UserUnauthorized: there are no credentials for the user.
	UserUnauthorized Reason = "user_unauthorized"
	// RetriesExhausted: this change failed again and again while others did not.
	RetriesExhausted Reason = "retries_exhausted"
)

// Reasons returns all reasons, from what fails first on the way of a message to what fails last.
func Reasons() []Reason {
	return []Reason{
		Malformed, UnsupportedType, Invalid, Forbidden, EtagConflict, Rejected, NotFound, UserUnauthorized, RetriesExhausted,
	}
}

// known reports whether a reason is of the set.
func (r Reason) known() bool {
	return slices.Contains(Reasons(), r)
}
