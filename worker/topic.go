package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cloud.google.com/go/pubsub/v2"

	"github.com/contactrelay/contactrelay/deadletter"
)

// publishTimeout bounds how long the client tries to publish one letter by itself; after that the worker decides.
const publishTimeout = 20 * time.Second

// Topic publishes dead letters to a Pub/Sub topic through the real client.
type Topic struct {
	publisher *pubsub.Publisher
}

// NewTopic prepares to publish to the topic of that full name. It dials nothing.
func NewTopic(client *pubsub.Client, name string) *Topic {
	p := client.Publisher(name)
	p.EnableMessageOrdering = true
	p.PublishSettings.Timeout = publishTimeout
	return &Topic{publisher: p}
}

// Publish sends a message and blocks until the service confirmed it. After an error the same message can be
// published again: the client pauses an ordering key that failed, and Publish resumes it.
func (t *Topic) Publish(ctx context.Context, m deadletter.Message) error {
	result := t.publisher.Publish(ctx, &pubsub.Message{Data: m.Data, Attributes: m.Attributes, OrderingKey: m.OrderingKey})
	if _, err := result.Get(ctx); err != nil {
		if m.OrderingKey != "" {
			t.publisher.ResumePublish(m.OrderingKey)
		}
		return fmt.Errorf("publish to %s: %w", t.publisher.ID(), discreet(err))
	}
	return nil
}

// discreet is an error of the client without the ordering key that it may name: that is a user.
func discreet(err error) error {
	if _, ok := errors.AsType[pubsub.ErrPublishingPaused](err); ok {
		return errors.New("an earlier message of the user could not be published")
	}
	return err
}
