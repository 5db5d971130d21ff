package worker

import (
	"context"
	"fmt"
	"time"

	"cloud.google.com/go/pubsub/v2"

	"github.com/contactrelay/contactrelay/messages"
)

// outcomeDelay is how long the client gathers messages for a request. The outbox has gathered them already.
const outcomeDelay = time.Millisecond

// OutcomeTopic publishes outcomes to a Pub/Sub topic through the real client. It is safe for concurrent use with
// different ordering keys.
type OutcomeTopic struct {
	publisher *pubsub.Publisher
}

// NewOutcomeTopic prepares to publish to the topic of that full name. It dials nothing.
func NewOutcomeTopic(client *pubsub.Client, name string) *OutcomeTopic {
	p := client.Publisher(name)
	p.EnableMessageOrdering = true
	p.PublishSettings.Timeout = publishTimeout
	p.PublishSettings.DelayThreshold = outcomeDelay
	return &OutcomeTopic{publisher: p}
}

// PublishAll publishes messages of one ordering key in their order and blocks until all are confirmed or have failed. It
// returns how many were confirmed from the first on, and why the next was not.
//
// After a failure the client pauses the key and refuses the messages behind. Only when it has given up all of them is the
// key resumed: else they would be sent before the one that failed comes again.
func (t *OutcomeTopic) PublishAll(ctx context.Context, all []messages.Message) (confirmed int, err error) {
	results := make([]*pubsub.PublishResult, len(all))
	for i, m := range all {
		results[i] = t.publisher.Publish(ctx, &pubsub.Message{Data: m.Data, Attributes: m.Attributes, OrderingKey: m.OrderingKey})
	}
	for _, r := range results {
		_, failure := r.Get(ctx)
		switch {
		case failure == nil && err == nil:
			confirmed++
		case err == nil:
			err = fmt.Errorf("publish to %s: %w", t.publisher.ID(), discreet(failure))
		}
	}
	if key := all[0].OrderingKey; err != nil && key != "" {
		t.publisher.ResumePublish(key)
	}
	return confirmed, err
}
