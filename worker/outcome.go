package worker

import (
	"time"

	peopleapi "google.golang.org/api/people/v1"

	"github.com/contactrelay/contactrelay/deadletter"
	"github.com/contactrelay/contactrelay/messages"
)

// left is how a change left its contact, as its producer is told.
type left struct {
	etag   string // of the source; "" if no answer told
	unseen bool   // the etag may stand for what others changed since the one that the change carried
	person *peopleapi.Person
}

// saw notes the etag that a read showed. Others may have brought it about.
func (p *part) saw(read string) { p.left = left{etag: read, unseen: true} }

// announce puts the outcome of a message into the outbox, if there is a topic for it. The message is acknowledged
// afterwards and does not wait for the confirmation: what the change did cannot be taken back, and a topic that is gone
// must not hold up a user.
func (w *Worker) announce(h *held) {
	if w.config.Outcomes == nil {
		return
	}
	if h.message.Attributes[messages.AttrType] == messages.OutcomeType {
		return // the two topics are one by mistake: an outcome of an outcome would come in too, without end
	}
	o := w.outcome(h)
	m, err := messages.EncodeOutcome(o)
	if err != nil {
		for name, c := range o.Contacts {
			c.Person = nil // the answers of many contacts can exceed a message; their etags cannot
			o.Contacts[name] = c
		}
		m, err = messages.EncodeOutcome(o)
	}
	if err != nil {
		w.tally.announced("dropped", 1)
		w.log.Error("cannot write an outcome", "message_id", h.id, "err", err)
		return
	}
	w.outbox.add(m)
}

// outcome is the event that tells how a message ended.
func (w *Worker) outcome(h *held) *messages.Outcome {
	a, v := h.message.Attributes, h.verdict
	o := &messages.Outcome{
		User: h.user(), ID: deadletter.NewID(), Time: time.Now(),
		Source: "//pubsub.googleapis.com/" + w.config.Subscription,
		OutcomeBody: messages.OutcomeBody{
			Event: messages.Event{
				Type: a[messages.AttrType], ID: a[messages.AttrID], Source: a[messages.AttrSource],
				MessageID: h.id, Letter: a[messages.AttrReplayLetter],
			},
			Result: messages.Result(v.outcome),
		},
	}
	if o.Event.Letter != "" {
		original, _ := deadletter.Received(deadletter.Message{Attributes: a}, h.id, h.publish)
		o.Event.MessageID = original.MessageID
	}
	if v.outcome == DeadLettered {
		o.Reason, o.Fields = string(v.reason), v.fields
	}
	for _, p := range h.parts {
		if o.Contacts == nil {
			o.Contacts = make(map[string]messages.ContactOutcome, len(h.parts))
		}
		o.Contacts[p.resource] = w.contactOutcome(h, p)
	}
	return o
}

// contactOutcome is what became of the change of one contact.
func (w *Worker) contactOutcome(h *held, p *part) messages.ContactOutcome {
	var v verdict
	switch {
	case p.parked != nil:
		v = *p.parked
	case !p.done:
		v = h.verdict // the whole message was parked before its turn came
	default:
		l := p.left
		if l.etag == "" {
			l = w.remembered(h, p)
		}
		return messages.ContactOutcome{Result: messages.Result(p.outcome()), Etag: l.etag, Unseen: l.etag != "" && l.unseen, Person: l.person}
	}
	return messages.ContactOutcome{
		Result: messages.Result(v.outcome), Reason: string(v.reason), Fields: v.fields,
		Etag: v.currentEtag, Unseen: v.currentEtag != "",
	}
}

// remembered is how a contact was left that was not asked about because of what is known of it: by our own last write.
func (w *Worker) remembered(h *held, p *part) left {
	known := w.histories.of(h.user(), p.resource)
	end := known.chain.end
	return left{etag: end, unseen: known.guard(p.etag) != etag{value: end}}
}
