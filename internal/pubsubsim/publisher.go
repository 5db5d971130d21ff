package pubsubsim

import (
	"context"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/emptypb"
)

// publisherService is google.pubsub.v1.Publisher over a broker.
type publisherService struct {
	pubsubpb.UnimplementedPublisherServer

	broker *Broker
}

func (p *publisherService) CreateTopic(_ context.Context, t *pubsubpb.Topic) (*pubsubpb.Topic, error) {
	settings, err := topicSettings(t)
	if err != nil {
		return nil, err
	}
	if err := p.broker.CreateTopic(t.GetName(), settings); err != nil {
		return nil, err
	}
	return p.topic(t.GetName())
}

func (p *publisherService) GetTopic(_ context.Context, r *pubsubpb.GetTopicRequest) (*pubsubpb.Topic, error) {
	return p.topic(r.GetTopic())
}

func (p *publisherService) UpdateTopic(_ context.Context, r *pubsubpb.UpdateTopicRequest) (*pubsubpb.Topic, error) {
	name := r.GetTopic().GetName()
	settings, err := p.broker.Topic(name)
	if err != nil {
		return nil, err
	}
	wanted, err := topicSettings(r.GetTopic())
	if err != nil {
		return nil, err
	}
	if len(r.GetUpdateMask().GetPaths()) == 0 {
		return nil, errMask()
	}
	for _, path := range r.GetUpdateMask().GetPaths() {
		switch path {
		case "labels":
			settings.Labels = wanted.Labels
		case "message_retention_duration":
			settings.Retention = wanted.Retention
		default:
			return nil, errMaskPath(path)
		}
	}
	if err := p.broker.UpdateTopic(name, settings); err != nil {
		return nil, err
	}
	return p.topic(name)
}

func (p *publisherService) DeleteTopic(_ context.Context, r *pubsubpb.DeleteTopicRequest) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, p.broker.DeleteTopic(r.GetTopic())
}

func (p *publisherService) ListTopics(
	_ context.Context, r *pubsubpb.ListTopicsRequest,
) (*pubsubpb.ListTopicsResponse, error) {
	names, err := p.broker.Topics(r.GetProject())
	if err != nil {
		return nil, err
	}
	names, next, err := page(names, r.GetPageSize(), r.GetPageToken())
	if err != nil {
		return nil, err
	}
	response := &pubsubpb.ListTopicsResponse{NextPageToken: next}
	for _, name := range names {
		t, err := p.topic(name)
		if err != nil {
			continue // deleted since it was listed
		}
		response.Topics = append(response.Topics, t)
	}
	return response, nil
}

func (p *publisherService) ListTopicSubscriptions(
	_ context.Context, r *pubsubpb.ListTopicSubscriptionsRequest,
) (*pubsubpb.ListTopicSubscriptionsResponse, error) {
	names, err := p.broker.TopicSubscriptions(r.GetTopic())
	if err != nil {
		return nil, err
	}
	names, next, err := page(names, r.GetPageSize(), r.GetPageToken())
	if err != nil {
		return nil, err
	}
	return &pubsubpb.ListTopicSubscriptionsResponse{Subscriptions: names, NextPageToken: next}, nil
}

func (p *publisherService) Publish(
	_ context.Context, r *pubsubpb.PublishRequest,
) (*pubsubpb.PublishResponse, error) {
	messages := make([]Message, len(r.GetMessages()))
	for i, m := range r.GetMessages() {
		messages[i] = Message{Data: m.GetData(), Attributes: m.GetAttributes(), OrderingKey: m.GetOrderingKey()}
	}
	ids, err := p.broker.Publish(r.GetTopic(), messages)
	if err != nil {
		return nil, err
	}
	return &pubsubpb.PublishResponse{MessageIds: ids}, nil
}

// topic returns a topic as the service shows it.
func (p *publisherService) topic(name string) (*pubsubpb.Topic, error) {
	settings, err := p.broker.Topic(name)
	if err != nil {
		return nil, err
	}
	t := &pubsubpb.Topic{Name: name, Labels: settings.Labels, State: pubsubpb.Topic_ACTIVE}
	if settings.Retention != 0 {
		t.MessageRetentionDuration = durationpb.New(settings.Retention)
	}
	return t, nil
}

func topicSettings(t *pubsubpb.Topic) (TopicSettings, error) {
	switch {
	case t.GetSchemaSettings() != nil:
		return TopicSettings{}, unsupported("schemas")
	case t.GetIngestionDataSourceSettings() != nil:
		return TopicSettings{}, unsupported("ingestion")
	case len(t.GetMessageTransforms()) > 0:
		return TopicSettings{}, unsupported("message transforms")
	}
	return TopicSettings{
		Labels:    t.GetLabels(),
		Retention: t.GetMessageRetentionDuration().AsDuration(),
	}, nil
}

func errMask() error {
	return status.Error(codes.InvalidArgument, "The update_mask in the request must be set and not empty.")
}

func errMaskPath(path string) error {
	return status.Errorf(codes.InvalidArgument, "Invalid update_mask provided in the request: %q cannot be updated.", path)
}
