package pubsubsim

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
)

// office is a desk with a server and the real client.
type office struct {
	desk
	server  *Server
	address string
	client  *pubsub.Client
}

func newOffice(t *testing.T, config Config, settings SubscriptionSettings) *office {
	t.Helper()
	o := &office{desk: newDesk(t, config, settings)}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	o.must(err)
	o.serve(l)
	o.address = l.Addr().String()
	t.Setenv("PUBSUB_EMULATOR_HOST", o.address)
	o.client, err = pubsub.NewClient(t.Context(), "demo")
	o.must(err)
	t.Cleanup(func() {
		o.client.Close()
		o.server.Stop()
	})
	return o
}

func (o *office) serve(l net.Listener) {
	o.server = NewServer(o.Broker)
	served := make(chan error, 1)
	server := o.server
	go func() { served <- server.Serve(l) }()
	o.t.Cleanup(func() {
		server.Stop()
		if err := <-served; err != nil {
			o.t.Errorf("Serve: %v", err)
		}
	})
}

// receive runs f for each message until done reports that it was enough.
func (o *office) receive(settings func(*pubsub.ReceiveSettings), f func(*pubsub.Message) (done bool)) error {
	o.t.Helper()
	s := o.client.Subscriber(worker)
	settings(&s.ReceiveSettings)
	ctx, cancel := context.WithTimeout(o.t.Context(), 20*time.Second)
	defer cancel()
	err := s.Receive(ctx, func(_ context.Context, m *pubsub.Message) {
		if f(m) {
			cancel()
		}
	})
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		o.t.Fatalf("not done after 20 s: %+v", o.stats())
	}
	return err
}

func defaults(*pubsub.ReceiveSettings) {}

// restart stops the server gracefully and starts another one at its address.
func (o *office) restart() {
	o.server.GracefulStop()
	l, err := net.Listen("tcp", o.address)
	o.must(err)
	o.serve(l)
}

// streamingPull opens a stream with the client's requests as they are.
func (o *office) streamingPull(requests ...*pubsubpb.StreamingPullRequest) pubsubpb.Subscriber_StreamingPullClient {
	o.t.Helper()
	ctx, cancel := context.WithCancel(o.t.Context())
	o.t.Cleanup(cancel)
	rpc, err := o.client.SubscriptionAdminClient.StreamingPull(ctx)
	o.must(err)
	for _, r := range requests {
		o.must(rpc.Send(r))
	}
	return rpc
}
