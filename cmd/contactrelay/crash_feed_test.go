package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/contactrelay/contactrelay/internal/peoplesim"
	"github.com/contactrelay/contactrelay/messages"
)

// manner is how the changes of a contact are made, and what else happens to it.
type manner int

// A contact has one manner throughout. Contested contacts are those of which people edit the fields that the feed
// changes; of the others they edit fields that it does not touch.
const (
	withBase      manner = iota // each change says what it replaces
	baseContested               // one field at a time, so that a letter takes no other field with it
	bare                        // each change carries the etag of before the first, and nothing else
	bareContested
	withLatest // contested too
)

// manners is the contacts of a user.
var manners = []manner{
	withBase, withBase, withBase, withBase, withBase, withBase, withBase, withBase,
	baseContested, bare, bare, bareContested, withLatest, withLatest,
}

func (m manner) contested() bool { return m == baseContested || m == bareContested || m == withLatest }

// fed are the fields that the feed changes, unfed those that only people edit; photoField stands for the photo.
var (
	fed   = []string{"names", "nicknames", "organizations"}
	unfed = []string{"biographies", "occupations"}
)

const photoField = peoplesim.PhotoField

// spot is a field of a contact.
type spot struct{ user, contact, field string }

// crashFeed is a CRM: it knows the etags that the contacts had at first and what it wrote itself, and never reads a
// contact unless told to. Every value that it writes is named after the change.
type crashFeed struct {
	rng     *rand.Rand
	users   int
	changes []*crashChange
	known   map[spot]string   // what a field holds for all the CRM knows
	learned map[spot]string   // the last value of a person that it learned of
	photos  map[string]string // the value that the hash of a photo stands for
}

// crashChange is one message.
type crashChange struct {
	number   int
	manner   manner
	user     string
	contacts []string
	fields   []string
	base     map[spot]string // what was known before it
}

func newCrashFeed(rng *rand.Rand, users int) *crashFeed {
	return &crashFeed{rng: rng, users: users, known: map[spot]string{}, learned: map[spot]string{}, photos: map[string]string{}}
}

// value is what a change writes, in every field.
func (c *crashChange) value() string { return fmt.Sprint("crm-", c.number) }

func (c *crashChange) id() string { return fmt.Sprint("change-", c.number) }

// guarded reports whether an etag keeps the change from writing over another.
func (c *crashChange) guarded() bool { return c.manner != withLatest && c.fields[0] != photoField }

// seeds is the contacts as they are at first, all with the same value.
func (f *crashFeed) seeds() peoplesim.Seeding {
	all := peoplesim.Seeding{People: map[string][]json.RawMessage{}}
	for u := range f.users {
		user := peoplesim.UserName(u)
		for c := range manners {
			name := peoplesim.ContactName(u, c)
			person := map[string]any{"resourceName": name}
			for _, field := range fed {
				person[field] = fieldHolding(field, "seed-0")
				f.known[spot{user, name, field}] = "seed-0"
			}
			data, err := json.Marshal(person)
			if err != nil {
				panic(err)
			}
			all.People[user] = append(all.People[user], data)
		}
	}
	return all
}

// fieldHolding is the one value of a field.
func fieldHolding(field, value string) []any {
	member := map[string]string{"names": "givenName", "organizations": "name"}[field]
	if member == "" {
		member = "value"
	}
	return []any{map[string]any{member: value}}
}

// next makes a change. seen tells what a field holds at present, for a CRM that looks before it writes.
func (f *crashFeed) next(seen func(spot) string) messages.Message {
	u, at := f.rng.IntN(f.users), f.rng.IntN(len(manners))
	c := &crashChange{number: len(f.changes), manner: manners[at], user: peoplesim.UserName(u), base: map[spot]string{}}
	c.contacts = []string{peoplesim.ContactName(u, at)}
	c.fields = []string{fed[f.rng.IntN(len(fed))]}
	kind := messages.Patch
	switch chance := f.rng.IntN(10); {
	case chance == 0:
		kind, c.fields = messages.Photo, []string{photoField}
	case chance < 3 && !c.manner.contested():
		kind = messages.Batch
		for other := range manners {
			if other != at && manners[other] == c.manner && f.rng.IntN(2) == 0 {
				c.contacts = append(c.contacts, peoplesim.ContactName(u, other))
			}
		}
	case chance < 6 && c.manner != baseContested:
		c.fields = append(c.fields, fed[f.rng.IntN(len(fed))])
		slices.Sort(c.fields)
		c.fields = slices.Compact(c.fields)
	}
	f.changes = append(f.changes, c)
	for _, contact := range c.contacts {
		for _, field := range c.fields {
			s := spot{c.user, contact, field}
			if c.manner == baseContested && f.rng.IntN(3) == 0 {
				f.learn(s, seen(s))
			}
			c.base[s] = f.known[s]
			f.known[s] = c.value()
		}
	}
	return f.message(kind, c)
}

// learn takes note of a person's value. One that it knew before stands there only because its own changes since are still
// on their way.
func (f *crashFeed) learn(s spot, now string) {
	if strings.HasPrefix(now, "hand-") && now != f.learned[s] {
		f.known[s], f.learned[s] = now, now
	}
}

// message is a change as it is published.
func (f *crashFeed) message(kind messages.Type, c *crashChange) messages.Message {
	body := map[string]any{}
	switch kind {
	case messages.Photo:
		photo := numberedPhoto(c.number)
		sum := sha256.Sum256(photo)
		f.photos[hex.EncodeToString(sum[:])] = c.value()
		body["resourceName"], body["photoBytes"] = c.contacts[0], photo
	case messages.Batch:
		contacts, bases := map[string]any{}, map[string]any{}
		for _, name := range c.contacts {
			contacts[name], bases[name] = c.person(name), c.basePerson(name)
		}
		body["contacts"], body["updateMask"] = contacts, strings.Join(c.fields, ",")
		body["base"] = bases
	default:
		body["person"], body["updatePersonFields"] = c.person(c.contacts[0]), strings.Join(c.fields, ",")
		body["base"] = c.basePerson(c.contacts[0])
	}
	if c.manner != withBase && c.manner != baseContested {
		delete(body, "base")
	}
	if c.manner == withLatest && kind != messages.Photo {
		body["precondition"] = "latest"
	}
	data, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	m := raw(c.user, kind, data)
	m.Attributes["ce-id"], m.Attributes["ce-source"] = c.id(), "//crm.example.com"
	return m
}

// person is what a change wants of a contact.
func (c *crashChange) person(contact string) map[string]any {
	p := map[string]any{"resourceName": contact}
	if c.manner != withLatest {
		etag := peoplesim.SourceEtag(contact, peoplesim.FirstVersion)
		p["metadata"] = map[string]any{"sources": []any{map[string]any{"type": "CONTACT", "etag": etag}}}
	}
	for _, field := range c.fields {
		p[field] = fieldHolding(field, c.value())
	}
	return p
}

func (c *crashChange) basePerson(contact string) map[string]any {
	p := map[string]any{}
	for _, field := range c.fields {
		p[field] = fieldHolding(field, c.base[spot{c.user, contact, field}])
	}
	return p
}

// numberedPhoto is a PNG of its own for each number.
func numberedPhoto(number int) []byte {
	photo, err := base64.StdEncoding.DecodeString(onePixel)
	if err != nil {
		panic(err)
	}
	return append(bytes.Clone(photo), fmt.Sprint(number)...)
}
