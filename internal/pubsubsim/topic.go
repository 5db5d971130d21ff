package pubsubsim

import (
	"maps"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// TopicSettings are the properties of a topic that a user sets. The broker shows them and acts on none.
type TopicSettings struct {
	Labels    map[string]string
	Retention time.Duration // 0: none; 10 minutes to 31 days
}

func (t TopicSettings) check() error {
	if t.Retention != 0 && (t.Retention < minRetention || t.Retention > maxRetention) {
		return status.Errorf(codes.InvalidArgument, "The message_retention_duration %v is not between %v and %v.",
			t.Retention, minRetention, maxRetention)
	}
	return nil
}

type topic struct {
	name          string
	settings      TopicSettings
	subscriptions []*subscription // in the order of their creation
	published     uint64
}

// CreateTopic creates a topic named projects/PROJECT/topics/ID; AlreadyExists if there is one.
func (b *Broker) CreateTopic(name string, settings TopicSettings) error {
	if err := checkTopicName(name); err != nil {
		return err
	}
	if err := settings.check(); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.open(); err != nil {
		return err
	}
	if b.topics[name] != nil {
		return errExists(name)
	}
	settings.Labels = maps.Clone(settings.Labels)
	b.topics[name] = &topic{name: name, settings: settings}
	return nil
}

// Topic returns the settings of a topic.
func (b *Broker) Topic(name string) (TopicSettings, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t, err := b.topic(name)
	if err != nil {
		return TopicSettings{}, err
	}
	return t.settings, nil
}

// UpdateTopic replaces the settings of a topic.
func (b *Broker) UpdateTopic(name string, settings TopicSettings) error {
	if err := settings.check(); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	t, err := b.topic(name)
	if err != nil {
		return err
	}
	settings.Labels = maps.Clone(settings.Labels)
	t.settings = settings
	return nil
}

// DeleteTopic deletes a topic. Its subscriptions keep what they have.
func (b *Broker) DeleteTopic(name string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	t, err := b.topic(name)
	if err != nil {
		return err
	}
	for _, s := range t.subscriptions {
		s.settings.Topic = deletedTopic
		s.topic = nil
	}
	delete(b.topics, name)
	return nil
}

// Topics returns the names of a project's topics, sorted. The project is named projects/PROJECT.
func (b *Broker) Topics(project string) ([]string, error) {
	if err := checkProjectName(project); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return namesOf(b.topics, project), b.open()
}

// TopicSubscriptions returns the names of a topic's subscriptions, sorted.
func (b *Broker) TopicSubscriptions(name string) ([]string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t, err := b.topic(name)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, s := range t.subscriptions {
		names = append(names, s.name)
	}
	slices.Sort(names)
	return names, nil
}

// topic finds a topic. The lock is held.
func (b *Broker) topic(name string) (*topic, error) {
	if err := checkTopicName(name); err != nil {
		return nil, err
	}
	if err := b.open(); err != nil {
		return nil, err
	}
	if t := b.topics[name]; t != nil {
		return t, nil
	}
	return nil, errNotFound(name)
}

func namesOf[V any](resources map[string]V, project string) []string {
	var names []string
	for name := range resources {
		if strings.HasPrefix(name, project+"/") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func sortedValues[V any](m map[string]V) []V {
	values := make([]V, 0, len(m))
	for _, name := range slices.Sorted(maps.Keys(m)) {
		values = append(values, m[name])
	}
	return values
}

// forget takes a deleted subscription from the topic.
func (t *topic) forget(s *subscription) {
	t.subscriptions = slices.DeleteFunc(t.subscriptions, func(o *subscription) bool { return o == s })
}
