package worker

import (
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/contactrelay/contactrelay/messages"
)

// held is a message between its delivery and its settlement. Only the lane that holds it changes it, except for
// answers.
type held struct {
	id      string
	publish time.Time
	arrived time.Time
	message messages.Message
	event   digest   // of its identity, once that was asked for
	answers []answer // guarded by Worker.mu; more than one after the message was delivered again

	fault    *messages.Error  // why the message could not be decoded; nil if it could
	replayed *messages.Replay // of the dead letter that it replays; nil if it is none
	kind     string           // the type in one word; unknown if it is none of the known

	number  int64    // of its arrival among all messages of this worker
	rank    rank     // among the changes of its contacts
	seen    bool     // it was here before, or its original was if it is a replay
	ended   bool     // it was settled before, or its event was
	replay  bool     // it is a dead letter that an operator has published again
	parts   []*part  // what it wants, by contact
	calls   int      // calls of the People API made so far, reads too
	letters []letter // dead letters that are decided and not yet confirmed
	sending tries    // of their publication, and of calls that panicked
	verdict verdict  // what the message ends with once its letters are confirmed

	settled *Settlement // once it has ended

	span trace.Span // from the delivery to the answer
	idle time.Time  // since then nothing is done for it: it waits in the lane, or for its turn to be answered
}

// user is the ordering key: whose contacts change. Empty if the message has none.
func (h *held) user() string { return h.message.OrderingKey }

// lane is the key of the lane the message stands in. A message without a user orders with no other: it has a lane
// of its own.
func (h *held) lane() string {
	if h.user() == "" {
		return "\x00" + h.id
	}
	return h.user()
}

// identity is what a message is remembered by. It holds within its user: one event may concern several users. Messages
// without a user share no identity: each has its letter. It is worked out when it is needed first.
func (h *held) identity() digest {
	if h.event == (digest{}) {
		h.event = identityOf(h.message, h.id)
	}
	return h.event
}

func identityOf(m messages.Message, id string) digest {
	if m.OrderingKey == "" {
		return digestOf("", id)
	}
	return digestOf(m.OrderingKey, m.Identity(id))
}

// typeName is the type in one word, by what the message says of itself even if it could not be decoded; unknown for a
// type that is none.
func (h *held) typeName() string {
	return messages.Type(h.message.Attributes[messages.AttrType]).Short()
}

// contact names the contact for logs: the resource name, nothing for a message that could not be decoded or that
// concerns several.
func (h *held) contact() string {
	if len(h.parts) == 1 {
		return h.parts[0].resource
	}
	return ""
}

// contacts is the resource names of those that the message changes.
func (h *held) contacts() []string {
	names := make([]string, len(h.parts))
	for i, p := range h.parts {
		names[i] = p.resource
	}
	return names
}

// attempts is how many calls that count were made for the message: the most that any of its contacts had.
func (h *held) attempts() (n int) {
	for _, p := range h.parts {
		n = max(n, p.tries.calls)
	}
	return n
}

// firstCall is when the first call was made for the message; zero if none was.
func (h *held) firstCall() (first time.Time) {
	for _, p := range h.parts {
		if t := p.tries.first; !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first
}

// letGo drops what is not needed any more once the message has ended: it may still wait for its turn to be answered.
func (h *held) letGo() {
	h.message.Data, h.parts, h.fault, h.letters = nil, nil, nil, nil
}
