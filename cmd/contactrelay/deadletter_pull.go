package main

import (
	"context"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/googleapis/gax-go/v2"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/contactrelay/contactrelay/deadletter"
)

const (
	// pullsAtOnce is how many pulls are under way side by side: one alone gets few letters at a time.
	pullsAtOnce = 8
	// pullMost is the most letters that one pull asks for.
	pullMost = 1000
	// reachTimeout bounds the first request: connecting and signing in may take seconds.
	reachTimeout = 10 * time.Second
	// pullPause is the time between a pull that brought nothing and the next.
	pullPause = 100 * time.Millisecond
)

// look takes in all letters that are to be had: until none has come for so long. From then on the leases are renewed
// until giveBack.
func (d *desk) look(ctx context.Context, quiet time.Duration) error {
	renewing, stop := context.WithCancel(context.WithoutCancel(ctx))
	d.stop = stop
	d.renewing.Go(func() { d.renew(renewing) })

	d.reach(ctx)
	d.last = time.Now()
	pulling, enough := context.WithCancel(ctx)
	defer enough()
	var pulls errgroup.Group
	pulls.Go(func() error { d.untilQuiet(pulling, quiet); enough(); return nil })
	for range pullsAtOnce {
		pulls.Go(func() error {
			defer enough() // after an error the others need not go on
			return d.pull(pulling)
		})
	}
	if err := pulls.Wait(); err != nil {
		return err
	}
	return context.Cause(ctx)
}

// reach blocks until the service has answered, or is known not to. A pull of an empty subscription gets no answer for
// long, so that one cannot tell a service that has nothing from one that has not been reached yet.
func (d *desk) reach(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, reachTimeout)
	defer cancel()
	once := gax.WithRetry(func() gax.Retryer { return nil })
	// What the answer is does not matter: whoever may pull need not be allowed to read the settings.
	_, _ = d.client.GetSubscription(ctx, &pubsubpb.GetSubscriptionRequest{Subscription: d.subscription}, once)
}

// untilQuiet blocks until nothing new has come for so long.
func (d *desk) untilQuiet(ctx context.Context, quiet time.Duration) {
	for ctx.Err() == nil {
		d.mu.Lock()
		left := time.Until(d.last.Add(quiet))
		d.mu.Unlock()
		if left <= 0 {
			return
		}
		wait(ctx, left)
	}
}

// pull takes letters in until ctx is done.
func (d *desk) pull(ctx context.Context) error {
	for ctx.Err() == nil {
		answer, err := d.client.Pull(ctx, &pubsubpb.PullRequest{Subscription: d.subscription, MaxMessages: pullMost})
		switch {
		case ctx.Err() != nil && err != nil:
			return nil
		case status.Code(err) == codes.DeadlineExceeded || status.Code(err) == codes.Unavailable:
			wait(ctx, pullPause) // nothing came, or the service asks to come again
			continue
		case err != nil:
			return err
		}
		if len(answer.GetReceivedMessages()) == 0 {
			wait(ctx, pullPause) // the service may answer at once that there is nothing
			continue
		}
		d.take(ctx, answer.GetReceivedMessages())
	}
	return nil
}

// take keeps what a pull brought, with the lease of this command in place of the subscription's, which may be long.
func (d *desk) take(ctx context.Context, all []*pubsubpb.ReceivedMessage) {
	handles := make([]string, 0, len(all))
	for _, r := range all {
		m := r.GetMessage()
		handles = append(handles, r.GetAckId())
		d.keep(taken{deadletter.Delivery{
			Message: deadletter.Message{Data: m.GetData(), Attributes: m.GetAttributes(), OrderingKey: m.GetOrderingKey()},
			ID:      m.GetMessageId(), Published: m.GetPublishTime().AsTime(),
		}, r.GetAckId()})
	}
	_ = d.lease(ctx, handles, leaseFor) // else the subscription's own lease holds, and the renewal tries again
}

// listen tells arrived of each letter that comes from now on, until ctx is done. They are held like all others.
func (d *desk) listen(ctx context.Context, arrived func(deadletter.Delivery)) error {
	d.mu.Lock()
	d.arrived = arrived
	d.mu.Unlock()
	var pulls errgroup.Group
	for range 2 {
		pulls.Go(func() error { return d.pull(ctx) })
	}
	return pulls.Wait()
}
