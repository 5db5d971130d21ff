package pubsubsim

import (
	"context"
	"sync/atomic"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
)

// maxAckRequest is what a request to acknowledge or to extend may have, in bytes.
const maxAckRequest = 512 << 10

// subscriberService is google.pubsub.v1.Subscriber over a broker.
type subscriberService struct {
	pubsubpb.UnimplementedSubscriberServer

	broker   *Broker
	draining *atomic.Bool
}

func (u *subscriberService) CreateSubscription(
	_ context.Context, p *pubsubpb.Subscription,
) (*pubsubpb.Subscription, error) {
	settings, err := subscriptionSettings(p)
	if err != nil {
		return nil, err
	}
	if err := u.broker.CreateSubscription(p.GetName(), settings); err != nil {
		return nil, err
	}
	return u.subscription(p.GetName())
}

func (u *subscriberService) GetSubscription(
	_ context.Context, r *pubsubpb.GetSubscriptionRequest,
) (*pubsubpb.Subscription, error) {
	return u.subscription(r.GetSubscription())
}

func (u *subscriberService) UpdateSubscription(
	_ context.Context, r *pubsubpb.UpdateSubscriptionRequest,
) (*pubsubpb.Subscription, error) {
	name := r.GetSubscription().GetName()
	settings, err := u.broker.Subscription(name)
	if err != nil {
		return nil, err
	}
	wanted, err := subscriptionSettings(r.GetSubscription())
	if err != nil {
		return nil, err
	}
	if len(r.GetUpdateMask().GetPaths()) == 0 {
		return nil, errMask()
	}
	for _, path := range r.GetUpdateMask().GetPaths() {
		if err := settings.update(path, wanted); err != nil {
			return nil, err
		}
	}
	if err := u.broker.UpdateSubscription(name, settings); err != nil {
		return nil, err
	}
	return u.subscription(name)
}

func (u *subscriberService) DeleteSubscription(
	_ context.Context, r *pubsubpb.DeleteSubscriptionRequest,
) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, u.broker.DeleteSubscription(r.GetSubscription())
}

func (u *subscriberService) ListSubscriptions(
	_ context.Context, r *pubsubpb.ListSubscriptionsRequest,
) (*pubsubpb.ListSubscriptionsResponse, error) {
	names, err := u.broker.Subscriptions(r.GetProject())
	if err != nil {
		return nil, err
	}
	names, next, err := page(names, r.GetPageSize(), r.GetPageToken())
	if err != nil {
		return nil, err
	}
	response := &pubsubpb.ListSubscriptionsResponse{NextPageToken: next}
	for _, name := range names {
		p, err := u.subscription(name)
		if err != nil {
			continue // deleted since it was listed
		}
		response.Subscriptions = append(response.Subscriptions, p)
	}
	return response, nil
}

// Pull does not look at return_immediately, which is deprecated: without messages it waits.
func (u *subscriberService) Pull(ctx context.Context, r *pubsubpb.PullRequest) (*pubsubpb.PullResponse, error) {
	got, err := u.broker.Pull(ctx, r.GetSubscription(), int(r.GetMaxMessages()))
	if err != nil {
		return nil, err
	}
	return &pubsubpb.PullResponse{ReceivedMessages: receivedMessages(got)}, nil
}

func (u *subscriberService) Acknowledge(
	_ context.Context, r *pubsubpb.AcknowledgeRequest,
) (*emptypb.Empty, error) {
	if err := checkAckRequest(r); err != nil {
		return nil, err
	}
	return &emptypb.Empty{}, u.broker.Ack(r.GetSubscription(), r.GetAckIds())
}

func (u *subscriberService) ModifyAckDeadline(
	_ context.Context, r *pubsubpb.ModifyAckDeadlineRequest,
) (*emptypb.Empty, error) {
	if err := checkAckRequest(r); err != nil {
		return nil, err
	}
	d := time.Duration(r.GetAckDeadlineSeconds()) * time.Second
	return &emptypb.Empty{}, u.broker.ModifyAckDeadline(r.GetSubscription(), r.GetAckIds(), d)
}

func (u *subscriberService) Seek(_ context.Context, r *pubsubpb.SeekRequest) (*pubsubpb.SeekResponse, error) {
	if r.GetTime() == nil {
		return nil, unsupported("snapshots")
	}
	return &pubsubpb.SeekResponse{}, u.broker.SeekTime(r.GetSubscription(), r.GetTime().AsTime())
}

// subscription returns a subscription as the service shows it.
func (u *subscriberService) subscription(name string) (*pubsubpb.Subscription, error) {
	settings, err := u.broker.Subscription(name)
	if err != nil {
		return nil, err
	}
	return subscriptionProto(name, settings), nil
}

func checkAckRequest(r proto.Message) error {
	if n := proto.Size(r); n > maxAckRequest {
		return status.Errorf(codes.InvalidArgument, "Request payload size exceeds the limit: %d bytes.", maxAckRequest)
	}
	return nil
}
