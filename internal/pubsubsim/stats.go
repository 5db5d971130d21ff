package pubsubsim

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

func (s *subscription) snapshot() SubscriptionStats {
	stats := s.stats
	stats.Streams = len(s.streams)
	stats.Outstanding = s.outstanding
	stats.Backlog = s.backlog()
	return stats
}

// backlog is how many messages are not acknowledged.
func (s *subscription) backlog() int { return s.messages.Len() - s.retained }
