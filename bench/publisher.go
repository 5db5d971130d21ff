package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// publisher publishes a feed, in the order of each user, as fast as it can. It speaks to the service without the client
// library, which costs more CPU than the simulator itself and would take it from what is measured.
type publisher struct {
	connection *grpc.ClientConn
	api        pubsubpb.PublisherClient
	feed       *feed
	ahead      int // messages that may wait in the subscription; 0: any number

	mu      sync.Mutex // guards the fields below
	changed sync.Cond
	waiting int
	at      []time.Time // when each was published, as far as it was
}

// senders is how many requests are under way at once; the changes of a user go through one of them.
const senders = 16

// A request has one ordering key, and no more than these.
const (
	requestMessages = 500
	requestBytes    = 1 << 20
)

func newPublisher(address string, f *feed, ahead int) (*publisher, error) {
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, err
	}
	p := &publisher{
		connection: connection, api: pubsubpb.NewPublisherClient(connection), feed: f, ahead: ahead,
		at: make([]time.Time, len(f.changes)),
	}
	p.changed.L = &p.mu
	return p, nil
}

func (p *publisher) close() { _ = p.connection.Close() }

// publish publishes all and blocks until they are confirmed, or until ctx is done.
func (p *publisher) publish(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	defer context.AfterFunc(ctx, p.changed.Broadcast)()
	for sender := range senders {
		group.Go(func() error { return p.send(ctx, sender) })
	}
	return group.Wait()
}

// send publishes the changes of the users that belong to a sender.
func (p *publisher) send(ctx context.Context, sender int) error {
	var user int32
	var numbers []int
	var messages []*pubsubpb.PubsubMessage
	size := 0
	flush := func() error {
		if len(messages) == 0 {
			return nil
		}
		defer func() { numbers, messages, size = numbers[:0], nil, 0 }()
		return p.request(ctx, numbers, messages)
	}
	for number := range p.feed.changes {
		c := &p.feed.changes[number]
		if int(c.user)%senders != sender {
			continue
		}
		if c.user != user || len(messages) == requestMessages || size > requestBytes {
			if err := flush(); err != nil {
				return err
			}
		}
		m := c.message(p.feed.offset + number)
		user, numbers, messages, size = c.user, append(numbers, number), append(messages, m), size+len(m.Data)
	}
	return flush()
}

// request makes one request, as soon as there is room for its messages.
func (p *publisher) request(ctx context.Context, numbers []int, messages []*pubsubpb.PubsubMessage) error {
	p.mu.Lock()
	for p.ahead > 0 && p.waiting >= p.ahead && ctx.Err() == nil {
		p.changed.Wait()
	}
	now := time.Now()
	for _, n := range numbers {
		p.at[n] = now
	}
	p.waiting += len(numbers)
	p.mu.Unlock()
	_, err := p.api.Publish(ctx, &pubsubpb.PublishRequest{Topic: changesTopic, Messages: messages})
	if err == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, n := range numbers {
		p.at[n] = time.Time{} // nobody knows whether they were published: they are not judged
	}
	return fmt.Errorf("publish: %w", err)
}

// left tells the publisher how many messages wait in the subscription.
func (p *publisher) left(backlog int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting = backlog
	p.changed.Broadcast()
}

// published is when each change was published; zero: it was not. It must not be changed.
func (p *publisher) published() []time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.at
}
