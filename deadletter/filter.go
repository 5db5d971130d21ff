package deadletter

import (
	"slices"
	"strings"
	"time"
)

// Filter selects entries. A list that is empty, and a time that is zero, selects all; within a list one match is enough.
type Filter struct {
	IDs      []string
	Reasons  []string // of letters; of what is no whole letter, its state
	Users    []string
	Contacts []string // resource names, with or without people/
	Types    []string // in one word
	// Since and Until bound when the letter was written: from Since on, before Until.
	Since, Until time.Time
}

// Empty reports whether the filter selects everything.
func (f *Filter) Empty() bool {
	return len(f.IDs)+len(f.Reasons)+len(f.Users)+len(f.Contacts)+len(f.Types) == 0 && f.Since.IsZero() && f.Until.IsZero()
}

// Select returns the entries that match, in their order.
func (f *Filter) Select(entries []*Entry) (selected []*Entry) {
	for _, e := range entries {
		if f.matches(e) {
			selected = append(selected, e)
		}
	}
	return selected
}

func (f *Filter) matches(e *Entry) bool {
	one := func(list []string, match func(string) bool) bool {
		return len(list) == 0 || slices.ContainsFunc(list, match)
	}
	return one(f.IDs, func(id string) bool { return id == e.ID }) &&
		one(f.Reasons, func(r string) bool { return r == string(e.Reason) }) &&
		one(f.Users, func(u string) bool { return u == e.Original.OrderingKey }) &&
		one(f.Types, func(t string) bool { return t == e.Type }) &&
		one(f.Contacts, e.concerns) &&
		(f.Since.IsZero() || !e.Time.Before(f.Since)) && (f.Until.IsZero() || e.Time.Before(f.Until))
}

// concerns reports whether the entry is about a contact.
func (e *Entry) concerns(contact string) bool {
	if !strings.HasPrefix(contact, "people/") {
		contact = "people/" + contact
	}
	return slices.Contains(e.Contacts, contact)
}
