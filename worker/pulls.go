package worker

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
)

// hangUpLimit is how long the service has to end its streams after the client: it takes a round trip and what is under
// way. The emulator was seen to take a second under load. Nacks wait for that long at most.
const hangUpLimit = 2 * time.Second

// Pulls is the streams on which a client pulls, and how they end at a stop: before anything goes back. The client alone
// sends its last nacks while its streams are open and nobody reads them any more. Google's emulator hands what is
// returned to these very streams at once, where it stays until its lease of 60 s runs out; of some keys nothing came
// again within four minutes. So the client's half of each stream is closed first, what was under way is read to the end,
// and only then do the nacks leave.
//
// They also see which acks leave the client, of which stream: the IDs by which it acknowledges get the stream's mark when
// they come, and lose it when they go. Its methods are safe for concurrent use.
type Pulls struct {
	acks    [streams]pacer
	once    sync.Once
	leaving chan struct{} // closed when the streams are told to end
	left    chan struct{} // closed when they have ended

	mu   sync.Mutex // guards the field below
	open map[*pull]bool
}

// NewPulls returns the streams of a client that is yet to be made, with ClientOptions.
func NewPulls() *Pulls {
	return &Pulls{leaving: make(chan struct{}), left: make(chan struct{}), open: map[*pull]bool{}}
}

// ClientOptions are what the client must be made with.
func (p *Pulls) ClientOptions() []option.ClientOption {
	return []option.ClientOption{
		option.WithGRPCDialOption(grpc.WithChainStreamInterceptor(p.begin)),
		option.WithGRPCDialOption(grpc.WithChainUnaryInterceptor(p.hold, p.unmark)),
	}
}

// begin notes a stream that the client opens to pull on.
func (p *Pulls) begin(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, streamer grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	stream, err := streamer(ctx, desc, cc, method, opts...)
	if err != nil || method != pubsubpb.Subscriber_StreamingPull_FullMethodName {
		return stream, err
	}
	s := &pull{ClientStream: stream, pulls: p, ended: make(chan struct{}), dropped: ctx.Done()}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open[s] = true
	return s, nil
}

// hold keeps nacks back while the streams end.
func (p *Pulls) hold(ctx context.Context, method string, request, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	if r, ok := request.(*pubsubpb.ModifyAckDeadlineRequest); ok && r.GetAckDeadlineSeconds() == 0 {
		select {
		case <-p.leaving:
			<-p.left
		default:
		}
	}
	return invoke(ctx, method, request, reply, cc, opts...)
}

// hangUp ends all streams for good. It blocks until what was under way on them has been received, for hangUpLimit at
// most. Whoever receives must go on until then.
func (p *Pulls) hangUp() {
	p.once.Do(func() {
		close(p.leaving)
		defer close(p.left)
		limit := time.NewTimer(hangUpLimit)
		defer limit.Stop()
		for _, s := range p.all() {
			s.hangUp()
		}
		for _, s := range p.all() {
			select {
			case <-s.ended:
			case <-limit.C:
				return
			}
		}
	})
}

func (p *Pulls) all() (all []*pull) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for s := range p.open {
		all = append(all, s)
	}
	return all
}

// end forgets a stream that has ended, and reports whether that was because of hangUp.
func (p *Pulls) end(s *pull) (hungUp bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open[s] {
		delete(p.open, s)
		close(s.ended)
	}
	select {
	case <-p.leaving:
		return true
	default:
		return false
	}
}

// pull is a stream that the client pulls on.
type pull struct {
	grpc.ClientStream
	pulls   *Pulls
	ended   chan struct{}   // closed when the service has ended the stream
	dropped <-chan struct{} // closed when the client drops the call
	stream  atomic.Int32    // which one it is, once the client has said so

	mu     sync.Mutex // guards the field below, and keeps sending and closing apart: gRPC wants one at a time
	closed bool
}

// RecvMsg receives. Once the stream has ended because of hangUp it blocks, since the client would open the next one.
func (s *pull) RecvMsg(m any) error {
	err := s.ClientStream.RecvMsg(m)
	if err != nil && s.pulls.end(s) {
		<-s.dropped
		return status.FromContextError(context.Canceled).Err()
	}
	if response, ok := m.(*pubsubpb.StreamingPullResponse); ok && err == nil {
		mark(int(s.stream.Load()), response)
	}
	return err
}

// SendMsg sends; after hangUp there is nothing to say, such as that the stream is to be kept alive.
func (s *pull) SendMsg(m any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	if first, ok := m.(*pubsubpb.StreamingPullRequest); ok && first.GetSubscription() != "" {
		s.stream.Store(int32(streamOf(first)))
	}
	return s.ClientStream.SendMsg(m)
}

// CloseSend is how the client ends the stream: after hangUp it does no more.
func (s *pull) CloseSend() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ClientStream.CloseSend()
}

// hangUp closes the client's half of the stream: the service ends the other one.
func (s *pull) hangUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	_ = s.ClientStream.CloseSend() // it says nothing about what the service does
}
