package pubsubsim

import (
	"context"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Stats are sums since the broker was made or reset, and what there is at the moment.
type Stats struct {
	Topics        map[string]TopicStats        `json:"topics"`
	Subscriptions map[string]SubscriptionStats `json:"subscriptions"`
}

// TopicStats are the sums of a topic.
type TopicStats struct {
	Published uint64 `json:"published"`
}

// SubscriptionStats are the sums of a subscription. Of all messages published to it, each is acknowledged, or dead
// lettered, or expired, or purged, or in the backlog: Published = Acks - UndoneAcks + DeadLettered + Expired + Purged
// + Backlog.
type SubscriptionStats struct {
	Published     uint64 `json:"published"`      // to the topic since the subscription exists
	Deliveries    uint64 `json:"deliveries"`     // first ones, redeliveries and duplicates
	Redeliveries  uint64 `json:"redeliveries"`   // of those, all but the first one of each message
	Acks          uint64 `json:"acks"`           // that took effect
	UndoneAcks    uint64 `json:"undone_acks"`    // of those, undone because an earlier message of the key failed
	DroppedAcks   uint64 `json:"dropped_acks"`   // out of order
	LostAcks      uint64 `json:"lost_acks"`      // by Faults.LostAck
	StaleAckIDs   uint64 `json:"stale_ack_ids"`  // in acks and nacks: answered before, failed, or superseded
	Nacks         uint64 `json:"nacks"`          // that took effect
	ExpiredLeases uint64 `json:"expired_leases"` // of deliveries that were still the message's last
	DeadLettered  uint64 `json:"dead_lettered"`
	Expired       uint64 `json:"expired"` // not acknowledged within the retention
	Purged        uint64 `json:"purged"`
	EndedStreams  uint64 `json:"ended_streams"`

	Streams     int `json:"streams"`
	Outstanding int `json:"outstanding"` // messages delivered and not acknowledged, whose lease runs
	Backlog     int `json:"backlog"`     // messages not acknowledged, outstanding ones included
}

// Stats returns the statistics of all topics and subscriptions.
func (b *Broker) Stats() Stats {
	b.mu.Lock()
	defer b.mu.Unlock()
	stats := Stats{
		Topics:        make(map[string]TopicStats, len(b.topics)),
		Subscriptions: make(map[string]SubscriptionStats, len(b.subscriptions)),
	}
	for name, t := range b.topics {
		stats.Topics[name] = TopicStats{Published: t.published}
	}
	for name, s := range b.subscriptions {
		stats.Subscriptions[name] = s.snapshot()
	}
	return stats
}

// Await blocks until one of these is so of a subscription, or ctx is done, and returns its statistics then. Wanted are
// streams, outstanding and backlog, which must be equal, and acks, lost_acks, dropped_acks and ended_streams, which must have
// come so far. The error is InvalidArgument for another name or none, NotFound, or that of ctx.
func (b *Broker) Await(ctx context.Context, name string, wanted map[string]uint64) (stats SubscriptionStats, err error) {
	if len(wanted) == 0 {
		return stats, status.Error(codes.InvalidArgument, "await: nothing is waited for")
	}
	for what := range wanted {
		if _, _, known := stats.value(what); !known {
			return stats, status.Errorf(codes.InvalidArgument, "await: cannot wait for %q", what)
		}
	}
	waiting := b.mu.Await(ctx, func() (bool, time.Time) {
		var s *subscription
		if s, err = b.subscription(name); err != nil {
			return true, time.Time{}
		}
		stats = s.snapshot()
		return stats.reach(wanted), time.Time{}
	})
	if waiting != nil {
		return stats, status.FromContextError(waiting).Err()
	}
	return stats, err
}

// reach reports whether one of the wanted statistics is reached.
func (s SubscriptionStats) reach(wanted map[string]uint64) bool {
	for name, want := range wanted {
		if have, sum, _ := s.value(name); have == want || sum && have > want {
			return true
		}
	}
	return false
}

// value is one of the statistics by its name in JSON, and whether it is a sum.
func (s SubscriptionStats) value(name string) (n uint64, sum, known bool) {
	switch name {
	case "streams":
		return uint64(s.Streams), false, true
	case "outstanding":
		return uint64(s.Outstanding), false, true
	case "backlog":
		return uint64(s.Backlog), false, true
	case "acks":
		return s.Acks, true, true
	case "lost_acks":
		return s.LostAcks, true, true
	case "dropped_acks":
		return s.DroppedAcks, true, true
	case "ended_streams":
		return s.EndedStreams, true, true
	}
	return 0, false, false
}

func (s *subscription) snapshot() SubscriptionStats {
	stats := s.stats
	stats.Streams = len(s.streams)
	stats.Outstanding = s.outstanding
	stats.Backlog = s.backlog()
	return stats
}

// backlog is how many messages are not acknowledged.
func (s *subscription) backlog() int { return s.messages.Len() - s.retained }
