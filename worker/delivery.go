package worker

import (
	"context"
	"time"

	"github.com/contactrelay/contactrelay/deadletter"
	"github.com/contactrelay/contactrelay/messages"
)

// source is what the worker needs of a subscription.
type source interface {
	// Ordered reports whether the subscription delivers the messages of a key in their order.
	Ordered(ctx context.Context) (bool, error)
	// Streams is how many streams there are; the messages of a key stay on one while it holds any.
	Streams() int
	// Receive hands over every delivery of a stream, those of a key one after the other, until ctx is done or the
	// stream fails for good. It returns when everything handed over was answered; nil if ctx was done.
	Receive(ctx context.Context, stream int, take func(context.Context, delivery)) error
}

// topic is what the worker needs of the dead-letter topic: it blocks until the message is confirmed.
type topic interface {
	Publish(ctx context.Context, m deadletter.Message) error
}

// outcomeTopic is what the worker needs of the outcome topic: it publishes messages of one ordering key, blocks until each
// is confirmed or one has failed, and returns how many were confirmed, from the first on, and why the next was not. Those
// behind that one may have been published all the same; it can be called again with them.
type outcomeTopic interface {
	PublishAll(ctx context.Context, all []messages.Message) (confirmed int, err error)
}

// delivery is one message as Pub/Sub delivered it.
type delivery struct {
	id      string // Pub/Sub's own
	publish time.Time
	message messages.Message
	stream  int // on which it came; set by the worker
	answer  answer
}

// answer is how a delivery is settled: exactly one of the two, once.
type answer interface {
	Ack()
	Nack()
}

// bytes is what a delivery counts for in the limit of bytes held.
func (d *delivery) bytes() int {
	n := len(d.message.Data) + len(d.message.OrderingKey)
	for name, value := range d.message.Attributes {
		n += len(name) + len(value)
	}
	return n
}
