package main

import (
	"errors"
	"fmt"
	"time"

	peopleapi "google.golang.org/api/people/v1"

	"github.com/contactrelay/contactrelay/internal/peoplesim"
)

// sampleUsers are the users of the sample feed. Their contacts are people/c1001 … for the first, c2001 … for the
// second, and so on.
var sampleUsers = []string{"alice@example.com", "bob@example.com", "carol@example.com", "dave@example.net"}

// sampleContacts is how many contacts each of them has.
const sampleContacts = 40

// seed makes the contacts that the sample feed is about, and what goes wrong with some of them.
func (w *world) seed() error {
	for i, user := range sampleUsers {
		var contacts []*peopleapi.Person
		for k := range sampleContacts {
			n := 1000*(i+1) + k + 1
			contacts = append(contacts, &peopleapi.Person{
				ResourceName:   fmt.Sprintf("people/c%d", n),
				Names:          []*peopleapi.Name{{GivenName: "Contact", FamilyName: fmt.Sprint(n)}},
				EmailAddresses: []*peopleapi.EmailAddress{{Value: fmt.Sprintf("c%d@example.com", n), Type: "home"}},
				Nicknames:      []*peopleapi.Nickname{{Value: fmt.Sprintf("C%d", n)}},
			})
		}
		if err := w.people.Seed(user, contacts); err != nil {
			return err
		}
	}
	return errors.Join(w.edit(), w.people.SetFaults(sampleFaults()))
}

// edit is what people did to the contacts after the CRM had read them: bob typed a number into people/c2001 and an
// employer into people/c2004, and deleted people/c2006.
func (w *world) edit() error {
	bob := sampleUsers[1]
	return errors.Join(
		w.people.HandEdit(bob, "people/c2001", &peopleapi.Person{
			PhoneNumbers: []*peopleapi.PhoneNumber{{Value: "+1 555 0299", Type: "mobile"}},
		}, "phoneNumbers"),
		w.people.HandEdit(bob, "people/c2004", &peopleapi.Person{
			Organizations: []*peopleapi.Organization{{Name: "Typed by Hand"}},
		}, "organizations"),
		w.people.Delete(bob, "people/c2006"),
	)
}

// sampleFaults make every reason of a dead letter occur: bob may not write people/c2008, people/c2009 answers 500 for
// ever, carol's grant lacks the scope. One contact answers 503 twice, and then not: its change is applied.
func sampleFaults() peoplesim.Faults {
	return peoplesim.Faults{
		Seed: 1,
		List: []peoplesim.Fault{
			{Kind: peoplesim.Latency, Rate: 1, Delay: peoplesim.Duration(10 * time.Millisecond), Jitter: peoplesim.Duration(20 * time.Millisecond)},
			{Kind: peoplesim.Forbidden, Rate: 1, Contacts: []string{"people/c2008"}},
			{Kind: peoplesim.Internal, Rate: 1, Contacts: []string{"people/c2009"}},
			{Kind: peoplesim.ScopeMissing, Rate: 1, Users: []string{sampleUsers[2]}},
			{Kind: peoplesim.Unavailable, Rate: 1, Contacts: []string{"people/c1016"}, Calls: 2},
		},
	}
}
