package pubsubsim

import (
	"container/list"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// subscription is a backlog and what was handed out of it. The broker's lock guards it.
type subscription struct {
	broker   *Broker
	name     string
	settings SubscriptionSettings
	topic    *topic // nil: deleted

	messages list.List            // of *entry: all that are not forgotten, in publish order
	retained int                  // those of them that are acknowledged, behind one whose acknowledgement was lost
	keys     map[string]*keyQueue // by ordering key
	ready    list.List            // of *keyQueue: those with something to deliver that no stream holds
	aging    alarm                // for the oldest message's retention

	leases      map[uint64]*lease // by number
	outstanding int               // leases that count: delivered, neither acknowledged nor failed
	ackPrefix   string            // of all its ack IDs
	streams     []*Stream
	stats       SubscriptionStats
}

// CreateSubscription creates a subscription named projects/PROJECT/subscriptions/ID, to be given what is published to
// its topic from now on. NotFound: there is no such topic, or no such dead-letter topic.
func (b *Broker) CreateSubscription(name string, settings SubscriptionSettings) error {
	if err := checkSubscriptionName(name); err != nil {
		return err
	}
	settings, err := settings.complete()
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.open(); err != nil {
		return err
	}
	if b.subscriptions[name] != nil {
		return errExists(name)
	}
	t, err := b.topic(settings.Topic)
	if err != nil {
		return err
	}
	if err := b.checkDeadLetterTopic(settings); err != nil {
		return err
	}
	s := &subscription{
		broker:    b,
		name:      name,
		settings:  settings,
		topic:     t,
		keys:      make(map[string]*keyQueue),
		leases:    make(map[uint64]*lease),
		ackPrefix: ackPrefix(b.number()),
	}
	s.aging = alarm{number: b.number(), owner: retention{s}}
	b.subscriptions[name] = s
	t.subscriptions = append(t.subscriptions, s)
	return nil
}

func (b *Broker) checkDeadLetterTopic(settings SubscriptionSettings) error {
	if settings.DeadLetter == nil {
		return nil
	}
	_, err := b.topic(settings.DeadLetter.Topic)
	return err
}

// Subscription returns the settings of a subscription, defaults filled in.
func (b *Broker) Subscription(name string) (SubscriptionSettings, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s, err := b.subscription(name)
	if err != nil {
		return SubscriptionSettings{}, err
	}
	return s.settings, nil
}

// UpdateSubscription replaces the settings of a subscription. InvalidArgument: the topic or the ordering would change.
func (b *Broker) UpdateSubscription(name string, settings SubscriptionSettings) error {
	settings, err := settings.complete()
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	s, err := b.subscription(name)
	if err != nil {
		return err
	}
	if settings.Topic != s.settings.Topic || settings.Ordering != s.settings.Ordering {
		return status.Error(codes.InvalidArgument, "The topic and enable_message_ordering of a subscription are "+
			"immutable.")
	}
	if err := b.checkDeadLetterTopic(settings); err != nil {
		return err
	}
	s.settings = settings
	s.age()
	return nil
}

// DeleteSubscription deletes a subscription and its messages. Its streams end with NotFound.
func (b *Broker) DeleteSubscription(name string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	s, err := b.subscription(name)
	if err != nil {
		return err
	}
	s.endStreams(errNotFound(name))
	s.purge(func(*entry) bool { return true })
	delete(b.subscriptions, name)
	if t := s.topic; t != nil {
		t.forget(s)
	}
	return nil
}

// Subscriptions returns the names of a project's subscriptions, sorted. The project is named projects/PROJECT.
func (b *Broker) Subscriptions(project string) ([]string, error) {
	if err := checkProjectName(project); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return namesOf(b.subscriptions, project), b.open()
}

// subscription finds a subscription. The lock is held.
func (b *Broker) subscription(name string) (*subscription, error) {
	if err := checkSubscriptionName(name); err != nil {
		return nil, err
	}
	if err := b.open(); err != nil {
		return nil, err
	}
	if s := b.subscriptions[name]; s != nil {
		return s, nil
	}
	return nil, errNotFound(name)
}

// consumed finds a subscription for one who receives from it or acknowledges: that may be forbidden for the time being.
func (b *Broker) consumed(name string) (*subscription, error) {
	s, err := b.subscription(name)
	if err != nil {
		return nil, err
	}
	return s, b.faults.receiveError(name)
}
