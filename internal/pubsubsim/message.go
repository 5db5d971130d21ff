package pubsubsim

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// The limits of the service on what is published (https://cloud.google.com/pubsub/quotas#resource_limits).
const (
	maxRequestMessages = 1000
	maxRequestBytes    = 10_000_000 // and so of a message, with its attributes and ordering key
	maxAttributes      = 100
	maxAttributeKey    = 256  // bytes
	maxAttributeValue  = 1024 // bytes
	maxOrderingKey     = 1024 // bytes
)

// Message is a published message. The broker sets ID and PublishTime; it keeps Data and Attributes, which nobody may
// change afterwards.
type Message struct {
	ID          string
	Data        []byte
	Attributes  map[string]string
	OrderingKey string
	PublishTime time.Time // in whole milliseconds, the same for all messages of a publish call
}

// size is what the message counts for the limits of a request and of a stream, in bytes.
func (m *Message) size() int {
	n := len(m.Data) + len(m.OrderingKey)
	for key, value := range m.Attributes {
		n += len(key) + len(value)
	}
	return n
}

// checkMessages returns InvalidArgument if the service would refuse to publish messages in one request.
func checkMessages(messages []Message) error {
	if len(messages) == 0 || len(messages) > maxRequestMessages {
		return status.Errorf(codes.InvalidArgument, "A publish request has 1 to %d messages, this one has %d.",
			maxRequestMessages, len(messages))
	}
	total := 0
	for i := range messages {
		m := &messages[i]
		if m.OrderingKey != messages[0].OrderingKey {
			return status.Error(codes.InvalidArgument,
				"All messages of a publish request must have the same ordering key.")
		}
		if err := m.check(); err != nil {
			return err
		}
		total += m.size()
	}
	if total > maxRequestBytes {
		return status.Errorf(codes.InvalidArgument, "The value for request_size is too large. You passed %d in the "+
			"request, but the maximum value is %d.", total, maxRequestBytes)
	}
	return nil
}

func (m *Message) check() error {
	if len(m.Data) == 0 && len(m.Attributes) == 0 {
		return status.Error(codes.InvalidArgument, "One or more messages in the publish request is empty. Each "+
			"message must contain either non-empty data, or at least one attribute.")
	}
	if n := len(m.OrderingKey); n > maxOrderingKey || !utf8.ValidString(m.OrderingKey) {
		return status.Errorf(codes.InvalidArgument, "The ordering key is not UTF-8 or too long. The length is %d "+
			"bytes, but the maximum allowed is %d.", n, maxOrderingKey)
	}
	if n := len(m.Attributes); n > maxAttributes {
		return status.Errorf(codes.InvalidArgument, "A message in the request has too many attributes. It has %d, but "+
			"the maximum allowed is %d.", n, maxAttributes)
	}
	for key, value := range m.Attributes {
		if err := checkAttribute(key, value); err != nil {
			return err
		}
	}
	return nil
}

func checkAttribute(key, value string) error {
	const more = "Refer to https://cloud.google.com/pubsub/quotas for more information."
	switch {
	case key == "" || !utf8.ValidString(key) || !utf8.ValidString(value):
		return status.Error(codes.InvalidArgument, "An attribute in the request has an empty key or is not UTF-8.")
	case strings.HasPrefix(key, "goog") && !strings.HasPrefix(key, "googclient_"):
		// Reserved, but for what Google's own clients add, as the Go client does with googclient_traceparent.
		return status.Errorf(codes.InvalidArgument, "The attribute key %q is reserved: it begins with goog.", key)
	case len(key) > maxAttributeKey:
		return status.Errorf(codes.InvalidArgument, "An attribute in the request has a key that is too long. The "+
			"length is %d characters, but the maximum allowed is %d. "+more, len(key), maxAttributeKey)
	case len(value) > maxAttributeValue:
		return status.Errorf(codes.InvalidArgument, "The attribute %q in the request has a value that is too long. The "+
			"length is %d characters, but the maximum allowed is %d. "+more, key, len(value), maxAttributeValue)
	}
	return nil
}

// messageIDs makes message IDs: decimal, never the same twice, and in no order that anybody could rely on. They begin
// with the time so that a simulator that is started again does not give those it gave before.
type messageIDs struct {
	epoch uint64 // milliseconds
	given uint64 // in this epoch
}

// idBits is how many bits of an ID count within an epoch: 2²⁸ messages. The 35 above them hold a year of milliseconds.
const idBits = 28

func newMessageIDs(now time.Time) messageIDs {
	return messageIDs{epoch: uint64(now.UnixMilli())}
}

func (i *messageIDs) next() string {
	if i.given == 1<<idBits {
		i.epoch, i.given = i.epoch+1, 0
	}
	i.given++
	// A multiplication by an odd number modulo a power of two gives each result once.
	mixed := i.given * 0x9E3779B1 & (1<<idBits - 1)
	return strconv.FormatUint(i.epoch&(1<<35-1)<<idBits|mixed, 10)
}
