package worker

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/contactrelay/contactrelay/deadletter"
)

// letter is one message for the dead-letter topic.
type letter struct {
	reason  deadletter.Reason
	message deadletter.Message
}

// maxLetterWait is the time between two tries to write a letter that could not be written.
const maxLetterWait = time.Minute

// subset is which contacts of a batch message a letter is about. The zero value means the whole message.
type subset struct {
	names []string
	of    int
}

// write adds the letters of a message, or of a part of a batch message, to those that wait to be sent: one, or
// several where the message is too large for one. It returns v, or a wait if no letter can be made of the message:
// that must never drop it.
func (w *Worker) write(h *held, v verdict, part subset) verdict {
	original, replays := deadletter.Received(deadletter.Message{
		Data: h.message.Data, Attributes: h.message.Attributes, OrderingKey: h.message.OrderingKey,
	}, h.id, h.publish)
	l := &deadletter.Letter{
		Reason: v.reason, Detail: v.detail, Fields: v.fields, CurrentEtag: v.currentEtag,
		Attempts: h.attempts(), FirstAttempt: h.firstCall(), Time: time.Now(),
		Subscription: w.config.Subscription, Worker: w.config.Version,
		ID: w.letterID(h, v, part), Replays: replays, Original: original,
	}
	if v.fact != nil {
		l.HTTPStatus, l.APIStatus = v.fact.HTTPStatus, v.fact.APIStatus
	}
	var err error
	if n := len(part.names); n > 0 && n < part.of {
		l.Split = fmt.Sprintf("%d of %d", n, part.of)
		l.Original.Data, err = bodyOf(h.message.Data, part.names)
	}
	var letters []deadletter.Message
	if err == nil {
		letters, err = l.Encode()
	}
	if err != nil {
		w.log.Error("cannot write a dead letter, holding its message", "message_id", h.id, "err", err)
		return verdict{wait: maxLetterWait, cause: causeLetter}
	}
	for _, m := range letters {
		h.letters = append(h.letters, letter{v.reason, m})
	}
	return v
}

// letterID names a letter after what it is about: should the message be returned after its letter was published, the
// next worker's letter is the same one, and a replay of both is one event.
func (w *Worker) letterID(h *held, v verdict, part subset) string {
	about := append([]string{w.config.Subscription, h.id, string(v.reason)}, part.names...)
	sum := sha256.Sum256([]byte(strings.Join(about, "\x00")))
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:16])
}

// bodyOf is the body of a batch message with only those contacts. Every value stays as the producer wrote it.
func bodyOf(body []byte, names []string) ([]byte, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil {
		return nil, fmt.Errorf("split the body: %w", err)
	}
	for _, member := range []string{"contacts", "base"} {
		if members[member] == nil {
			continue
		}
		var all map[string]json.RawMessage
		if err := json.Unmarshal(members[member], &all); err != nil {
			return nil, fmt.Errorf("split %s: %w", member, err)
		}
		some := map[string]json.RawMessage{}
		for _, name := range names {
			if value, ok := all[name]; ok {
				some[name] = value
			}
		}
		kept, err := json.Marshal(some)
		if err != nil {
			return nil, fmt.Errorf("split %s: %w", member, err)
		}
		members[member] = kept
	}
	return json.Marshal(members)
}

// send publishes the letters of a message that are not confirmed yet and reports whether all are. The message is
// held meanwhile and its People call is not repeated.
func (w *Worker) send(ctx context.Context, h *held) bool {
	for len(h.letters) > 0 {
		next := h.letters[0]
		begun := time.Now()
		err := w.dead.Publish(ctx, next.message)
		w.phase(h, spanLetter, begun, err)
		if err != nil {
			w.health.failed("dead_letters", err)
			w.unsent.Do(func() {
				w.log.ErrorContext(ctx, "cannot publish dead letters, holding their messages", "err", err)
			})
			return false
		}
		w.tally.parked(next.reason)
		h.letters = h.letters[1:]
	}
	w.health.mended("dead_letters")
	return true
}
