package pubsubsim

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// puller is one StreamingPull call: a stream of the broker's on a stream of gRPC's.
type puller struct {
	broker       *Broker
	subscription string
	stream       *Stream
	properties   *pubsubpb.StreamingPullResponse_SubscriptionProperties

	mu  sync.Mutex // one answer at a time; guards the sending side of rpc
	rpc pubsubpb.Subscriber_StreamingPullServer
}

// StreamingPull serves until the client closes its side or cancels, or the broker ends the stream.
func (u *subscriberService) StreamingPull(rpc pubsubpb.Subscriber_StreamingPullServer) error {
	first, err := rpc.Recv()
	if err != nil {
		return err
	}
	p, err := u.puller(first, rpc)
	if err != nil {
		return err
	}
	defer p.stream.Close()
	if u.draining.Load() {
		return errCut()
	}
	if err := p.answers(first); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(rpc.Context())
	defer cancel(nil)
	// Nothing but the return of this function unblocks the reader, so that it cannot be waited for here. It ends then.
	go func() { cancel(p.read()) }()
	return p.deliver(ctx)
}

// puller opens the stream that a client's first request asks for.
func (u *subscriberService) puller(
	first *pubsubpb.StreamingPullRequest, rpc pubsubpb.Subscriber_StreamingPullServer,
) (*puller, error) {
	settings, err := u.broker.Subscription(first.GetSubscription())
	if err != nil {
		return nil, err
	}
	if first.GetStreamAckDeadlineSeconds() == 0 {
		return nil, errRange("stream_ack_deadline_seconds", 0, minAckDeadline, maxAckDeadline)
	}
	stream, err := u.broker.Subscribe(first.GetSubscription(), StreamConfig{
		MaxMessages: int(first.GetMaxOutstandingMessages()),
		MaxBytes:    int(first.GetMaxOutstandingBytes()),
		AckDeadline: time.Duration(first.GetStreamAckDeadlineSeconds()) * time.Second,
	})
	if err != nil {
		return nil, err
	}
	return &puller{
		broker:       u.broker,
		subscription: first.GetSubscription(),
		stream:       stream,
		properties: &pubsubpb.StreamingPullResponse_SubscriptionProperties{
			MessageOrderingEnabled: settings.Ordering,
		},
		rpc: rpc,
	}, nil
}

// deliver sends what there is until ctx ends; its cause is io.EOF when the client closed its side.
func (p *puller) deliver(ctx context.Context) error {
	for {
		got, err := p.stream.Next(ctx)
		switch {
		case errors.Is(context.Cause(ctx), io.EOF):
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			return err
		}
		if err := p.send(receivedMessages(got)); err != nil {
			return err
		}
	}
}

func (p *puller) send(messages []*pubsubpb.ReceivedMessage) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.rpc.Send(&pubsubpb.StreamingPullResponse{
		ReceivedMessages:       messages,
		SubscriptionProperties: p.properties,
	})
}

// read serves the client's further requests until there are no more.
func (p *puller) read() error {
	for {
		r, err := p.rpc.Recv()
		if err != nil {
			return err
		}
		if r.GetSubscription() != "" || r.GetClientId() != "" || r.GetMaxOutstandingMessages() != 0 ||
			r.GetMaxOutstandingBytes() != 0 || r.GetProtocolVersion() != 0 {
			return status.Error(codes.InvalidArgument, "The subscription, client_id, flow control settings and "+
				"protocol_version can only be set in the first request on a stream.")
		}
		if s := r.GetStreamAckDeadlineSeconds(); s != 0 {
			if err := p.stream.SetAckDeadline(time.Duration(s) * time.Second); err != nil {
				return err
			}
		}
		if err := p.answers(r); err != nil {
			return err
		}
		// The client closes a stream that does not answer its pings.
		if err := p.send(nil); err != nil {
			return err
		}
	}
}

// answers takes the acknowledgements and deadlines in a request.
func (p *puller) answers(r *pubsubpb.StreamingPullRequest) error {
	ids, seconds := r.GetModifyDeadlineAckIds(), r.GetModifyDeadlineSeconds()
	if len(ids) != len(seconds) {
		return status.Error(codes.InvalidArgument, "The modify_deadline_ack_ids and modify_deadline_seconds in a "+
			"request must be as many.")
	}
	if len(r.GetAckIds()) > 0 {
		if err := p.broker.Ack(p.subscription, r.GetAckIds()); err != nil {
			return err
		}
	}
	for i, id := range ids {
		d := time.Duration(seconds[i]) * time.Second
		if err := p.broker.ModifyAckDeadline(p.subscription, []string{id}, d); err != nil {
			return err
		}
	}
	return nil
}
