package worker

import (
	"context"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc"
)

// The client does not tell which stream a request to acknowledge is for. So a stream tells which one it is when it is opened,
// by the remainder of its limit of messages; what comes on it has the stream's mark before the ID by which it is
// acknowledged, and the mark is taken off, and read, when the client sends that ID.

// outstanding is a limit of messages for a stream, about so many, that tells which one it is.
func outstanding(about, stream int) int {
	limit := about/streams*streams + stream
	if limit < 1 {
		return streams // which is none for the client
	}
	return limit
}

// streamOf is the stream that a request opens.
func streamOf(first *pubsubpb.StreamingPullRequest) int {
	return int(first.GetMaxOutstandingMessages() % streams)
}

// mark marks what came on a stream.
func mark(stream int, response *pubsubpb.StreamingPullResponse) {
	for _, m := range response.GetReceivedMessages() {
		m.AckId = string(rune('0'+stream)) + m.GetAckId()
	}
}

// unmarked is IDs without their mark, and the stream of the first: a request has those of one stream.
func unmarked(marked []string) (ids []string, stream int) {
	ids = make([]string, len(marked))
	for i, id := range marked {
		ids[i], stream = id[1:], int(id[0]-'0')
	}
	return ids, stream
}

// unmark sends acks and nacks with the IDs that the service knows, and tells the stream's pacer of the acks. The request
// itself stays as it is: when the service does not answer, the client sends it again.
func (p *Pulls) unmark(ctx context.Context, method string, request, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	switch r := request.(type) {
	case *pubsubpb.AcknowledgeRequest:
		ids, stream := unmarked(r.GetAckIds())
		p.acks[stream].sent(r, len(ids))
		request = &pubsubpb.AcknowledgeRequest{Subscription: r.GetSubscription(), AckIds: ids}
	case *pubsubpb.ModifyAckDeadlineRequest:
		ids, _ := unmarked(r.GetAckIds())
		request = &pubsubpb.ModifyAckDeadlineRequest{
			Subscription: r.GetSubscription(), AckIds: ids, AckDeadlineSeconds: r.GetAckDeadlineSeconds(),
		}
	}
	return invoke(ctx, method, request, reply, cc, opts...)
}
