package pubsubsim

import "time"

// Waiting is a message that is not acknowledged.
type Waiting struct {
	ID          string            `json:"id"`
	OrderingKey string            `json:"ordering_key,omitempty"`
	Attributes  map[string]string `json:"attributes,omitempty"`
	PublishTime time.Time         `json:"publish_time"`
	Deliveries  int               `json:"deliveries"`
	Outstanding bool              `json:"outstanding"` // delivered, and its lease runs
	Data        []byte            `json:"data,omitempty"`
}

// Backlog returns all unacknowledged messages of a subscription in the order of their publication, the first limit of
// them if limit is over 0. Attributes and data are shared: they must not be changed.
func (b *Broker) Backlog(subscription string, limit int) ([]Waiting, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s, err := b.subscription(subscription)
	if err != nil {
		return nil, err
	}
	count := s.backlog()
	if limit > 0 {
		count = min(count, limit)
	}
	backlog := make([]Waiting, 0, count)
	for at := s.messages.Front(); at != nil && len(backlog) < count; at = at.Next() {
		if e := at.Value.(*entry); !e.settled() {
			backlog = append(backlog, e.waiting())
		}
	}
	return backlog, nil
}

func (e *entry) waiting() Waiting {
	m := e.message
	return Waiting{
		ID:          m.ID,
		OrderingKey: m.OrderingKey,
		Attributes:  m.Attributes,
		PublishTime: m.PublishTime,
		Deliveries:  e.deliveries,
		Outstanding: e.lease != nil,
		Data:        m.Data,
	}
}

// Purge drops all messages of a subscription.
func (b *Broker) Purge(subscription string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	s, err := b.subscription(subscription)
	if err != nil {
		return err
	}
	s.purge(func(*entry) bool { return true })
	return nil
}

// SeekTime drops the messages of a subscription that were published before t. Acknowledged ones do not come back,
// whatever t is: the broker does not keep them.
func (b *Broker) SeekTime(subscription string, t time.Time) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	s, err := b.subscription(subscription)
	if err != nil {
		return err
	}
	s.purge(func(e *entry) bool { return e.message.PublishTime.Before(t) })
	return nil
}

// Reset drops all messages, ends all faults and sets all statistics to zero. Topics, subscriptions and streams stay.
func (b *Broker) Reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.faults = Faults{}
	for _, t := range b.topics {
		t.published = 0
	}
	for _, s := range sortedValues(b.subscriptions) {
		for _, st := range s.streams {
			st.setCut(0)
		}
		s.purge(func(*entry) bool { return true })
		s.stats = SubscriptionStats{}
	}
}

// purge drops the oldest messages as long as they are old enough.
func (s *subscription) purge(old func(*entry) bool) {
	for e := s.oldest(); e != nil && old(e); e = s.oldest() {
		s.stats.Purged++
		s.discard(e)
	}
}
