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

// place gives a message its order. One that was here before keeps the order it had then, a clamped publish time
// included: what was returned comes again in its place. A replay takes the order of its original, which may be held
// itself: it comes again if its letter was confirmed and it was not acknowledged. Callers hold mu.
func (w *Worker) place(h *held) {
	identity, id, published := h.identity(), h.id, h.publish
	if h.replay = h.change != nil && h.change.Replay != nil; h.replay {
		first, _ := deadletter.Received(deadletter.Message{Attributes: h.message.Attributes}, h.id, h.publish)
		original := messages.Message{OrderingKey: h.user(), Attributes: first.Attributes}
		identity, id, published = identityOf(original, first.MessageID), first.MessageID, first.PublishTime
		if same, ok := w.held[first.MessageID]; ok {
			h.order, h.seen, h.doubtful = same.order, true, same.doubtful
			return
		}
	}
	if h.order, h.seen = w.memory.order(identity); !h.seen {
		h.order, h.seen = w.memory.order(copyOf(h.user(), id))
	}
	if !h.seen {
		h.order = order{published, h.number}
	}
	h.doubtful = h.order.published.After(published) // it was clamped then
}

// copyOf names one message among those of its event: what is returned comes again as the same message.
func copyOf(user, id string) string { return identityOf(messages.Message{OrderingKey: user}, id) }

// clamp sees to it that a message is not older than what waits before it for the same contacts: where publish times run
// against the order of delivery, it is that order that counts. Replays, and messages that were here before, are older
// than what overtook them: their order stands.
//
// That it is the newer stays in doubt: a worker that was started since cannot tell it from a change that comes again,
// behind one that it came before the first time, as happens when the service forgets an acknowledgement.
func (w *Worker) clamp(h *held, waiting waiting) {
	if h.seen || h.change == nil || h.replay {
		return
	}
	inverted := false
	for _, contact := range h.change.Contacts() {
		waiting(h.lane(), contact, func(other *held) bool {
			if !other.replay && h.order.published.Before(other.order.published) {
				h.order.published, inverted = other.order.published, true
			}
			return other.replay || other.seen // any other was clamped itself: none before it is newer
		})
	}
	if h.doubtful = inverted; inverted {
		w.tally.inverted()
	}
}

// waiting tells of the messages of a lane that are not finished and change a contact, newest arrival first, until each
// returns false.
type waiting func(lane, contact string, each func(*held) bool)
