package main

import (
	"math/rand/v2"
)

// feed is messages in the order of their publication, and the contacts that they need.
type feed struct {
	changes  []change
	users    int
	contacts int // of each user
	offset   int // added to the numbers of the changes: those of unaudited and more are not judged
}

// hotUser is n patches of as many contacts of one user, with so many masks in rotation.
func hotUser(n, masks int) *feed {
	f := &feed{users: 1, contacts: n}
	for i := range n {
		f.changes = append(f.changes, change{contact: int32(i), count: 1, field: uint8(i % masks), before: -1})
	}
	return f
}

// thrice is three changes in a row of each contact of one user, all with the etag of before the first: a CRM that
// publishes what it does and never reads.
func thrice(n int) *feed {
	const each = 3
	f := &feed{users: 1, contacts: (n + each - 1) / each}
	for i := range n {
		f.changes = append(f.changes, change{contact: int32(i / each), count: 1, before: -1})
	}
	return f
}

// manyUsers is a patch of each of the contacts of many users, which take turns.
func manyUsers(users, contacts int) *feed { return usersFrom(0, users, contacts) }

// userByUser is a patch of each of the contacts of many users, one user after the other.
func userByUser(users, contacts int) *feed {
	f := &feed{users: users, contacts: contacts}
	for u := range users {
		for k := range contacts {
			f.changes = append(f.changes, change{user: int32(u), contact: int32(k), count: 1, before: -1})
		}
	}
	return f
}

// usersFrom is manyUsers without the first of them.
func usersFrom(first, users, contacts int) *feed {
	f := &feed{users: users, contacts: contacts}
	for k := range contacts {
		for u := first; u < users; u++ {
			f.changes = append(f.changes, change{user: int32(u), contact: int32(k), count: 1, before: -1})
		}
	}
	return f
}

// The contacts that fill all memories of a worker, and which of their fields are changed.
const (
	primerUsers    = 1000
	primerContacts = 100
	primerFields   = 2
)

// primer is 200,000 changes of 100,000 contacts. They are not judged.
func primer() *feed {
	f := manyUsers(primerUsers, primerContacts)
	f.offset = unaudited
	for field := range primerFields - 1 {
		for _, c := range f.changes[:primerUsers*primerContacts] {
			c.field = uint8(field + 1)
			f.changes = append(f.changes, c)
		}
	}
	return f
}

// The mixed feed.
const (
	mixedUsers    = 300
	mixedContacts = 200
	batchSize     = 50
	zipf          = 1.1 // exponent: the first user has about a sixth of the changes

	// In percent.
	photos, batches, bad = 5, 2, 3
)

// mixed is n changes of users of whom few have many and many have few, with photos, batch messages and messages that can
// only be dead-lettered. Each change of a field says what it replaces. It is the same at every call.
func mixed(n int) *feed {
	f := &feed{users: mixedUsers, contacts: mixedContacts}
	random := rand.New(rand.NewPCG(1, 2))
	ranks := rand.NewZipf(random, zipf, 1, mixedUsers-1)
	last := map[spot]int32{}
	for i := range int32(n) {
		c := change{user: int32(ranks.Uint64()), contact: random.Int32N(mixedContacts), count: 1, field: uint8(random.IntN(3)), based: true}
		switch chance := random.IntN(100); {
		case chance < photos:
			c.kind, c.based = photo, false
		case chance < photos+batches:
			c.kind, c.count, c.contact = batch, batchSize, random.Int32N(mixedContacts-batchSize)
		case chance < photos+batches+bad:
			c.flaw = sound + 1 + flaw(random.IntN(int(flaws)-1))
		}
		for k := range c.count {
			c.before = -1
			if before, ok := last[c.spotOf(k)]; ok {
				c.before = before
			}
			if c.kind == batch {
				c.befores = append(c.befores, c.before)
			}
			if c.flaw == sound {
				last[c.spotOf(k)] = i
			}
		}
		f.changes = append(f.changes, c)
	}
	return f
}

// spot is a field of a contact; that of a photo is photoSpot.
type spot struct {
	user, contact int32
	field         uint8
}

const photoSpot = 255

// spotOf is what a change writes of one of its contacts.
func (c *change) spotOf(i int32) spot {
	s := spot{c.user, c.contact + i, c.field}
	if c.kind == photo {
		s.field = photoSpot
	}
	return s
}
