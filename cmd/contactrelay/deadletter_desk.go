package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	vkit "cloud.google.com/go/pubsub/v2/apiv1"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
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
	// leaseFor is for how long letters are taken at a time: the least that the service allows, so that those of a killed
	// command are back soon.
	leaseFor = 10 * time.Second
	// renewEvery is how often leases are renewed, so that one renewal may fail.
	renewEvery = 3 * time.Second
	// handlesAtOnce bounds a request about letters: 512 KiB, with handles of up to 250 bytes.
	handlesAtOnce = 1000
	// deskTimeout bounds what is said to the service about letters at the end of a command.
	deskTimeout = 10 * time.Second
)

// desk is the letters that this command holds for the moment. It takes them with short leases, which it renews, and
// gives back what was not removed. Safe for concurrent use.
type desk struct {
	client       *vkit.SubscriptionAdminClient
	subscription string

	mu      sync.Mutex                  // guards the fields below
	held    map[string]taken            // by Pub/Sub ID
	last    time.Time                   // when something new came last
	arrived func(d deadletter.Delivery) // told of each new delivery; nil: nobody is

	renewing sync.WaitGroup
	stop     context.CancelFunc // of the renewal
}

// taken is a letter's message with what it is given back or removed by.
type taken struct {
	deadletter.Delivery
	handle string
}

func newDesk(client *vkit.SubscriptionAdminClient, subscription string) *desk {
	return &desk{client: client, subscription: subscription, held: map[string]taken{}, stop: func() {}}
}

// look takes in all letters that are to be had: until none has come for so long. From then on the leases are renewed
// until giveBack.
func (d *desk) look(ctx context.Context, quiet time.Duration) error {
	renewing, stop := context.WithCancel(context.WithoutCancel(ctx))
	d.stop = stop
	d.renewing.Go(func() { d.renew(renewing) })

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
			wait(ctx, 100*time.Millisecond) // nothing came, or the service asks to come again
			continue
		case err != nil:
			return err
		}
		d.take(ctx, answer.GetReceivedMessages())
	}
	return nil
}

// take keeps what a pull brought, with the lease of this command in place of the subscription's, which may be long.
func (d *desk) take(ctx context.Context, all []*pubsubpb.ReceivedMessage) {
	if len(all) == 0 {
		return
	}
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

// keep notes a delivery. One that came before has a new handle now.
func (d *desk) keep(m taken) {
	d.mu.Lock()
	_, again := d.held[m.ID]
	d.held[m.ID] = m
	if !again {
		d.last = time.Now()
	}
	arrived := d.arrived
	d.mu.Unlock()
	if arrived != nil && !again {
		arrived(m.Delivery)
	}
}

// deliveries is all that is held.
func (d *desk) deliveries() []deadletter.Delivery {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := make([]deadletter.Delivery, 0, len(d.held))
	for _, m := range d.held {
		all = append(all, m.Delivery)
	}
	return all
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

// renew renews the leases until ctx is done.
func (d *desk) renew(ctx context.Context) {
	for {
		wait(ctx, renewEvery)
		if ctx.Err() != nil {
			return
		}
		_ = d.lease(ctx, d.handles(), leaseFor) // the next renewal is in time
	}
}

func (d *desk) handles() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	handles := make([]string, 0, len(d.held))
	for _, m := range d.held {
		handles = append(handles, m.handle)
	}
	return handles
}

// remove removes letters' messages, by their Pub/Sub IDs, for good. When it returns no error they are gone.
func (d *desk) remove(ctx context.Context, ids []string) error {
	handles := make([]string, 0, len(ids))
	d.mu.Lock()
	for _, id := range ids {
		if m, ok := d.held[id]; ok {
			handles = append(handles, m.handle)
		}
	}
	d.mu.Unlock()
	err := d.each(ctx, handles, func(ctx context.Context, some []string) error {
		return d.client.Acknowledge(ctx, &pubsubpb.AcknowledgeRequest{Subscription: d.subscription, AckIds: some})
	})
	if err != nil {
		return fmt.Errorf("remove letters: %w", err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, id := range ids {
		delete(d.held, id)
	}
	return nil
}

// giveBack returns what is held to the subscription at once, and how many of it that did not work for.
func (d *desk) giveBack(ctx context.Context) (int, error) {
	d.stop()
	d.renewing.Wait()
	handles := d.handles()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), deskTimeout)
	defer cancel()
	if err := d.lease(ctx, handles, 0); err != nil {
		return len(handles), err
	}
	return 0, nil
}

// lease has the leases of letters end after a time from now; after 0 they go back at once.
func (d *desk) lease(ctx context.Context, handles []string, after time.Duration) error {
	return d.each(ctx, handles, func(ctx context.Context, some []string) error {
		return d.client.ModifyAckDeadline(ctx, &pubsubpb.ModifyAckDeadlineRequest{
			Subscription: d.subscription, AckIds: some, AckDeadlineSeconds: int32(after / time.Second),
		})
	})
}

// requestTries is how often a request about letters is made that the service could not fulfil just then.
const requestTries = 5

// each makes requests about so many letters as go into one.
func (d *desk) each(ctx context.Context, handles []string, request func(ctx context.Context, some []string) error) error {
	var requests errgroup.Group
	requests.SetLimit(pullsAtOnce)
	for some := range slices.Chunk(handles, handlesAtOnce) {
		requests.Go(func() (err error) {
			for try := range requestTries {
				if err = request(ctx, some); err == nil || status.Code(err) != codes.Unavailable {
					break
				}
				wait(ctx, 100*time.Millisecond<<try)
			}
			return err
		})
	}
	if err := requests.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	} else if err != nil {
		return context.Cause(ctx)
	}
	return nil
}
