package peoplesim

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"google.golang.org/api/people/v1"
)

// ErrNoContact says that there is no such contact.
var ErrNoContact = errors.New("no such contact")

// myContacts is the group every contact is in that names no other: a contact always has one.
const myContacts = `[{"contactGroupMembership":{"contactGroupResourceName":"contactGroups/myContacts"}}]`

// Seed puts contacts there as if they had always been: at FirstVersion, in place of any of the same name. Each needs a
// resource name that begins with people/c. A value whose metadata.source.type is PROFILE is one of the profile that the
// contact is linked to. Nothing is seeded if a contact is wrong.
func (s *Sim) Seed(user string, contacts []*people.Person) error {
	raw := make([]json.RawMessage, len(contacts))
	for i, p := range contacts {
		b, err := json.Marshal(p)
		if err != nil {
			return fmt.Errorf("seed %s: contact %d: %w", user, i, err)
		}
		raw[i] = b
	}
	return s.SeedJSON(user, raw)
}

// SeedJSON is Seed for contacts that are JSON.
func (s *Sim) SeedJSON(user string, contacts []json.RawMessage) error {
	now := time.Now()
	made := make([]*contact, len(contacts))
	for i, raw := range contacts {
		c, err := s.newSeed(raw, now)
		if err != nil {
			return fmt.Errorf("seed %s: contact %d: %w", user, i, err)
		}
		made[i] = c
	}
	s.put(user, made)
	return nil
}

func (s *Sim) put(user string, contacts []*contact) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle(time.Now())
	u := s.user(user)
	for _, c := range contacts {
		u.contacts[c.name] = c
	}
}

// newSeed makes a contact of a Person.
func (s *Sim) newSeed(raw []byte, now time.Time) (*contact, error) {
	n, p := decode(raw, "person", s.discovery.person)
	if p != nil {
		return nil, errors.New(p.message)
	}
	fields := &s.discovery.fields
	seed := newPerson(n)
	if !isContactName(seed.resourceName) {
		return nil, fmt.Errorf("resource name %q does not begin with %s", seed.resourceName, contactPrefix)
	}
	values := seed.contents(fields, fields.writable, true, s.config.OutputOnly)
	if group := fields.set("memberships"); values.fields()&group == 0 {
		values = values.replaced(group, s.group)
	}
	if p := seed.checkValues(fields, fields.writable&^fields.set("memberships")); p != nil {
		return nil, errors.New(p.message)
	}
	return newContact(seed.resourceName, now, values, seed.contents(fields, fields.readable, false, s.config.OutputOnly)), nil
}

// defaultGroup gives the membership of a contact that names none.
func defaultGroup(d *discovery) contents {
	n, p := decode([]byte(`{"memberships":`+myContacts+`}`), "", d.person)
	if p != nil {
		panic("peoplesim: the default membership: " + p.message)
	}
	group := newPerson(n)
	return group.contents(&d.fields, d.fields.set("memberships"), true, true)
}

// Delete deletes a contact, as a person would in the web interface.
func (s *Sim) Delete(user, resourceName string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.settle(now)
	c := s.existing(user, resourceName)
	if c == nil {
		return fmt.Errorf("delete %s of %s: %w", resourceName, user, ErrNoContact)
	}
	c.deleted = now
	return nil
}

// existing gives a contact that is there, or nil.
func (s *Sim) existing(user, resourceName string) *contact {
	u := s.users[user]
	if u == nil {
		return nil
	}
	c := u.contacts[resourceName]
	if c == nil || !c.deleted.IsZero() {
		return nil
	}
	return c
}

// HandEdit changes a contact as a person would in the web interface: the masked fields are replaced by those of p,
// cleared where p has none, and the etag moves. It is in the audit as ByHand.
func (s *Sim) HandEdit(user, resourceName string, p *people.Person, mask string) error {
	raw, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("edit %s of %s: %w", resourceName, user, err)
	}
	return s.HandEditJSON(user, resourceName, raw, mask)
}

// HandEditJSON is HandEdit for a Person that is JSON.
func (s *Sim) HandEditJSON(user, resourceName string, raw []byte, mask string) error {
	fields := &s.discovery.fields
	set, p := fields.required(maskParameter{"mask", page(UpdateContact), fields.writable}, mask)
	if p != nil {
		return fmt.Errorf("edit %s of %s: %s", resourceName, user, p.message)
	}
	n, p := decode(raw, "person", s.discovery.person)
	if p != nil {
		return fmt.Errorf("edit %s of %s: %s", resourceName, user, p.message)
	}
	t := s.newTarget(resourceName, n, set)
	if t.flaw != nil {
		return fmt.Errorf("edit %s of %s: %s", resourceName, user, t.flaw.message)
	}
	return s.byHand(writing{user: user, method: ByHand, mask: set, values: t.values}, resourceName)
}

// Touch moves the etag of a contact with nothing changed, as happens at night. It is in the audit as ByItself.
func (s *Sim) Touch(user, resourceName string) error {
	return s.byHand(writing{user: user, method: ByItself}, resourceName)
}

func (s *Sim) byHand(w writing, resourceName string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.settle(now)
	if w.contact = s.existing(w.user, resourceName); w.contact == nil {
		return fmt.Errorf("edit %s of %s: %w", resourceName, w.user, ErrNoContact)
	}
	s.write(w, now)
	return nil
}
