package pubsubsim

import (
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// subscriptionSettings reads what a user sets. Unimplemented: the simulator would not do what a setting asks for.
func subscriptionSettings(p *pubsubpb.Subscription) (SubscriptionSettings, error) {
	push := p.GetPushConfig()
	switch {
	case push.GetPushEndpoint() != "" || len(push.GetAttributes()) > 0 || push.GetAuthenticationMethod() != nil:
		return SubscriptionSettings{}, unsupported("push subscriptions")
	case p.GetBigqueryConfig() != nil || p.GetCloudStorageConfig() != nil || p.GetBigtableConfig() != nil:
		return SubscriptionSettings{}, unsupported("export subscriptions")
	case p.GetFilter() != "":
		return SubscriptionSettings{}, unsupported("filters")
	case p.GetEnableExactlyOnceDelivery():
		return SubscriptionSettings{}, unsupported("exactly-once delivery")
	case p.GetRetainAckedMessages():
		return SubscriptionSettings{}, unsupported("retained acknowledged messages")
	case len(p.GetMessageTransforms()) > 0:
		return SubscriptionSettings{}, unsupported("message transforms")
	}
	s := SubscriptionSettings{
		Topic:       p.GetTopic(),
		Ordering:    p.GetEnableMessageOrdering(),
		AckDeadline: time.Duration(p.GetAckDeadlineSeconds()) * time.Second,
		Retention:   p.GetMessageRetentionDuration().AsDuration(),
		Labels:      p.GetLabels(),
		Expiration:  expiration(p.GetExpirationPolicy()),
		Retry:       retryPolicy(p.GetRetryPolicy()),
	}
	if d := p.GetDeadLetterPolicy(); d != nil {
		s.DeadLetter = &DeadLetterPolicy{Topic: d.GetDeadLetterTopic(), Attempts: int(d.GetMaxDeliveryAttempts())}
	}
	return s, nil
}

func expiration(p *pubsubpb.ExpirationPolicy) time.Duration {
	switch {
	case p == nil:
		return 0
	case p.GetTtl() == nil:
		return NeverExpires
	default:
		return p.GetTtl().AsDuration()
	}
}

func retryPolicy(p *pubsubpb.RetryPolicy) *RetryPolicy {
	if p == nil {
		return nil
	}
	r := &RetryPolicy{MinBackoff: defaultMinBackoff, MaxBackoff: maxBackoff}
	if p.GetMinimumBackoff() != nil {
		r.MinBackoff = p.GetMinimumBackoff().AsDuration()
	}
	if p.GetMaximumBackoff() != nil {
		r.MaxBackoff = p.GetMaximumBackoff().AsDuration()
	}
	return r
}

// update takes the setting that a field mask's path names from wanted.
func (s *SubscriptionSettings) update(path string, wanted SubscriptionSettings) error {
	switch path {
	case "ack_deadline_seconds":
		s.AckDeadline = wanted.AckDeadline
	case "message_retention_duration":
		s.Retention = wanted.Retention
	case "labels":
		s.Labels = wanted.Labels
	case "expiration_policy":
		s.Expiration = wanted.Expiration
	case "retry_policy":
		s.Retry = wanted.Retry
	case "dead_letter_policy":
		s.DeadLetter = wanted.DeadLetter
	default:
		return errMaskPath(path)
	}
	return nil
}

// subscriptionProto writes a subscription as the service shows it.
func subscriptionProto(name string, s SubscriptionSettings) *pubsubpb.Subscription {
	p := &pubsubpb.Subscription{
		Name:                     name,
		Topic:                    s.Topic,
		PushConfig:               &pubsubpb.PushConfig{},
		AckDeadlineSeconds:       int32(s.AckDeadline / time.Second),
		MessageRetentionDuration: durationpb.New(s.Retention),
		Labels:                   s.Labels,
		EnableMessageOrdering:    s.Ordering,
		ExpirationPolicy:         &pubsubpb.ExpirationPolicy{},
		State:                    pubsubpb.Subscription_ACTIVE,
	}
	if s.Expiration != NeverExpires {
		p.ExpirationPolicy.Ttl = durationpb.New(s.Expiration)
	}
	if s.Retry != nil {
		p.RetryPolicy = &pubsubpb.RetryPolicy{
			MinimumBackoff: durationpb.New(s.Retry.MinBackoff),
			MaximumBackoff: durationpb.New(s.Retry.MaxBackoff),
		}
	}
	if s.DeadLetter != nil {
		p.DeadLetterPolicy = &pubsubpb.DeadLetterPolicy{
			DeadLetterTopic:     s.DeadLetter.Topic,
			MaxDeliveryAttempts: int32(s.DeadLetter.Attempts),
		}
	}
	return p
}

func receivedMessages(deliveries []Delivery) []*pubsubpb.ReceivedMessage {
	received := make([]*pubsubpb.ReceivedMessage, len(deliveries))
	for i, d := range deliveries {
		received[i] = &pubsubpb.ReceivedMessage{
			AckId:           d.AckID,
			DeliveryAttempt: int32(d.Attempt),
			Message: &pubsubpb.PubsubMessage{
				Data:        d.Message.Data,
				Attributes:  d.Message.Attributes,
				MessageId:   d.Message.ID,
				PublishTime: timestamppb.New(d.Message.PublishTime),
				OrderingKey: d.Message.OrderingKey,
			},
		}
	}
	return received
}
