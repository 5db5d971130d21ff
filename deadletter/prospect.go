package deadletter

import (
	"encoding/json"
	"slices"
)

// Effect says what a replay would do.
type Effect string

// The effects, from the one that hurts least.
const (
	NoOp         Effect = "no-op"         // nothing is left to change
	Clean        Effect = "clean"         // it is written as it is
	Merge        Effect = "merge"         // the contact was changed since, and what is to be written is free
	Unread       Effect = "unread"        // the contact could not be read: nobody knows
	Gone         Effect = "gone"          // there is no such contact
	Conflict     Effect = "conflict"      // somebody changed the same since: it becomes a letter again
	StillInvalid Effect = "still invalid" // it breaks the contract: it becomes a letter again
)

// Effects returns all effects, from the one that hurts least.
func Effects() []Effect { return []Effect{NoOp, Clean, Merge, Unread, Gone, Conflict, StillInvalid} }

// Finding says what a replay means for a field.
type Finding string

// The findings.
const (
	Equal      Finding = "equal"      // the contact holds what is wanted
	Free       Finding = "free"       // nobody touched it: it may be written
	Touched    Finding = "conflict"   // somebody did
	Superseded Finding = "superseded" // a newer change of it is made, or replayed too
)

// Prospect is what the replay of a change would do to one contact.
type Prospect struct {
	Contact string `json:"contact"`
	Effect  Effect `json:"effect"`
	// Blocked: an overwrite may not get through, because a photo of the contact is replayed before it and moves the etag.
	// It comes back then, and can be replayed again.
	Blocked bool            `json:"blocked,omitempty"`
	Etag    string          `json:"etag,omitempty"` // of the contact, as it was read
	Fields  []FieldProspect `json:"fields,omitempty"`
}

// FieldProspect is that of one field, with the values that a client can write. A value that is absent is empty; that of
// a photo is not shown.
type FieldProspect struct {
	Field   string          `json:"field"`
	Finding Finding         `json:"finding"`
	Wanted  json.RawMessage `json:"wanted,omitempty"`
	HasBase bool            `json:"hasBase"` // the change says what it was based on
	Base    json.RawMessage `json:"base,omitempty"`
	Now     json.RawMessage `json:"now,omitempty"`
}

// Worst is the effect on the contact that it hurts most.
func Worst(all []Prospect) Effect {
	worst := NoOp
	for _, p := range all {
		if slices.Index(Effects(), p.Effect) > slices.Index(Effects(), worst) {
			worst = p.Effect
		}
	}
	return worst
}
