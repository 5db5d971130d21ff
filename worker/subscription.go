package worker

import (
	"context"
	"fmt"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"

	"github.com/contactrelay/contactrelay/messages"
)

const (
	// streams is how many streams a subscription is received on. A key stays on one stream, so a stream that a hot key fills
	// does not stop the others.
	streams = 4
	// maxExtension is how long the client keeps the lease of a held message; with the client's default of an hour
	// a message that waits longer is silently given up and delivered again.
	maxExtension = 24 * time.Hour
	// extension is by how much a lease is extended at a time. The client's default follows the 99th percentile of
	// the time to ack and asks again every few seconds for messages that wait for minutes.
	extension = 60 * time.Second
)

// Subscription receives from a Pub/Sub subscription through the real client, on several streams.
//
// Each stream is a Subscriber of its own and not one of NumGoroutines of one: there, a stream that fails for good makes
// Receive wait until everything that the others hold is settled, for hours if a user waits for a quota, and until then
// what they still deliver meets a cancelled context.
type Subscription struct {
	client  *pubsub.Client
	pulls   *Pulls
	name    string
	streams []*pubsub.Subscriber
}

// NewSubscription prepares to receive from the subscription of that full name, with at most the given number of
// messages and bytes outstanding, a quarter on each stream. The client is made with the ClientOptions of pulls. It dials
// nothing. Closing the client is the caller's.
func NewSubscription(client *pubsub.Client, pulls *Pulls, name string, maxMessages, maxBytes int) *Subscription {
	s := &Subscription{client: client, pulls: pulls, name: name}
	for stream := range streams {
		subscriber := client.Subscriber(name)
		subscriber.ReceiveSettings.NumGoroutines = 1
		subscriber.ReceiveSettings.EnablePerStreamFlowControl = true
		subscriber.ReceiveSettings.MaxOutstandingMessages = outstanding(maxMessages/streams, stream)
		subscriber.ReceiveSettings.MaxOutstandingBytes = max(1, maxBytes/streams)
		subscriber.ReceiveSettings.MaxExtension = maxExtension
		subscriber.ReceiveSettings.MinDurationPerAckExtension = extension
		s.streams = append(s.streams, subscriber)
	}
	return s
}

// Streams is how many streams there are.
func (s *Subscription) Streams() int { return len(s.streams) }

// Ordered reports whether the subscription has message ordering. It blocks for one call.
func (s *Subscription) Ordered(ctx context.Context) (bool, error) {
	got, err := s.client.SubscriptionAdminClient.GetSubscription(ctx, &pubsubpb.GetSubscriptionRequest{Subscription: s.name})
	if err != nil {
		return false, fmt.Errorf("read the settings of %s: %w", s.name, err)
	}
	return got.EnableMessageOrdering, nil
}

// Receive hands over the deliveries of one stream until ctx is done and what is under way then has come. The client
// calls take for the messages of a key one after the other. The client's own timed shutdown is not used: with it, acks
// that handlers gave get lost.
func (s *Subscription) Receive(ctx context.Context, stream int, take func(context.Context, delivery)) error {
	receiving, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	defer context.AfterFunc(ctx, func() {
		s.pulls.hangUp()
		stop()
	})()
	err := s.streams[stream].Receive(receiving, func(ctx context.Context, m *pubsub.Message) {
		take(ctx, delivery{
			id:      m.ID,
			publish: m.PublishTime,
			message: messages.Message{OrderingKey: m.OrderingKey, Attributes: m.Attributes, Data: m.Data},
			answer:  pacedAnswer{m, &s.pulls.acks[stream]},
		})
	})
	if err != nil {
		return fmt.Errorf("receive from %s: %w", s.name, err)
	}
	return nil
}
