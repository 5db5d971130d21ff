package main

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Limits of a publication: what is under way at once, and for how long the client tries by itself.
const (
	publishWindow      = 1000
	publishWindowBytes = 64 << 20
	publishTimeout     = 30 * time.Second
	// interruptGrace is how long an interrupted publication waits for the confirmations still under way.
	interruptGrace = 2 * time.Second
)

// publication is the publishing of lines to one topic, in order for each ordering key. After a message
// of a key failed the later ones of the key fail too, so that none overtakes it.
type publication struct {
	publisher *pubsub.Publisher
	progress  func(lines int) // called for what is settled
	pending   chan pendingMessage
	collected sync.WaitGroup

	mu       sync.Mutex // guards the fields below
	stopped  error      // an error that all later messages would meet
	result   published
	settling context.CancelFunc
}

type pendingMessage struct {
	lines  []int
	result *pubsub.PublishResult
}

// published is what came of a publication.
type published struct {
	messages  int   // that are in
	confirmed int   // lines that are in
	failed    []int // lines that were tried and are not confirmed
	err       error // the first failure
}

// newPublication starts a publication; finish ends it.
func newPublication(ctx context.Context, client *pubsub.Client, topic string, progress func(lines int)) *publication {
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
func (p *publication) publish(ctx context.Context, out outgoing) error {
	p.mu.Lock()
	stopped := p.stopped
	p.mu.Unlock()
	if stopped != nil {
		return stopped
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	m := out.message
	p.pending <- pendingMessage{out.lines, p.publisher.Publish(ctx, &pubsub.Message{
		Data: m.Data, Attributes: m.Attributes, OrderingKey: m.OrderingKey,
	})}
	return nil
}

// collect waits for the confirmations, in the order of publishing.
func (p *publication) collect(ctx context.Context) {
	for m := range p.pending {
		_, err := m.result.Get(ctx)
		p.progress(len(m.lines))
		p.mu.Lock()
		if err == nil {
			p.result.messages++
			p.result.confirmed += len(m.lines)
		} else {
			p.result.failed = append(p.result.failed, m.lines...)
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

// shownRanges is how many ranges of lines are shown.
const shownRanges = 50

// ranges shows the numbers of lines as "line 3" or "lines 3, 7-12".
func ranges(numbers []int) string {
	numbers = slices.Compact(slices.Sorted(slices.Values(numbers)))
	if len(numbers) == 1 {
		return "line " + strconv.Itoa(numbers[0])
	}
	var all []string
	for i := 0; i < len(numbers); {
		end := i
		for end+1 < len(numbers) && numbers[end+1] == numbers[end]+1 {
			end++
		}
		if all = append(all, strconv.Itoa(numbers[i])); end > i {
			all[len(all)-1] += "-" + strconv.Itoa(numbers[end])
		}
		i = end + 1
	}
	if len(all) > shownRanges {
		all = append(all[:shownRanges], "…")
	}
	return "lines " + strings.Join(all, ", ")
}
