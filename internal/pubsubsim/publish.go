package pubsubsim

import (
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Publish stores messages, in their order, for every subscription that the topic has now, and returns their IDs. The
// IDs and publish times that the messages come with are not looked at. All must have the same ordering key.
//
// After an Unavailable error nobody knows whether they were stored.
func (b *Broker) Publish(topic string, messages []Message) ([]string, error) {
	if err := checkMessages(messages); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	t, err := b.topic(topic)
	if err != nil {
		return nil, err
	}
	if b.faults.PublishDenied {
		return nil, status.Error(codes.PermissionDenied, "User not authorized to perform this action.")
	}
	if b.happens(b.faults.PublishLost) {
		return nil, errPublish()
	}
	now := publishTime()
	ids := make([]string, len(messages))
	for i, m := range messages {
		m.ID, m.PublishTime = b.messageIDs.next(), now
		ids[i] = m.ID
		t.store(b, &m)
	}
	if b.happens(b.faults.PublishUnconfirmed) {
		return nil, errPublish()
	}
	return ids, nil
}

// store gives m to all subscriptions.
func (t *topic) store(b *Broker, m *Message) {
	t.published++
	number, size := b.number(), m.size()
	for _, s := range t.subscriptions {
		s.add(&entry{message: m, number: number, size: size})
	}
}

func publishTime() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

func errPublish() error {
	return status.Error(codes.Unavailable, "The service was unable to fulfill your request. Please try again.")
}
