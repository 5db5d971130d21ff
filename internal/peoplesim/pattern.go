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

// GeneratedValues gives what the k-th generated contact of the i-th user holds, in the form of Contact.Values. Its etag
// is SourceEtag(ContactName(i, k), FirstVersion).
func GeneratedValues(i, k int) json.RawMessage {
	return generated(i, k, `"memberships":`+myContacts+`,`, "")
}

func generated(i, k int, memberships, resourceName string) []byte {
	return fmt.Appendf(nil, `{"emailAddresses":[{"type":"work","value":"c%d.u%d@example.com"}],%s`+
		`"names":[{"familyName":"User %d","givenName":"Contact %d"}],`+
		`"phoneNumbers":[{"type":"mobile","value":"+1 555 %03d %04d"}]%s}`, k, i, memberships, i, k, i%1000, k%10000, resourceName)
}

// Generate seeds contacts by the pattern of UserName, ContactName and GeneratedValues: so many for each of so many
// users, a million of either at most.
func (s *Sim) Generate(users, contacts int) error {
	const most = 1_000_000 // the digits in a resource name
	if users < 0 || contacts < 0 || users > most || contacts > most {
		return fmt.Errorf("generate %d users with %d contacts: a million of either at most, and not under 0", users, contacts)
	}
	now := time.Now()
	for i := range users {
		made := make([]*contact, contacts)
		for k := range made {
			c, err := s.newSeed(generated(i, k, "", `,"resourceName":"`+ContactName(i, k)+`"`), now)
			if err != nil {
				return fmt.Errorf("generate contact %d of user %d: %w", k, i, err)
			}
			made[k] = c
		}
		s.put(UserName(i), made)
	}
	return nil
}
