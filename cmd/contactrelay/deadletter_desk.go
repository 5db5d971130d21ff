package main

import (
	"cmp"
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
	// leaseFor is for how long letters are taken at a time: the least that the service allows, so that those of a killed
	// command are back soon.
	leaseFor = 10 * time.Second
	// renewEvery is how often leases are renewed, so that one renewal may fail.
	renewEvery = 3 * time.Second
	// requestsAtOnce is how many requests about letters are made side by side.
	requestsAtOnce = 8
	// handlesAtOnce bounds a request about letters: 512 KiB, with handles of up to 250 bytes.
	handlesAtOnce = 1000
	// removeTimeout is how long the service is asked to remove letters; left alone the client asks for minutes.
	removeTimeout = 30 * time.Second
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
	ctx, cancel := context.WithTimeout(ctx, removeTimeout)
	defer cancel()
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
	requests.SetLimit(requestsAtOnce)
	var err error
	for some := range slices.Chunk(handles, handlesAtOnce) {
		if len(some) == len(handles) {
			err = insist(ctx, some, request) // one alone needs no goroutine, which a replay would start for each letter
			break
		}
		requests.Go(func() error { return insist(ctx, some, request) })
	}
	if err = cmp.Or(err, requests.Wait()); err != nil && !errors.Is(err, context.Canceled) {
		return err
	} else if err != nil {
		return context.Cause(ctx)
	}
	return nil
}

// insist makes a request again that the service could not fulfil just then.
func insist(ctx context.Context, some []string, request func(ctx context.Context, some []string) error) (err error) {
	for try := range requestTries {
		if err = request(ctx, some); err == nil || status.Code(err) != codes.Unavailable {
			break
		}
		wait(ctx, 100*time.Millisecond<<try)
	}
	return err
}
