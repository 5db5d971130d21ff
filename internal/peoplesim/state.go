package peoplesim

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/api/people/v1"
)

// Contact is a contact as it is, whatever reads show of it.
type Contact struct {
	User         string    `json:"user"`
	ResourceName string    `json:"resourceName"`
	Version      int64     `json:"version"`
	Etag         string    `json:"etag"` // of the CONTACT source
	UpdateTime   time.Time `json:"updateTime"`
	Photo        string    `json:"photo,omitempty"` // the SHA-256 of its bytes in hex
	// Values are the fields that are not empty, with the members that a client can write and no other. Two contacts that
	// hold the same have the same bytes.
	Values json.RawMessage `json:"values"`
}

// Person gives the values.
func (c Contact) Person() *people.Person {
	p := new(people.Person)
	if err := json.Unmarshal(c.Values, p); err != nil {
		panic(fmt.Sprintf("peoplesim: the values of %s: %v", c.ResourceName, err)) // they were checked against the schema
	}
	return p
}

// Contact gives a contact; it reports false if the user has none of the name.
func (s *Sim) Contact(user, resourceName string) (Contact, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle(time.Now())
	c := s.existing(user, resourceName)
	if c == nil {
		return Contact{}, false
	}
	return s.export(user, c), true
}

// Snapshot gives all contacts, in the order of users and resource names.
func (s *Sim) Snapshot() []Contact {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle(time.Now())
	var all []Contact
	for _, u := range s.users {
		for name, c := range u.contacts {
			if c.deleted.IsZero() && name == c.name {
				all = append(all, s.export(u.name, c))
			}
		}
	}
	slices.SortFunc(all, func(a, b Contact) int {
		if d := strings.Compare(a.User, b.User); d != 0 {
			return d
		}
		return strings.Compare(a.ResourceName, b.ResourceName)
	})
	return all
}

func (s *Sim) export(user string, c *contact) Contact {
	r := c.current
	return Contact{
		User: user, ResourceName: c.name, Version: r.version, Etag: SourceEtag(c.name, r.version), UpdateTime: r.at,
		Photo: r.photo, Values: r.values.appendWritten(nil, &s.discovery.fields, r.values.fields()),
	}
}
