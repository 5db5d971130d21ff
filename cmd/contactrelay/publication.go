package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/contactrelay/contactrelay/messages"
)

// Limits of a publication: what is under way at once, and for how long the client tries by itself.
const (
	publishWindow      = 1000
	publishWindowBytes = 64 << 20
	publishTimeout     = 30 * time.Second
	// interruptGrace is how long an interrupted publication waits for the confirmations still under way.
	interruptGrace = 2 * time.Second
)

// publication is the publishing of numbered messages to one topic, in order for each ordering key. After a message
// of a key failed the later ones of the key fail too, so that none overtakes it.
type publication struct {
	publisher *pubsub.Publisher
	progress  func() // called for each message that is settled
	pending   chan pendingMessage
	collected sync.WaitGroup

	mu       sync.Mutex // guards the fields below
	stopped  error      // an error that all later messages would meet
	result   published
	settling context.CancelFunc
}

type pendingMessage struct {
	number int
	result *pubsub.PublishResult
}

// published is what came of a publication.
type published struct {
	confirmed int
	failed    numberRanges // messages that were tried and are not confirmed
	last      int          // the last message that was tried
	err       error        // the first failure
}

// newPublication starts a publication; finish ends it.
func newPublication(ctx context.Context, client *pubsub.Client, topic string, progress func()) *publication {
	publisher := client.Publisher(topic)
	publisher.EnableMessageOrdering = true
	publisher.PublishSettings.Timeout = publishTimeout
	publisher.PublishSettings.FlowControlSettings = pubsub.FlowControlSettings{
		MaxOutstandingMessages: publishWindow,
		MaxOutstandingBytes:    publishWindowBytes,
		LimitExceededBehavior:  pubsub.FlowControlBlock,
	}
	settling, cancel := context.WithCancel(context.WithoutCancel(ctx))
	p := &publication{
		publisher: publisher,
		progress:  progress,
		pending:   make(chan pendingMessage, publishWindow),
		settling:  cancel,
	}
	context.AfterFunc(ctx, func() { time.AfterFunc(interruptGrace, cancel) })
	p.collected.Go(func() { p.collect(settling) })
	return p
}

// publish hands a message to the client and blocks only while too much is under way. An error means that no later
// message needs to be tried; what became of this one is for finish to say.
func (p *publication) publish(ctx context.Context, number int, m messages.Message) error {
	p.mu.Lock()
	stopped := p.stopped
	p.mu.Unlock()
	if stopped != nil {
		return stopped
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	p.result.last = number // collect does not touch it
	p.pending <- pendingMessage{number, p.publisher.Publish(ctx, &pubsub.Message{
		Data: m.Data, Attributes: m.Attributes, OrderingKey: m.OrderingKey,
	})}
	return nil
}

// collect waits for the confirmations, in the order of publishing.
func (p *publication) collect(ctx context.Context) {
	for m := range p.pending {
		_, err := m.result.Get(ctx)
		p.progress()
		p.mu.Lock()
		if err == nil {
			p.result.confirmed++
		} else {
			p.result.failed.add(m.number)
			p.fail(err)
		}
		p.mu.Unlock()
	}
}

// fail notes why a message is not in. Callers hold mu.
func (p *publication) fail(err error) {
	if p.result.err == nil {
		p.result.err = err
	}
	switch status.Code(err) {
	case codes.NotFound, codes.PermissionDenied, codes.Unauthenticated, codes.Unavailable:
		p.stopped = err // every other message would meet the same
	}
	if errors.Is(err, context.DeadlineExceeded) {
		p.stopped = err
	}
}

// finish blocks until every message is confirmed or failed, and returns what came of them.
func (p *publication) finish() published {
	close(p.pending)
	p.collected.Wait()
	p.settling()
	return p.result
}

// numberRanges is an ascending set of numbers, kept as ranges. The zero value is empty.
type numberRanges [][2]int

// add adds a number that is larger than all before it.
func (r *numberRanges) add(n int) {
	if last := len(*r) - 1; last >= 0 && (*r)[last][1] == n-1 {
		(*r)[last][1] = n
		return
	}
	*r = append(*r, [2]int{n, n})
}

// shownRanges is how many ranges String names.
const shownRanges = 50

// String is the set as "3, 7-12".
func (r numberRanges) String() string {
	text := ""
	for i, span := range r {
		switch {
		case i == shownRanges:
			return text + ", …"
		case i > 0:
			text += ", "
		}
		if text += fmt.Sprint(span[0]); span[1] > span[0] {
			text += fmt.Sprintf("-%d", span[1])
		}
	}
	return text
}
