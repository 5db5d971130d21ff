package deadletter

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"unicode/utf8"
)

// Encode returns the messages to publish, with the original's ordering key, in their order. Each is within the limits
// of Pub/Sub. Usually it is one. A body that does not fit into one even when packed is split in two; each part is then
// a letter of its own with all attributes, and its number in dl-part.
//
// The parts share the letter's ID, because it names the replay, and only all of them together can be replayed. What
// names one of the messages is the ID with the part.
//
// Values over 1,024 bytes are cut, lists at a comma. The original's own attributes beginning with "dl-" and those of a
// replay are dropped. An ordering key that is too long for Pub/Sub is kept in the letter and left out of its messages.
//
// It fails for a letter without an ID, with a reason that is none, or that is a part; and for an original that
// Pub/Sub cannot have delivered, because its texts are not UTF-8 or its attributes take megabytes.
func (l *Letter) Encode() ([]Message, error) {
	if err := l.check(); err != nil {
		return nil, fmt.Errorf("encode letter: %w", err)
	}
	whole := *l
	whole.Original.Attributes = producers(l.Original.Attributes)
	// What Pub/Sub delivers fits into one envelope before packing; halved, it fits after, whatever it is.
	count := max(1, (len(l.Original.Data)+maxBody-1)/maxBody)
	for _, parts := range []int{count, 2 * count} {
		if messages, ok := whole.encode(parts); ok {
			return messages, nil
		}
	}
	return nil, errors.New("encode letter: the attributes of the original are too large")
}

// check reports what keeps a letter from being encoded.
func (l *Letter) check() error {
	switch {
	case !l.Reason.known():
		return errors.New("the reason is none of the set")
	case l.ID == "" || l.ID != cut(l.ID):
		return errors.New("the ID is empty or does not fit into an attribute")
	case l.Part != "":
		return errors.New("it is a part: join it with the others first")
	case !utf8.ValidString(l.Original.OrderingKey):
		return errors.New("the ordering key is not UTF-8")
	}
	for key, value := range l.Original.Attributes {
		if !utf8.ValidString(key) || !utf8.ValidString(value) {
			return errors.New("an attribute of the original is not UTF-8")
		}
	}
	return nil
}

// encode returns the messages of a letter in so many parts, or false if one of them does not fit.
func (l *Letter) encode(parts int) ([]Message, bool) {
	bodies := [][]byte{l.Original.Data}
	if parts > 1 {
		bodies = slices.Collect(slices.Chunk(l.Original.Data, (len(l.Original.Data)+parts-1)/parts))
	}
	var messages []Message
	for i, body := range bodies {
		part := *l
		part.Original.Data = body
		if len(bodies) > 1 {
			part.Part = fmt.Sprintf("%d/%d", i+1, len(bodies))
		}
		m, ok := part.message()
		if !ok {
			return nil, false
		}
		messages = append(messages, m)
	}
	return messages, true
}

// message returns the message of a letter: the plain one if it fits, else the envelope, or false if neither does.
func (l *Letter) message() (Message, bool) {
	attrs := l.attributes()
	plain := Message{Data: l.Original.Data, Attributes: maps.Clone(attrs), OrderingKey: l.Original.OrderingKey}
	maps.Copy(plain.Attributes, l.Original.Attributes)
	if plain.fits() {
		return plain, true
	}
	sealed, err := seal(l.Original)
	if err != nil {
		return Message{}, false
	}
	attrs[attrEncoding] = gzipEnvelope
	packed := Message{Data: sealed, Attributes: attrs}
	if len(l.Original.OrderingKey) <= maxOrderingKey {
		packed.OrderingKey = l.Original.OrderingKey
	}
	return packed, packed.fits()
}
