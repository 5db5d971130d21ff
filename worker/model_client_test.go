package worker

import (
	"context"
	"fmt"
	"net"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/contactrelay/contactrelay/internal/peoplesim"
	"github.com/contactrelay/contactrelay/internal/pubsubsim"
)

// TestModelOverTheRealClient is the model test with Pub/Sub's own client over gRPC, in real time: a few feeds, and no
// faults that somebody waits for. What is on its way to a client when a stream ends comes again when its lease runs out, after
// a minute: no stream is cut and no worker stopped in between.
func TestModelOverTheRealClient(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			t.Parallel()
			r := newModelRun(t, seed, (*climate).hasten)
			defer r.broker.Close()
			pulls := NewPulls()
			client := r.dial(pulls)
			r.wait, r.second = func() {}, 20*time.Millisecond
			r.source = func(l *ledger) source {
				return &noted{NewSubscription(client, pulls, changes, r.climate.config.MaxMessages, r.climate.config.MaxBytes), l}
			}
			r.run()
		})
	}
}

// hasten leaves in a climate what a run in real time can wait for.
func (c *climate) hasten() {
	c.story, c.roomy = oneLife, false // no call fails for ever
	clear(c.latest)                   // no read lags
	c.people.List = []peoplesim.Fault{{Kind: peoplesim.Latency, Rate: 1, Delay: peoplesim.Duration(5 * time.Millisecond)}}
	c.people.Habits.Gone, c.pulse = "", false
	c.pubsub = pubsubsim.Faults{Duplicate: c.pubsub.Duplicate}
	c.broker.RedeliveryDelay, c.ordered.Retry = 50*time.Millisecond, nil
}

// dial starts a gRPC server for the run's broker and a client of it. Both end with the test.
func (r *modelRun) dial(pulls *Pulls) *pubsub.Client {
	r.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(r.t, err)
	server := pubsubsim.NewServer(r.broker)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	r.t.Cleanup(func() { server.Stop(); must(r.t, <-served) })
	client, err := pubsub.NewClient(context.Background(), "test", append(pulls.ClientOptions(),
		option.WithEndpoint(listener.Addr().String()), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))...)
	must(r.t, err)
	r.t.Cleanup(func() { _ = client.Close() })
	return client
}

// noted is a subscription whose deliveries and answers are entered in a ledger.
type noted struct {
	*Subscription
	ledger *ledger
}

func (n *noted) Receive(ctx context.Context, stream int, take func(context.Context, delivery)) error {
	return n.Subscription.Receive(ctx, stream, func(ctx context.Context, d delivery) {
		r := n.ledger.handing(d)
		d.answer = notedAnswer{d.answer, n.ledger, r}
		take(ctx, d)
		n.ledger.taken(r)
	})
}

type notedAnswer struct {
	answer
	ledger *ledger
	record *record
}

func (a notedAnswer) Ack()  { a.ledger.answered(a.record, true); a.answer.Ack() }
func (a notedAnswer) Nack() { a.ledger.answered(a.record, false); a.answer.Nack() }
