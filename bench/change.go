package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strconv"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"

	"github.com/contactrelay/contactrelay/internal/peoplesim"
)

// change is one message of a feed, as little as it takes to write it when it is published and to judge afterwards what
// became of it: a feed can have a million.
type change struct {
	kind    kind
	flaw    flaw
	field   uint8 // of fields
	based   bool  // it says what it replaces: what the change before it wanted, or nothing
	user    int32
	contact int32   // the first one
	count   int32   // of contacts: more than 1 in a batch
	before  int32   // number of the change that wrote the field before; -1: none
	befores []int32 // the same for each contact of a batch
}

// kind is the type of a message.
type kind uint8

const (
	patch kind = iota
	photo
	batch
)

func (k kind) String() string { return [...]string{"patch", "photo", "batch"}[k] }

// flaw is what makes a message one that can only be dead-lettered.
type flaw uint8

const (
	sound     flaw = iota
	cutShort       // not JSON
	badMask        // a field that no mask may name
	guardless      // without an etag
	nobody         // about a contact that is not there
	flaws
)

// fields are those that the feeds change: all empty in a contact that was just seeded, so that what a change replaces is
// known. Each has the member that holds its value.
var fields = []struct{ name, member string }{
	{"nicknames", "value"}, {"urls", "value"}, {"occupations", "value"}, {"organizations", "name"}, {"biographies", "value"}, {"interests", "value"},
}

// marker is the value that a change writes: it tells in the audit which one wrote it.
func marker(number int) string { return "crm-" + strconv.Itoa(number) }

// id is the event's.
func id(number int) string { return "change-" + strconv.Itoa(number) }

// userName is the ordering key.
func (c *change) userName() string { return peoplesim.UserName(int(c.user)) }

// missingContact is the number of a contact that nobody has.
const missingContact = 999_999

// contactName is the resource name of one of the contacts.
func (c *change) contactName(i int32) string {
	if c.flaw == nobody {
		return peoplesim.ContactName(int(c.user), missingContact)
	}
	return peoplesim.ContactName(int(c.user), int(c.contact+i))
}

// message is what is published.
func (c *change) message(number int) *pubsubpb.PubsubMessage {
	return &pubsubpb.PubsubMessage{Data: c.body(number), Attributes: c.attributes(number), OrderingKey: c.userName()}
}

// attributes are those of the message.
func (c *change) attributes(number int) map[string]string {
	return map[string]string{
		"ce-specversion": "1.0", "ce-source": "//crm.example.com", "ce-id": id(number),
		"ce-type": "contactrelay." + c.kind.String() + ".v1",
	}
}

// body is the message's.
func (c *change) body(number int) []byte {
	body := map[string]any{}
	mask := fields[c.field].name
	if c.flaw == badMask {
		mask = "photos"
	}
	switch c.kind {
	case photo:
		body["resourceName"], body["photoBytes"] = c.contactName(0), base64.StdEncoding.EncodeToString(picture50K(number))
	case batch:
		contacts, bases := map[string]any{}, map[string]any{}
		for i := range c.count {
			contacts[c.contactName(i)], bases[c.contactName(i)] = c.person(i, number), c.base(c.befores[i])
		}
		body["contacts"], body["updateMask"] = contacts, mask
		if c.based {
			body["base"] = bases
		}
	default:
		body["person"], body["updatePersonFields"] = c.person(0, number), mask
		if c.based {
			body["base"] = c.base(c.before)
		}
	}
	data, err := json.Marshal(body)
	if err != nil {
		panic(err) // made of texts alone
	}
	if c.flaw == cutShort {
		return data[:len(data)-1]
	}
	return data
}

// person is what is wanted of a contact, with the etag that it had before all changes: the producer never reads.
func (c *change) person(i int32, number int) map[string]any {
	name := c.contactName(i)
	p := map[string]any{"resourceName": name, fields[c.field].name: c.values(marker(number))}
	source := map[string]any{"type": "CONTACT"}
	if c.flaw != guardless {
		source["etag"] = peoplesim.SourceEtag(name, peoplesim.FirstVersion)
	}
	p["metadata"] = map[string]any{"sources": []any{source}}
	return p
}

// base is what the field held before the change: what that one wanted, or nothing.
func (c *change) base(before int32) map[string]any {
	if before < 0 {
		return map[string]any{}
	}
	return map[string]any{fields[c.field].name: c.values(marker(int(before)))}
}

func (c *change) values(text string) []any {
	return []any{map[string]any{fields[c.field].member: text}}
}

// photoSize is that of a photo, in bytes.
const photoSize = 50_000

// onePixel is the smallest of PNGs.
const onePixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

// picture50K is a photo of its own for each number: what stands behind the end of a PNG is not looked at.
func picture50K(number int) []byte {
	photo, err := base64.StdEncoding.DecodeString(onePixel)
	if err != nil {
		panic(err) // a constant
	}
	photo = append(photo, strconv.Itoa(number)...)
	return append(photo, bytes.Repeat([]byte("x"), photoSize-len(photo))...)
}
