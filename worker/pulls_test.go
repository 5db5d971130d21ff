package worker

import (
	"context"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
)

// eagerService hands a message to every stream, and one more when the client's half of the stream is closed: it was
// under way. It notes what it sees of the end, in order.
type eagerService struct {
	pubsubpb.UnimplementedSubscriberServer
	deaf     bool // does not end a stream when the client ends its half
	once     sync.Once
	returned chan struct{} // closed with the first nack

	mu   sync.Mutex // guards the field below
	seen []string
}

// patience is for how long the service waits for messages that come back too early: the client sends nacks every 100 ms.
const patience = 300 * time.Millisecond

func (e *eagerService) note(what ...string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.seen = append(e.seen, what...)
}

func (e *eagerService) noted() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.seen)
}

func (e *eagerService) StreamingPull(rpc pubsubpb.Subscriber_StreamingPullServer) error {
	deliver := func(id string) error {
		return rpc.Send(&pubsubpb.StreamingPullResponse{ReceivedMessages: []*pubsubpb.ReceivedMessage{
			{AckId: id, Message: &pubsubpb.PubsubMessage{MessageId: id}},
		}})
	}
	if err := deliver("first"); err != nil {
		return err
	}
	for {
		if _, err := rpc.Recv(); err != nil {
			break
		}
	}
	if e.deaf {
		<-rpc.Context().Done()
		return nil
	}
	select {
	case <-e.returned:
	case <-time.After(patience):
	}
	e.note("closing")
	return deliver("under way")
}

func (e *eagerService) ModifyAckDeadline(_ context.Context, r *pubsubpb.ModifyAckDeadlineRequest) (*emptypb.Empty, error) {
	if r.GetAckDeadlineSeconds() == 0 {
		e.once.Do(func() { close(e.returned) })
		slices.Sort(r.GetAckIds())
		e.note(r.GetAckIds()...)
	}
	return &emptypb.Empty{}, nil
}

// receiveFrom receives from a service until the test ends the context that it gets with the first delivery, and returns
// when Receive has. Every delivery is returned as soon as the context is done.
func receiveFrom(t *testing.T, service *eagerService, begun func(stop context.CancelFunc)) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	source := subscribe(t, service, 100)
	err := source.Receive(ctx, 0, func(_ context.Context, d delivery) {
		context.AfterFunc(ctx, d.answer.Nack)
		if d.id == "first" {
			begun(stop)
		}
	})
	if err != nil {
		t.Error(err)
	}
}

// subscribe serves on loopback until the end of the test and returns a subscription there.
func subscribe(t *testing.T, service pubsubpb.SubscriberServer, maxMessages int) *Subscription {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	pubsubpb.RegisterSubscriberServer(server, service)
	go func() { _ = server.Serve(listener) }() // ends when it is stopped
	t.Cleanup(server.Stop)
	pulls := NewPulls()
	client, err := pubsub.NewClient(context.Background(), "demo", append(pulls.ClientOptions(),
		option.WithEndpoint(listener.Addr().String()), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return NewSubscription(client, pulls, "projects/demo/subscriptions/changes", maxMessages, 1<<20)
}

func TestWhatIsReturnedAtAStopLeavesAfterTheStreamHasEndedAndWithWhatWasUnderWay(t *testing.T) {
	service := &eagerService{returned: make(chan struct{})}
	receiveFrom(t, service, func(stop context.CancelFunc) { stop() })
	if got, want := service.noted(), []string{"closing", "first", "under way"}; !slices.Equal(got, want) {
		t.Errorf("the service saw %q, want %q", got, want)
	}
}

func TestAServiceThatDoesNotEndItsStreamDoesNotHoldUpAStop(t *testing.T) {
	service := &eagerService{deaf: true, returned: make(chan struct{})}
	var begin time.Time
	receiveFrom(t, service, func(stop context.CancelFunc) { begin = time.Now(); stop() })
	if took := time.Since(begin); took > hangUpLimit+time.Second {
		t.Errorf("the stop took %v", took)
	}
	if got, want := service.noted(), []string{"first"}; !slices.Equal(got, want) {
		t.Errorf("the service saw %q, want %q", got, want)
	}
}

// halfClosed is a stream that ends when the client's half is closed, and on which nothing can be sent then, as with those
// of gRPC.
type halfClosed struct {
	grpc.ClientStream
	closed chan struct{}
}

func (h *halfClosed) CloseSend() error { close(h.closed); return nil }

func (h *halfClosed) RecvMsg(any) error { <-h.closed; return io.EOF }

func (h *halfClosed) SendMsg(any) error {
	select {
	case <-h.closed:
		return status.Error(codes.Internal, "SendMsg called after CloseSend")
	default:
		return nil
	}
}

func TestTheClientDoesNotNoticeThatItsStreamsHaveEndedSinceItWouldOpenOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, end := context.WithCancel(t.Context())
		pulls := NewPulls()
		s, err := pulls.begin(ctx, nil, nil, pubsubpb.Subscriber_StreamingPull_FullMethodName,
			func(context.Context, *grpc.StreamDesc, *grpc.ClientConn, string, ...grpc.CallOption) (grpc.ClientStream, error) {
				return &halfClosed{closed: make(chan struct{})}, nil
			})
		if err != nil {
			t.Fatal(err)
		}
		received := make(chan error, 1)
		go func() { received <- s.RecvMsg(nil) }()
		pulls.hangUp()
		if err := s.SendMsg(nil); err != nil {
			t.Errorf("keeping the stream alive: %v", err)
		}
		synctest.Wait()
		select {
		case err := <-received:
			t.Errorf("receiving ended by itself: %v", err)
		default:
		}
		end()
		if err := <-received; status.Code(err) != codes.Canceled {
			t.Errorf("receiving ended with %v", err)
		}
	})
}
