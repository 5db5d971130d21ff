package deadletter

// Limits of Pub/Sub (https://cloud.google.com/pubsub/quotas#resource_limits), in bytes where they are not counts.
const (
	// maxMessage is what we let a message take in a publish request, for which the service takes 10,000,000. The
	// margin of one per cent is for the topic's name in the request (300 at most), its framing (8), what a client
	// with tracing adds to the attributes (two of 600 at most), and for whoever counts otherwise: a letter that is
	// refused can be neither published nor given up.
	maxMessage = 10_000_000 - 100_000

	// maxReplay is the same for a replay, with a margin for the topic's name and the framing alone: one that is refused
	// stays a letter.
	maxReplay = 10_000_000 - 1000

	// maxAttributes leaves room for the two attributes of a client with tracing.
	maxAttributes = 100 - 2

	maxKey         = 256
	maxValue       = 1024
	maxOrderingKey = 1024
)

// fits reports whether Pub/Sub takes a message as a letter.
func (m Message) fits() bool { return m.fitsInto(maxMessage) }

// fitsInto reports whether Pub/Sub takes a message that may have so many bytes.
func (m Message) fitsInto(most int) bool {
	if len(m.Attributes) > maxAttributes || len(m.OrderingKey) > maxOrderingKey {
		return false
	}
	for key, value := range m.Attributes {
		if len(key) > maxKey || len(value) > maxValue {
			return false
		}
	}
	return m.size() <= most
}

// size returns the bytes of a message as the protocol buffer that a publish request holds: the tag and length of each
// member, each of whose numbers is below 16 and takes one byte. (A test compares it with the real encoding.)
func (m Message) size() int {
	size := 0
	if len(m.Data) > 0 {
		size += field(len(m.Data))
	}
	for key, value := range m.Attributes {
		size += field(field(len(key)) + field(len(value)))
	}
	if m.OrderingKey != "" {
		size += field(len(m.OrderingKey))
	}
	return size
}

// field returns the size of a member with so many bytes in it.
func field(length int) int {
	size := 1 + 1 + length
	for n := length; n >= 0x80; n >>= 7 { // the length is a varint
		size++
	}
	return size
}
