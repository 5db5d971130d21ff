package worker

import (
	"time"

	"github.com/contactrelay/contactrelay/deadletter"
	"github.com/contactrelay/contactrelay/messages"
)

// order tells which of two changes of a user was made first: by publish time, and where that ties, as it does within a
// publish call, by their first arrival in this worker. A replay has the order of its original.
type order struct {
	published time.Time
	number    int64
}

// before reports whether a change is older than another.
func (o order) before(other order) bool {
	if !o.published.Equal(other.published) {
		return o.published.Before(other.published)
	}
	return o.number < other.number
}

// place gives a message its order. One that was here before keeps the one that it had, and a replay takes that of its
// original, which may be held itself: it comes again if its letter was confirmed and it was not acknowledged. Callers hold mu.
func (w *Worker) place(h *held) {
	h.order = order{h.publish, h.number}
	identity := h.identity()
	if h.replay() {
		first, _ := deadletter.Received(deadletter.Message{Attributes: h.message.Attributes}, h.id, h.publish)
		original := messages.Message{OrderingKey: h.user(), Attributes: first.Attributes}
		identity, h.order.published = identityOf(original, first.MessageID), first.PublishTime
		if same, ok := w.held[first.MessageID]; ok {
			h.order, h.seen = same.order, true
			return
		}
	}
	if o, ok := w.memory.order(identity); ok {
		h.order, h.seen = o, true
	}
}

// clamp sees to it that a message is not older than what waits before it for the same contacts: where publish times run
// against the order of delivery, it is that order that counts. Replays, and messages that were here before, are older
// than what overtook them: their order stands.
func (w *Worker) clamp(h *held, waiting waiting) {
	if h.seen || h.change == nil || h.replay() {
		return
	}
	inverted := false
	for _, contact := range h.change.Contacts() {
		waiting(h.lane(), contact, func(other *held) {
			if !other.replay() && h.order.published.Before(other.order.published) {
				h.order.published, inverted = other.order.published, true
			}
		})
	}
	if inverted {
		w.tally.inverted()
	}
}

// waiting tells of the messages of a lane that are not finished and change a contact, oldest arrival first.
type waiting func(lane, contact string, each func(*held))
