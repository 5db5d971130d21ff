package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/contactrelay/contactrelay/worker"
)

// link watches whether Pub/Sub answers. The client tries again by itself for a long time and in the end only says
// that the time is over: link knows what was wrong and where.
type link struct {
	silent func(error) // told of every call that found the service unavailable

	mu   sync.Mutex // guards the field below
	last error      // why the service was unavailable; nil after a call that it answered
}

// connect returns a Pub/Sub client and the link that watches it. It dials nothing. Closing the client is the caller's.
func connect(ctx context.Context, project string, silent func(error), more ...option.ClientOption) (*pubsub.Client, *link, error) {
	l := &link{silent: silent}
	client, err := pubsub.NewClient(context.WithoutCancel(ctx), project, append(more,
		option.WithGRPCDialOption(grpc.WithChainUnaryInterceptor(l.unary)),
		option.WithGRPCDialOption(grpc.WithChainStreamInterceptor(l.stream)))...)
	if err != nil {
		return nil, nil, fmt.Errorf("connect to Pub/Sub: %w", err)
	}
	return client, l, nil
}

// unary implements [grpc.UnaryClientInterceptor].
func (l *link) unary(ctx context.Context, method string, request, reply any, at *grpc.ClientConn, call grpc.UnaryInvoker, more ...grpc.CallOption) error {
	err := call(ctx, method, request, reply, at, more...)
	l.saw(at, err)
	return err
}

// stream implements [grpc.StreamClientInterceptor]. How an open stream ends is not looked at: the service ends each
// from time to time.
func (l *link) stream(ctx context.Context, kind *grpc.StreamDesc, at *grpc.ClientConn, method string, open grpc.Streamer, more ...grpc.CallOption) (grpc.ClientStream, error) {
	s, err := open(ctx, kind, at, method, more...)
	l.saw(at, err)
	return s, err
}

// saw notes how a call ended. One that was given up says nothing, and one whose time ran out adds nothing to what is
// known.
func (l *link) saw(at *grpc.ClientConn, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	code := status.Code(err)
	switch {
	case code == codes.Canceled, code == codes.DeadlineExceeded && l.last != nil:
	case code == codes.Unavailable, code == codes.DeadlineExceeded:
		_, address, _ := strings.Cut(at.Target(), ":///") // dns:///pubsub.googleapis.com:443
		if address == "" {
			address = at.Target()
		}
		l.last = fmt.Errorf("Pub/Sub at %s is unavailable: %s", address, status.Convert(err).Message())
		l.silent(l.last)
	default:
		l.last = nil
	}
}

// explain is err, with what was wrong where err only says that the time is over.
func (l *link) explain(err error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.last == nil || !errors.Is(err, context.DeadlineExceeded) && status.Code(err) != codes.DeadlineExceeded {
		return err
	}
	return fmt.Errorf("%w (%w)", l.last, err)
}

// trouble is why the service was unavailable when it was last called; nil if it answered.
func (l *link) trouble() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last
}

// watchedSubscription is a subscription that says why it cannot be reached, and soon.
type watchedSubscription struct {
	*worker.Subscription
	link *link
}

// orderedTimeout is for how long the client may try by itself; left alone it says nothing for a minute.
const orderedTimeout = 5 * time.Second

// Ordered is the subscription's.
func (s watchedSubscription) Ordered(ctx context.Context) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, orderedTimeout)
	defer cancel()
	ordered, err := s.Subscription.Ordered(ctx)
	return ordered, s.link.explain(err)
}
