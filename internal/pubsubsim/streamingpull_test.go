package pubsubsim

import (
	"io"
	"testing"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
)

func TestAGracefulStopEndsStreams(t *testing.T) {
	o := newOffice(t, Config{}, ordered())
	first := &pubsubpb.StreamingPullRequest{Subscription: worker, StreamAckDeadlineSeconds: 10}
	rpc := o.streamingPull(first, &pubsubpb.StreamingPullRequest{})
	_, err := rpc.Recv() // the answer to the second request: the stream is open
	o.must(err)
	o.server.draining.Store(true)
	_, err = o.streamingPull(first).Recv()
	wantCode(t, err, codes.Unavailable)
	o.server.GracefulStop()
	_, err = rpc.Recv()
	wantCode(t, err, codes.Unavailable)
}

func TestStreamingPullRequests(t *testing.T) {
	first := func() *pubsubpb.StreamingPullRequest {
		return &pubsubpb.StreamingPullRequest{Subscription: worker, StreamAckDeadlineSeconds: 10, MaxOutstandingMessages: 2}
	}
	with := func(change func(*pubsubpb.StreamingPullRequest)) *pubsubpb.StreamingPullRequest {
		r := first()
		change(r)
		return r
	}
	tests := []struct {
		name     string
		requests []*pubsubpb.StreamingPullRequest
		want     codes.Code
	}{
		{"no subscription", []*pubsubpb.StreamingPullRequest{{StreamAckDeadlineSeconds: 10}}, codes.InvalidArgument},
		{"no deadline", []*pubsubpb.StreamingPullRequest{{Subscription: worker}}, codes.InvalidArgument},
		{
			"a deadline of 9 s",
			[]*pubsubpb.StreamingPullRequest{{Subscription: worker, StreamAckDeadlineSeconds: 9}}, codes.InvalidArgument,
		},
		{
			"nobody's subscription",
			[]*pubsubpb.StreamingPullRequest{{Subscription: clerk, StreamAckDeadlineSeconds: 10}}, codes.NotFound,
		},
		{"the first request again", []*pubsubpb.StreamingPullRequest{first(), first()}, codes.InvalidArgument},
		{
			"no ack ID at all",
			[]*pubsubpb.StreamingPullRequest{with(func(r *pubsubpb.StreamingPullRequest) { r.AckIds = []string{"x"} })},
			codes.InvalidArgument,
		},
		{
			"more deadlines than ack IDs",
			[]*pubsubpb.StreamingPullRequest{first(), {ModifyDeadlineSeconds: []int32{10}}}, codes.InvalidArgument,
		},
		{"a later deadline of 601 s", []*pubsubpb.StreamingPullRequest{first(), {StreamAckDeadlineSeconds: 601}}, codes.InvalidArgument},
	}
	o := newOffice(t, Config{}, ordered())
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := o.streamingPull(test.requests...).Recv()
			wantCode(t, err, test.want)
		})
	}
}

func TestAStreamAnswersPingsTakesAcksAndEndsWithItsClient(t *testing.T) {
	o := newOffice(t, Config{}, ordered())
	rpc := o.streamingPull(
		&pubsubpb.StreamingPullRequest{Subscription: worker, StreamAckDeadlineSeconds: 10},
		&pubsubpb.StreamingPullRequest{})
	pong, err := rpc.Recv()
	if err != nil || len(pong.GetReceivedMessages()) != 0 || !pong.GetSubscriptionProperties().GetMessageOrderingEnabled() {
		t.Fatalf("answer to a ping: %v, %v", pong, err)
	}
	o.publish("user-1", "1 2")
	got, err := rpc.Recv()
	o.must(err)
	one, two := got.GetReceivedMessages()[0].GetAckId(), got.GetReceivedMessages()[1].GetAckId()
	o.must(rpc.Send(&pubsubpb.StreamingPullRequest{
		AckIds: []string{one}, ModifyDeadlineAckIds: []string{two}, ModifyDeadlineSeconds: []int32{0},
	}))
	_, err = rpc.Recv()
	o.must(err)
	got, err = rpc.Recv()
	if err != nil || string(got.GetReceivedMessages()[0].GetMessage().GetData()) != "2" {
		t.Fatalf("after a nack: %v, %v", got, err)
	}
	if s := o.stats(); s.Acks != 1 || s.Nacks != 1 || s.Streams != 1 {
		t.Fatalf("%+v", s)
	}
	o.must(rpc.CloseSend())
	if _, err := rpc.Recv(); err != io.EOF {
		t.Fatalf("after the client closed its side: %v", err)
	}
}
