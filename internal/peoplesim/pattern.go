package peoplesim

import (
	"encoding/json"
	"fmt"
	"time"
)

// UserName gives the name of the i-th generated user, counted from 0: user-000@example.com, user-001@example.com …
// user-1234@example.com.
func UserName(i int) string { return fmt.Sprintf("user-%03d@example.com", i) }

// ContactName gives the resource name of the k-th generated contact of the i-th user, both counted from 0:
// people/c1, then six digits for the user and six for the contact. So no two contacts share a name.
func ContactName(i, k int) string { return fmt.Sprintf("people/c1%06d%06d", i, k) }

// GeneratedValues gives what the k-th generated contact of the i-th user holds, as a Person in JSON without its
// resource name. Its etag is SourceEtag(ContactName(i, k), FirstVersion).
func GeneratedValues(i, k int) json.RawMessage {
	return fmt.Appendf(nil, `{"emailAddresses":[{"type":"work","value":"c%d.u%d@example.com"}],`+
		`"memberships":`+myContacts+`,`+
		`"names":[{"familyName":"User %d","givenName":"Contact %d"}],`+
		`"phoneNumbers":[{"type":"mobile","value":"+1 555 %03d %04d"}]}`, k, i, i, k, i%1000, k%10000)
}

// Generate seeds contacts by the pattern of UserName, ContactName and GeneratedValues: so many for each of so many
// users, a million of either at most.
func (s *Sim) Generate(users, contacts int) error {
	const most = 1_000_000 // the digits in a resource name
	if users < 0 || contacts < 0 || users > most || contacts > most {
		return fmt.Errorf("generate %d users with %d contacts: a million of either at most, and not under 0", users, contacts)
	}
	now := time.Now()
	fields := &s.discovery.fields
	for i := range users {
		made := make([]*contact, contacts)
		for k := range made {
			n, p := decode(GeneratedValues(i, k), "person", s.discovery.person)
			if p != nil {
				panic("peoplesim: a generated contact: " + p.message)
			}
			seed := newPerson(n)
			made[k] = newContact(ContactName(i, k), now, seed.contents(fields, fields.writable, true, s.config.OutputOnly), nil)
		}
		s.put(UserName(i), made)
	}
	return nil
}
