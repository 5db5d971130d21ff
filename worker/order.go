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

// rank is the order of a message, and the publish times that count in place of its own where those ran against the order
// of delivery: for some of its contacts; see Worker.clamp. The map is not changed once it is set.
type rank struct {
	own     order
	clamped map[string]time.Time // nil: none
}

// of is the order among the changes of a contact. It is in doubt if it is not the message's own.
func (r rank) of(contact string) (o order, doubtful bool) {
	o = r.own
	at, doubtful := r.clamped[contact]
	if doubtful {
		o.published = at
	}
	return o, doubtful
}

// place gives a message its order. One that was here before keeps the order it had then, clamped publish times
// included: what was returned comes again in its place. A replay takes the order of its original, which may be held
// itself: it comes again if its letter was confirmed and it was not acknowledged. Callers hold mu.
func (w *Worker) place(h *held) {
	identity, id, published := h.identity(), h.id, h.publish
	_, h.ended = w.memory.outcome(identity)
	if h.replay = h.replayed != nil; h.replay {
		first, _ := deadletter.Received(deadletter.Message{Attributes: h.message.Attributes}, h.id, h.publish)
		original := messages.Message{OrderingKey: h.user(), Attributes: first.Attributes}
		identity, id, published = identityOf(original, first.MessageID), first.MessageID, first.PublishTime
		if same, ok := w.held[first.MessageID]; ok {
			h.rank, h.seen = same.rank, true
			return
		}
	}
	if h.rank, h.seen = w.memory.rank(identity); !h.seen {
		h.rank, h.seen = w.memory.rank(copyOf(h.user(), id))
	}
	if !h.seen {
		h.rank = rank{own: order{published, h.number}}
	}
}

// turn is the place of a message among those of its user: when it came first. A replay comes in its own place.
func (h *held) turn() int64 {
	if h.replay {
		return h.number
	}
	return h.rank.own.number
}

// copyOf names one message among those of its event: what is returned comes again as the same message.
func copyOf(user, id string) digest { return identityOf(messages.Message{OrderingKey: user}, id) }

// clamp sees to it that a message is for no contact older than what waits before it: where publish times run against the
// order of delivery, it is that order that counts. Replays, and messages that were here before, are older than what
// overtook them: their order stands.
//
// That it is the newer stays in doubt, for these contacts: a worker that was started since cannot tell it from a change
// that comes again, behind one that it came before the first time, as happens when the service forgets an
// acknowledgement.
func (w *Worker) clamp(h *held, waiting waiting) {
	if h.seen || h.fault != nil || h.replay {
		return
	}
	clamped := map[string]time.Time{}
	for _, contact := range h.contacts() {
		newest := h.rank.own.published
		waiting(h.lane(), contact, func(other *held) bool {
			if before, _ := other.rank.of(contact); !other.replay && newest.Before(before.published) {
				newest = before.published
				clamped[contact] = newest
			}
			return other.replay || other.seen // any other was clamped itself: none before it is newer
		})
	}
	if len(clamped) > 0 {
		h.rank.clamped = clamped
		w.tally.inverted()
	}
}

// waiting tells of the messages of a lane that are not finished and change a contact, newest arrival first, until each
// returns false.
type waiting func(lane, contact string, each func(*held) bool)
