package messages

import (
	"reflect"
	"strconv"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
)

// Encode is the message that says c, for a producer to publish. Decode makes an equal change of it.
//
// The error is always an [*Error]: c breaks a rule of Decode, has not exactly the body of its type, has text that is
// not UTF-8, or exceeds a limit of Pub/Sub. The size of a photo is bounded by that limit alone: [Limits] are
// settings of the worker. ForceSendFields in a person are needless: a masked field that is absent is cleared.
func Encode(c *Change) (Message, error) {
	body := c.onlyBody()
	if body == nil {
		return Message{}, fail(Invalid, "", "must be the one body of the type "+c.Type.Short())
	}
	m := Message{OrderingKey: c.User, Attributes: c.attributes()}
	var f faults
	m.checkText(&f)
	checkText(&f, nil, reflect.ValueOf(body)) // the People client would write U+FFFD instead
	if err := f.err(Invalid); err != nil {
		return Message{}, err
	}

	data, err := json.Marshal(body, json.Deterministic(true))
	if err != nil {
		return Message{}, fail(Invalid, "", "cannot be written as JSON") // contradictory NullFields
	}
	m.Data = data
	if _, err := Decode(m, Limits{MaxPhotoBytes: maxMessageBytes}); err != nil {
		return Message{}, err
	}
	m.checkSize(&f)
	if err := f.err(Invalid); err != nil {
		return Message{}, err
	}
	return m, nil
}

// Limits of Pub/Sub, in bytes.
const (
	maxMessageBytes   = 10_000_000 // a publish request, in protocol buffers
	maxKeyBytes       = 1024       // the ordering key
	maxAttributeBytes = 1024       // the value of an attribute

	requestBytes  = 512 // taken off for the rest of the request: the topic's name has up to 300
	framingBytes  = 16  // taken off for each field and attribute: tags and lengths
	fieldsInFrame = 2   // the body and the ordering key
)

// checkSize checks the limits of Pub/Sub that the contract does not keep by itself: a message has at most 9
// attributes, with short names. The service refuses longer messages, and no emulator does.
func (m Message) checkSize(f *faults) {
	if len(m.OrderingKey) > maxKeyBytes {
		f.add(fieldUser, "must be at most "+strconv.Itoa(maxKeyBytes)+" bytes")
	}
	size := requestBytes + len(m.Data) + len(m.OrderingKey) + framingBytes*(fieldsInFrame+len(m.Attributes))
	for name, value := range m.Attributes {
		if len(value) > maxAttributeBytes {
			f.add(name, "must be at most "+strconv.Itoa(maxAttributeBytes)+" bytes")
		}
		size += len(name) + len(value)
	}
	if size > maxMessageBytes {
		f.add("", "the message must be at most "+strconv.Itoa(maxMessageBytes)+" bytes")
	}
}

const ruleUTF8 = "must be UTF-8"

func (m Message) checkText(f *faults) {
	if !utf8.ValidString(m.OrderingKey) {
		f.add(fieldUser, ruleUTF8)
	}
	for name, value := range m.Attributes {
		if !utf8.ValidString(value) {
			f.add(name, ruleUTF8)
		}
	}
}

// checkText checks every text in v that is written to JSON.
func checkText(f *faults, at path, v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			checkText(f, at, v.Elem())
		}
	case reflect.Struct:
		for field, value := range v.Fields() {
			if name, ok := jsonName(field); ok {
				checkText(f, at.name(name), value)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			checkText(f, at.index(i), v.Index(i))
		}
	case reflect.Map:
		for key, value := range v.Seq2() {
			checkText(f, at.key(key.String()), key)
			checkText(f, at.key(key.String()), value)
		}
	case reflect.String:
		if !utf8.ValidString(v.String()) {
			f.add(string(at), ruleUTF8)
		}
	}
}
