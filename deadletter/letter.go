// Package deadletter parks the changes that cannot be applied: it writes a message and the reason of its failure as a
// letter, and reads letters back.
//
// A letter carries the original message byte for byte: body, attributes, ordering key. What is said about it stands in
// attributes that begin with "dl-". Where both together break a limit of Pub/Sub the original goes into an envelope
// (envelope.go), and where that is not enough, over several messages (encode.go). Readers undo both.
//
// What the package does not do: publish, decide what is parked, or keep anything. Its errors name attributes and
// sizes, never values.
package deadletter

import (
	"crypto/rand"
	"maps"
	"strconv"
	"strings"
	"time"
)

// Letter is a message that could not be applied, and why.
type Letter struct {
	// Reason is one of [Reasons].
	Reason Reason
	// Detail explains the reason in words of ours, with field names and counts. It never quotes the message or the
	// service, both of which hold personal data.
	Detail string
	// HTTPStatus and APIStatus are those of the last answer, 0 and "" if there was none.
	HTTPStatus int
	APIStatus  string
	// Fields are the conflicting or invalid fields. Their names have no comma.
	Fields []string
	// CurrentEtag is the etag of the contact that a change is in conflict with.
	CurrentEtag string

	// Attempts counts the calls that were made for the message.
	Attempts int
	// FirstAttempt is when the first of them was made, Time when the letter was written. Both are kept in UTC.
	FirstAttempt, Time time.Time
	// Subscription is where the message came from, Worker the version of the program that gave up.
	Subscription, Worker string

	// ID names the letter: [NewID]. It becomes the identity of the letter's replay.
	ID string
	// Replays counts how often the original was replayed before.
	Replays int
	// Split says which contacts of a batch message the original's body was reduced to: "3 of 50".
	Split string
	// Part says which part of a letter this is, "1/2" for one, and is empty in a whole letter: see [Join].
	Part string

	Original Original
}

// Original is the message that could not be applied, as its producer published it.
type Original struct {
	Data       []byte
	Attributes map[string]string
	// OrderingKey is the user; empty if the message had none, which is a reason for a letter.
	OrderingKey string
	// MessageID and PublishTime are those of the first publication. Replays do not change them.
	MessageID   string
	PublishTime time.Time
}

// Message is a message of Pub/Sub as far as its publisher makes it.
type Message struct {
	Data        []byte
	Attributes  map[string]string
	OrderingKey string
}

// Attributes of a replay. They name its letter, and carry what the first publication said over all replays.
const (
	ReplayLetter      = "replay-letter"
	ReplayPublishTime = "replay-publish-time"
	ReplayMessageID   = "replay-message-id"
	ReplayCount       = "replay-count"
	ReplaySeenEtag    = "replay-seen-etag" // of a photo only: see messages.Replay
)

// Received returns the original of a received message, and how often it was replayed before. It takes the replay's
// attributes away, which are about the way of the message and not the producer's, and with them those of an earlier
// letter, so that a letter never carries a stale one. The message's own map is not changed; its data is shared.
func Received(m Message, id string, published time.Time) (Original, int) {
	o := Original{Data: m.Data, OrderingKey: m.OrderingKey, MessageID: id, PublishTime: published}
	if first := m.Attributes[ReplayMessageID]; first != "" {
		o.MessageID = first
	}
	if first, err := time.Parse(time.RFC3339Nano, m.Attributes[ReplayPublishTime]); err == nil {
		o.PublishTime = first
	}
	replays, err := strconv.Atoi(m.Attributes[ReplayCount])
	if err != nil || replays < 0 {
		replays = 0
	}
	o.Attributes = producers(m.Attributes)
	return o, replays
}

// producers returns the attributes that are the producer's own.
func producers(attributes map[string]string) map[string]string {
	own := maps.Clone(attributes)
	maps.DeleteFunc(own, func(name, _ string) bool {
		switch name {
		case ReplayLetter, ReplayPublishTime, ReplayMessageID, ReplayCount, ReplaySeenEtag:
			return true
		}
		return strings.HasPrefix(name, prefix)
	})
	return own
}

// NewID returns a letter ID that no other call returns, here or elsewhere: 130 random bits.
func NewID() string {
	return rand.Text()
}
