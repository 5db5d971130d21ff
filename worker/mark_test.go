package worker

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/types/known/emptypb"
)

// sluggishService delivers numbered messages and takes its time for each request to acknowledge.
type sluggishService struct {
	pubsubpb.UnimplementedSubscriberServer
	messages int

	mu       sync.Mutex // guards the field below
	requests [][]int    // numbers of the acks
}

// sluggish is what a request takes: meanwhile the client collects the acks of several of its ticks.
const sluggish = 300 * time.Millisecond

func (s *sluggishService) StreamingPull(rpc pubsubpb.Subscriber_StreamingPullServer) error {
	var all []*pubsubpb.ReceivedMessage
	for i := range s.messages {
		id := strconv.Itoa(i)
		all = append(all, &pubsubpb.ReceivedMessage{AckId: id, Message: &pubsubpb.PubsubMessage{MessageId: id}})
	}
	for some := range slices.Chunk(all, 500) {
		if err := rpc.Send(&pubsubpb.StreamingPullResponse{ReceivedMessages: some}); err != nil {
			return err
		}
	}
	for {
		if _, err := rpc.Recv(); err != nil {
			return nil
		}
	}
}

func (s *sluggishService) Acknowledge(_ context.Context, r *pubsubpb.AcknowledgeRequest) (*emptypb.Empty, error) {
	var numbers []int
	for _, id := range r.GetAckIds() {
		n, err := strconv.Atoi(id)
		if err != nil {
			n = -1
		}
		numbers = append(numbers, n)
	}
	slices.Sort(numbers) // in a request their order does not count
	s.mu.Lock()
	s.requests = append(s.requests, numbers)
	s.mu.Unlock()
	time.Sleep(sluggish)
	return &emptypb.Empty{}, nil
}

func (s *sluggishService) ModifyAckDeadline(context.Context, *pubsubpb.ModifyAckDeadlineRequest) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, nil
}

func TestAcksReachAServiceThatIsSlowInTheirOrder(t *testing.T) {
	service := &sluggishService{messages: 4000}
	source := subscribe(t, service, 4*service.messages)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	deliveries := make([]delivery, service.messages)
	var mu sync.Mutex // guards arrived
	arrived := 0
	err := source.Receive(ctx, 2, func(_ context.Context, d delivery) {
		n, err := strconv.Atoi(d.id)
		if err != nil {
			t.Errorf("message %q has come", d.id)
		}
		mu.Lock()
		defer mu.Unlock()
		deliveries[n] = d
		if arrived++; arrived == service.messages { // as in a lane: their acks leave in their order
			go func() {
				for _, d := range deliveries {
					d.answer.Ack()
				}
				stop()
			}()
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := slices.Concat(service.requests...); len(got) != service.messages || !slices.IsSorted(got) {
		t.Errorf("%d acks of %d came, in their order: %v", len(got), service.messages, slices.IsSorted(got))
	}
}

func TestALimitTellsWhichStreamItIsOf(t *testing.T) {
	for _, about := range []int{1, 2, 4, 10, 2500} {
		for stream := range streams {
			limit := outstanding(about, stream)
			first := &pubsubpb.StreamingPullRequest{MaxOutstandingMessages: int64(limit)}
			if got := streamOf(first); limit < 1 || limit > about+streams || got != stream {
				t.Errorf("outstanding(%d, %d) = %d, which is of stream %d", about, stream, limit, got)
			}
		}
	}
}
