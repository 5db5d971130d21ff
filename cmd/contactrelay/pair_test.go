package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/contactrelay/contactrelay/internal/peoplesim"
	"github.com/contactrelay/contactrelay/internal/pubsubsim"
	"github.com/contactrelay/contactrelay/messages"
)

// nickname is a change of a contact's nickname by a CRM that knows the etag of before its first change alone. Base is
// what it replaces, "" if the change does not say.
func nickname(user, contact int, value, base string) messages.Message {
	name := peoplesim.ContactName(user, contact)
	body := map[string]any{"updatePersonFields": "nicknames", "person": map[string]any{
		"resourceName": name, "nicknames": fieldHolding("nicknames", value),
		"metadata": map[string]any{"sources": []any{map[string]any{"type": "CONTACT", "etag": peoplesim.SourceEtag(name, peoplesim.FirstVersion)}}},
	}}
	if base != "" {
		body["base"] = map[string]any{"nicknames": fieldHolding("nicknames", base)}
	}
	return encoded(user, messages.Patch, body)
}

// latestNickname is the same written over whatever is there.
func latestNickname(user, contact int, value string) messages.Message {
	return encoded(user, messages.Patch, map[string]any{
		"updatePersonFields": "nicknames", "precondition": "latest",
		"person": map[string]any{"resourceName": peoplesim.ContactName(user, contact), "nicknames": fieldHolding("nicknames", value)},
	})
}

func picture(user, contact, number int) messages.Message {
	return encoded(user, messages.Photo, map[string]any{
		"resourceName": peoplesim.ContactName(user, contact), "photoBytes": numberedPhoto(number),
	})
}

func encoded(user int, kind messages.Type, body map[string]any) messages.Message {
	data, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	return raw(peoplesim.UserName(user), kind, data)
}

// seed makes contacts that hold one nickname.
func (s *site) seed(users, contacts int, value string) {
	s.t.Helper()
	all := peoplesim.Seeding{People: map[string][]json.RawMessage{}}
	for u := range users {
		for c := range contacts {
			person := fmt.Sprintf(`{"resourceName":%q,"nicknames":[{"value":%q}]}`, peoplesim.ContactName(u, c), value)
			all.People[peoplesim.UserName(u)] = append(all.People[peoplesim.UserName(u)], json.RawMessage(person))
		}
	}
	s.people.put(s.t, "POST", "/seed", all)
}

// byHand has a person change a field.
func (s *site) byHand(user, contact int, field, value string) {
	s.t.Helper()
	person, err := json.Marshal(map[string]any{field: fieldHolding(field, value)})
	must(s.t, err)
	s.people.put(s.t, "POST", "/hand-edit", peoplesim.Edit{
		User: peoplesim.UserName(user), ResourceName: peoplesim.ContactName(user, contact), Mask: field, Person: person,
	})
}

// acks has acknowledgements arrive or not.
func (s *site) acks(arrive bool) {
	s.t.Helper()
	var f pubsubsim.Faults
	if !arrive {
		f.AckFailure = 1
	}
	s.pubsub.put(s.t, "PUT", "/faults", f)
}

// restart kills a worker and lets another one finish.
func (s *site) restart(w *process) *process {
	s.t.Helper()
	w.kill()
	s.acks(true)
	next := s.worker()
	s.untilEmpty(next)
	return next
}

// history is what was written, oldest first: the nickname, or the number of the photo.
func (s *site) history() (all []string) {
	s.t.Helper()
	for _, w := range lines[peoplesim.Write](s.t, s.people, "/audit") {
		switch found := markers.FindString(string(w.Values)); {
		case found != "":
			all = append(all, found)
		case w.Method == peoplesim.UpdateContactPhoto:
			all = append(all, "photo-"+w.Hash[:4])
		}
	}
	return all
}

// nicknames is the contacts by the nickname that they hold.
func (s *site) nicknames() map[string]int {
	s.t.Helper()
	counts := map[string]int{}
	for _, c := range s.contacts() {
		counts[c.Person().Nicknames[0].Value]++
	}
	return counts
}

// photoName is how the history names a photo.
func photoName(number int) string {
	sum := sha256.Sum256(numberedPhoto(number))
	return fmt.Sprintf("photo-%x", sum[:2])
}

// pairs are two changes of one contact, the second of which comes after the first.
var pairs = map[string][]messages.Message{
	"photo":  {picture(0, 0, 1), picture(0, 0, 2)},
	"latest": {latestNickname(0, 0, "crm-1"), latestNickname(0, 0, "crm-2")},
	"base":   {nickname(0, 0, "crm-1", "seed-0"), nickname(0, 0, "crm-2", "crm-1")},
	"etag":   {nickname(0, 0, "crm-1", ""), nickname(0, 0, "crm-2", "")},
}

// forEachPair runs a story for each pair of changes. Want is what must have been written in the end, and how many letters
// there must be.
func forEachPair(t *testing.T, want map[string]string, story func(s *site, pair []messages.Message)) {
	t.Parallel()
	for name, wanted := range want {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, "--seed", "3") // with it, the first acknowledgement that is lost is taken at first
			s.seed(1, 1, "seed-0")
			story(s, pairs[name])
			letters := s.deadLetters()
			if got := fmt.Sprintf("%s, %d letters", strings.Join(s.history(), " "), len(letters)); got != wanted {
				t.Errorf("%s, want %s", got, wanted)
			}
		})
	}
}

// untilOutstanding waits until so many messages are with workers.
func (s *site) untilOutstanding(n int) {
	s.t.Helper()
	s.await(fmt.Sprint("outstanding=", n))
}
