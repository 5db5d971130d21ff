package worker

import (
	"time"

	"github.com/contactrelay/contactrelay/messages"
)

// held is a message between its delivery and its settlement. Only the lane that holds it changes it, except for
// answers.
type held struct {
	id      string
	publish time.Time
	arrived time.Time
	message messages.Message
	answers []answer // guarded by Worker.mu; more than one after the message was delivered again

	change *messages.Change // nil if the message could not be decoded
	fault  *messages.Error  // why not

	tries   tries
	calls   int      // calls of the People API made so far, reads too
	batch   *batch   // how far a batch message has come; nil before its first call
	letters []letter // dead letters that are decided and not yet confirmed
	verdict verdict  // what the message ends with once its letters are confirmed
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

// identity is what a message is remembered by. It holds within its user: one event may concern several users.
func (h *held) identity() string { return h.user() + "\x00" + h.message.Identity(h.id) }

// typeName is the type in one word; unknown for a message that could not be decoded.
func (h *held) typeName() string {
	if h.change == nil {
		return messages.Type("").Short()
	}
	return h.change.Type.Short()
}

// contact names the contact for logs: the resource name, nothing for a message that could not be decoded or that
// concerns several.
func (h *held) contact() string {
	if h.change == nil {
		return ""
	}
	if names := h.change.Contacts(); len(names) == 1 {
		return names[0]
	}
	return ""
}
