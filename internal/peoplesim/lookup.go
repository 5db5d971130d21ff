package peoplesim

import (
	"strings"
	"time"
)

// contactPrefix begins the resource names of contacts; what else begins with people/ is an account's profile.
const contactPrefix = "people/c"

// meName names the profile of the user who asks.
const meName = "people/me"

// isContactName reports whether a resource name is one of a contact, there or not.
func isContactName(name string) bool {
	id, ok := strings.CutPrefix(name, contactPrefix)
	return ok && id != "" && !strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' || r == '/' })
}

// checkContactName refuses a write of anything but a contact.
func checkContactName(name string) *problem {
	if !isContactName(name) {
		return invalid("Resource name %q is not a valid contact person resource.", name)
	}
	return nil
}

// toWrite gives the contact that a mutate is about, or why it cannot be written. A contact that was deleted may answer
// "stale etag" first, and "not found" only when it is read.
func (s *Sim) toWrite(c *call, name string) (*contact, *problem) {
	k := s.user(c.user).contacts[name]
	if k != nil && k.deleted.IsZero() {
		return k, nil
	}
	if k != nil && s.faults.Habits.Gone == "stale_etag" {
		return nil, staleEtag(staleSourceText)
	}
	return nil, s.missing(name)
}

// toRead gives a contact as a read sees it, or why it cannot be read.
func (s *Sim) toRead(c *call, name string, now time.Time) (*sight, *problem) {
	if f := c.fate.contacts[name]; f != nil && f.Kind == Forbidden {
		return nil, notPermitted()
	}
	if name == meName {
		seen := me(c.user, &s.discovery.fields, now)
		return &seen, nil
	}
	k := s.user(c.user).contacts[name]
	if k == nil {
		return nil, s.missing(name)
	}
	var lag time.Duration
	most := 0
	if f := c.fate.stale; f != nil {
		lag, most = time.Duration(f.Delay), max(1, f.Versions)
	}
	r := k.at(now, lag, most)
	if r == nil {
		return nil, s.missing(name)
	}
	seen := k.sight(r)
	return &seen, nil
}

// missing is the answer for a contact that the user does not have.
func (s *Sim) missing(name string) *problem {
	if s.faults.Habits.Gone == "internal" {
		return internalError()
	}
	if !s.faults.Habits.ForeignIsForbidden {
		return notFound()
	}
	for _, u := range s.users {
		if k := u.contacts[name]; k != nil && k.deleted.IsZero() {
			return notPermitted()
		}
	}
	return notFound()
}
