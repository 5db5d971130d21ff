package worker

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"

	"github.com/contactrelay/contactrelay/deadletter"
	"github.com/contactrelay/contactrelay/messages"
)

// change is one message of a feed.
type change struct {
	number int // its place in the feed; every value that it writes carries it
	user   string
	kind   messages.Type
	wishes []wish
	mask   []string
	latest bool
	photo  []byte
	bad    deadletter.Reason // why it cannot be decoded, if it cannot
	event  string            // ce-id; empty: it has none

	message messages.Message
	id      string // once it is published
	want    ending // by the model
}

// wish is what a change wants of one contact: its masked fields. One that is absent is cleared.
type wish struct {
	contact string
	fields  map[string]any
	version int64 // that the etag is of
}

// guarded reports whether etags guard the change.
func (c *change) guarded() bool { return !c.latest && c.kind != messages.Photo }

// modelFields are the fields that feeds write. Each is a list of one kind of value.
var modelFields = []string{"names", "nicknames", "organizations", "phoneNumbers", "urls"}

// modelValue is a value of a field that tells the number of the change that wrote it.
func modelValue(field string, number, k int) map[string]any {
	mark := fmt.Sprintf("m%05d", number)
	switch field {
	case "names":
		return map[string]any{"givenName": mark}
	case "organizations":
		return map[string]any{"name": mark, "title": fmt.Sprint("t", k)}
	case "urls":
		return map[string]any{"value": fmt.Sprintf("https://%s.example.com/%d", mark, k), "type": "work"}
	}
	return map[string]any{"value": fmt.Sprint(mark, "-", k)}
}

// modelList is the values of a field: one, or two where the service takes more than one.
func modelList(rng *rand.Rand, field string, number int) []any {
	list := []any{modelValue(field, number, 0)}
	if field != "names" && rng.IntN(4) == 0 {
		list = append(list, modelValue(field, number, 1))
	}
	return list
}

// sumOf is how the simulator names a photo.
func sumOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
