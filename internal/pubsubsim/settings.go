package pubsubsim

import (
	"maps"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// The ranges and defaults that the service documents for a subscription.
const (
	minAckDeadline     = 10 * time.Second
	maxAckDeadline     = 600 * time.Second
	minRetention       = 10 * time.Minute
	maxRetention       = 31 * 24 * time.Hour
	defaultRetention   = 7 * 24 * time.Hour
	maxBackoff         = 600 * time.Second
	defaultMinBackoff  = 10 * time.Second
	minAttempts        = 5
	maxAttempts        = 100
	minExpiration      = 24 * time.Hour
	defaultExpiration  = 31 * 24 * time.Hour
	defaultAckDeadline = minAckDeadline
)

// NeverExpires as Expiration keeps an unused subscription for ever.
const NeverExpires time.Duration = -1

// SubscriptionSettings are the properties of a subscription that a user sets.
type SubscriptionSettings struct {
	Topic       string        // its name; cannot be changed
	Ordering    bool          // cannot be changed
	AckDeadline time.Duration // 10 s to 600 s; 0: 10 s
	Retention   time.Duration // of unacknowledged messages: 10 minutes to 31 days; 0: 7 days
	Retry       *RetryPolicy
	DeadLetter  *DeadLetterPolicy
	Labels      map[string]string
	Expiration  time.Duration // shown, not acted on: at least a day, or NeverExpires; 0: 31 days
}

// RetryPolicy is how long the service waits before it delivers a message again: MinBackoff after the first failure,
// twice as long after each further one, up to MaxBackoff. Both are between 0 and 600 s.
type RetryPolicy struct {
	MinBackoff time.Duration
	MaxBackoff time.Duration
}

// DeadLetterPolicy has a message forwarded to Topic when it was nacked or left to expire Attempts (5 to 100; 0: 5)
// times.
type DeadLetterPolicy struct {
	Topic    string
	Attempts int
}

// complete returns the settings with their defaults, or InvalidArgument if one is out of its range.
func (s SubscriptionSettings) complete() (SubscriptionSettings, error) {
	s.AckDeadline = orDefault(s.AckDeadline, defaultAckDeadline)
	s.Retention = orDefault(s.Retention, defaultRetention)
	s.Expiration = orDefault(s.Expiration, defaultExpiration)
	s.Labels = maps.Clone(s.Labels)
	if s.AckDeadline < minAckDeadline || s.AckDeadline > maxAckDeadline {
		return s, errRange("ack_deadline_seconds", s.AckDeadline, minAckDeadline, maxAckDeadline)
	}
	if s.Retention < minRetention || s.Retention > maxRetention {
		return s, errRange("message_retention_duration", s.Retention, minRetention, maxRetention)
	}
	if s.Expiration != NeverExpires && s.Expiration < minExpiration {
		return s, status.Errorf(codes.InvalidArgument, "The expiration_policy.ttl %v is under a day.", s.Expiration)
	}
	if s.Retry != nil {
		retry := *s.Retry
		s.Retry = &retry
		if err := retry.check(); err != nil {
			return s, err
		}
	}
	if s.DeadLetter != nil {
		policy := *s.DeadLetter
		policy.Attempts = orDefault(policy.Attempts, minAttempts)
		s.DeadLetter = &policy
		return s, policy.check()
	}
	return s, nil
}

func (p RetryPolicy) check() error {
	if p.MinBackoff < 0 || p.MinBackoff > maxBackoff {
		return errRange("minimum_backoff", p.MinBackoff, 0, maxBackoff)
	}
	if p.MaxBackoff < p.MinBackoff || p.MaxBackoff > maxBackoff {
		return errRange("maximum_backoff", p.MaxBackoff, p.MinBackoff, maxBackoff)
	}
	return nil
}

// delay returns the wait before the redelivery of a message that failed so many times.
func (p RetryPolicy) delay(failures int) time.Duration {
	d := p.MinBackoff
	for range failures - 1 {
		if d *= 2; d >= p.MaxBackoff {
			return p.MaxBackoff
		}
	}
	return d
}

func (p DeadLetterPolicy) check() error {
	if err := checkTopicName(p.Topic); err != nil {
		return err
	}
	if p.Attempts < minAttempts || p.Attempts > maxAttempts {
		return errRange("max_delivery_attempts", p.Attempts, minAttempts, maxAttempts)
	}
	return nil
}

func orDefault[T comparable](value, fallback T) T {
	var zero T
	if value == zero {
		return fallback
	}
	return value
}

func errRange[T any](field string, value, low, high T) error {
	return status.Errorf(codes.InvalidArgument, "Invalid %s: %v is not between %v and %v.", field, value, low, high)
}
