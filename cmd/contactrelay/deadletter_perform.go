package main

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"golang.org/x/time/rate"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/contactrelay/contactrelay/deadletter"
)

const (
	// replayWindow is how many letters are published and not removed yet: so many, and those being removed, are published
	// twice when the process is killed and run again.
	replayWindow = 100
	// removeAtOnce is how many confirmed letters are removed at a time, at most.
	removeAtOnce = 50
	// replayDelay is how long the client waits for more letters of a user: they come one right behind the other.
	replayDelay = time.Millisecond
	// replayGrace is how long an interrupted replay waits for the confirmations still under way. What is not confirmed
	// by then stays a letter; should it be published all the same, the worker recognises the next replay of it.
	replayGrace = 5 * time.Second
)

// performance is the carrying out of a plan. A letter is removed only once its replay is confirmed.
type performance struct {
	*bench
	audit     *audit
	bar       *bar
	publisher *pubsub.Publisher
	limiter   *rate.Limiter
	ramp      *deadletter.Ramp // nil without one

	mu     sync.Mutex // guards the fields below
	done   performed
	broken error // why nothing more is to be tried
}

// performed is what came of a plan.
type performed struct {
	replayed, overwritten, discarded int
	failed                           int   // not confirmed, and therefore still there
	unremoved                        int   // replayed, and still there
	came, same                       int   // of a ramp: letters that came back, and with the same reason
	stopped                          bool  // the ramp did
	err                              error // the first failure
}

func (d *performed) count() int { return d.replayed + d.overwritten + d.discarded }

// left is how many letters are still there of those that were chosen, or again.
func (d *performed) left(p *replayPlan) int {
	n := len(p.tasks) - d.count() + d.unremoved + d.came
	for _, ids := range p.spared {
		n += len(ids)
	}
	return n
}

// perform carries out a plan.
func (c *replayCommand) perform(ctx context.Context, t terminal, b *bench, a *audit, plan *replayPlan) (performed, error) {
	p := &performance{bench: b, audit: a, bar: newBar(t, len(plan.tasks)), publisher: b.client.Publisher(c.fullName("topics", c.Topic))}
	p.publisher.EnableMessageOrdering = true
	p.publisher.PublishSettings.Timeout = publishTimeout
	p.publisher.PublishSettings.DelayThreshold = replayDelay
	p.publisher.PublishSettings.FlowControlSettings = pubsub.FlowControlSettings{
		MaxOutstandingMessages: replayWindow, MaxOutstandingBytes: publishWindowBytes, LimitExceededBehavior: pubsub.FlowControlBlock,
	}
	defer p.publisher.Stop()
	p.limiter = rate.NewLimiter(rate.Inf, 1)
	if c.Rate > 0 {
		p.limiter = rate.NewLimiter(rate.Limit(c.Rate), max(1, c.Rate/20))
	}
	defer p.bar.end()
	if c.Ramp {
		p.climb(ctx, t, plan.tasks, c)
	} else {
		p.step(ctx, plan.tasks)
	}
	if p.done.err != nil {
		return p.done, c.explain(p.link.explain(p.done.err))
	}
	return p.done, nil
}

// explain says which name or grant is wrong, in one line.
func (c *replayCommand) explain(err error) error {
	topic := c.fullName("topics", c.Topic)
	switch status.Code(err) {
	case codes.NotFound:
		return fmt.Errorf("there is no topic %s: see --topic", topic)
	case codes.PermissionDenied:
		return fmt.Errorf("no permission to publish to %s: grant roles/pubsub.publisher on it", topic)
	}
	return err
}

// underWay is a task whose message was handed to the client.
type underWay struct {
	*task
	result *pubsub.PublishResult // nil: nothing is published
}

// step carries out tasks in their order and blocks until they are confirmed and removed, or have failed.
func (p *performance) step(ctx context.Context, tasks []*task) {
	pending := make(chan underWay, replayWindow)
	settling, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(replayGrace, cancel) })()
	var collected sync.WaitGroup
	collected.Go(func() { p.collect(settling, pending) })
	for _, t := range tasks {
		if p.limiter.Wait(ctx) != nil || p.stopped() != nil {
			break
		}
		p.begin(settling, t, pending)
	}
	close(pending)
	collected.Wait()
}

func (p *performance) stopped() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.broken
}

// begin publishes the message of a task. After one of a user failed the client refuses the user's later ones, so that
// none overtakes it.
func (p *performance) begin(ctx context.Context, t *task, pending chan<- underWay) {
	if t.replay == nil {
		pending <- underWay{task: t}
		return
	}
	m, err := t.replay.Again()
	if err != nil {
		p.fail(fmt.Errorf("letter %s: %w", t.entry.ID, err))
		return
	}
	if p.ramp != nil {
		p.ramp.Sent(t.entry)
	}
	pending <- underWay{t, p.publisher.Publish(ctx, &pubsub.Message{Data: m.Data, Attributes: m.Attributes, OrderingKey: m.OrderingKey})}
}

// collect waits for confirmations, in the order of publishing, and removes the letters that have theirs.
func (p *performance) collect(ctx context.Context, pending <-chan underWay) {
	var confirmed []*task
	var deeds []deed
	for u := range pending {
		id, err := "", error(nil)
		if u.result != nil {
			id, err = u.result.Get(ctx)
		}
		if err != nil {
			p.fail(err)
		} else {
			confirmed = append(confirmed, u.task)
			deeds = append(deeds, u.deed(id))
		}
		if len(confirmed) >= removeAtOnce || len(pending) == 0 {
			p.settle(ctx, confirmed, deeds)
			confirmed, deeds = nil, nil
		}
	}
	p.settle(ctx, confirmed, deeds)
}

// deed is the line of the audit for a task.
func (t *task) deed(message string) deed {
	d := deed{Action: t.action, Why: t.why, Reason: string(t.entry.Reason), Letter: t.entry.ID, Message: message, Replays: t.entry.Replays}
	if t.replay != nil {
		d.Replays++
	}
	return d
}

// settle writes down what was done and removes the letters.
func (p *performance) settle(ctx context.Context, tasks []*task, deeds []deed) {
	if len(tasks) == 0 {
		return
	}
	if err := p.audit.write(ctx, deeds); err != nil {
		p.abandon(err) // they are published: they are removed all the same
	}
	var ids []string
	for _, t := range tasks {
		ids = append(ids, t.entry.Messages...)
	}
	err := p.remove(context.WithoutCancel(ctx), ids)
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, t := range tasks {
		switch t.action {
		case "overwrite":
			p.done.overwritten++
		case "discard":
			p.done.discarded++
		default:
			p.done.replayed++
		}
	}
	if err != nil {
		p.done.unremoved += len(tasks)
		p.done.err = cmp.Or(p.done.err, err)
	}
	p.bar.add(len(tasks))
}

// fail notes that a letter was not replayed.
func (p *performance) fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done.failed++
	p.done.err = cmp.Or(p.done.err, err)
	switch status.Code(err) {
	case codes.NotFound, codes.PermissionDenied, codes.Unauthenticated, codes.Unavailable, codes.DeadlineExceeded:
		p.broken = err // every other letter would meet the same
	}
	p.bar.add(1)
}

// abandon notes why nothing more is to be tried.
func (p *performance) abandon(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done.err = cmp.Or(p.done.err, err)
	p.broken = err
}
