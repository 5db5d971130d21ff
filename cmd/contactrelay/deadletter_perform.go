package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/contactrelay/contactrelay/deadletter"
)

// replayGrace is how long an interrupted replay waits for the confirmations still under way. What is not confirmed by
// then stays a letter; should it be published all the same, the worker recognises the next replay of it.
const replayGrace = 5 * time.Second

// performance is the carrying out of a plan. A letter is removed only once its replay is confirmed.
type performance struct {
	*bench
	audit   *audit
	bar     *bar
	topic   string // its full name
	limiter *rate.Limiter
	window  window
	ramp    *deadletter.Ramp // nil without one

	mu     sync.Mutex // guards the fields below
	done   performed
	broken error // why nothing more is to be tried
}

// performed is what came of a plan.
type performed struct {
	replayed, overwritten, discarded int
	unremoved                        int   // replayed, and still there
	came, same                       int   // of a ramp: letters that came back, and with the same reason
	stopped                          bool  // the ramp did
	err                              error // the first failure
}

func (d *performed) count() int { return d.replayed + d.overwritten + d.discarded }

// left is how many letters are still there of those that were chosen, or again.
func (d *performed) left(p *replayPlan) int {
	return p.letters() - d.count() + d.unremoved + d.came
}

// perform carries out a plan.
func (c *replayCommand) perform(ctx context.Context, t terminal, b *bench, a *audit, plan *replayPlan) (performed, error) {
	p := &performance{
		bench: b, audit: a, bar: c.bar(t, len(plan.tasks)), topic: c.fullName("topics", c.Topic), limiter: rate.NewLimiter(rate.Inf, widest),
	}
	if c.Rate > 0 {
		p.limiter = rate.NewLimiter(rate.Limit(c.Rate), max(1, c.Rate/20))
	}
	defer p.bar.end()
	if c.Ramp {
		p.climb(ctx, t, plan.tasks, c)
	} else {
		p.step(ctx, plan.tasks)
	}
	return p.done, p.link.explain(p.done.err)
}

// bar is the progress of so many letters.
func (c *replayCommand) bar(t terminal, letters int) *bar {
	if c.Rate > 0 || c.Ramp {
		return slowBar(t, letters)
	}
	return newBar(t, letters)
}

// step carries out tasks hand by hand, as many side by side as the window allows, and blocks until they are confirmed and
// removed, or have failed. A user's next hand waits for the one before it: none overtakes, also where one fails.
func (p *performance) step(ctx context.Context, tasks []*task) {
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(replayGrace, cancel) })()
	users, ended := byUser(tasks), make(chan *hand)
	carried := func(h *hand) {
		if h.err == nil {
			p.window.measured(h.took)
			if len(h.after) > 0 {
				users = slices.Insert(users, 0, h.after)
			}
		}
	}
	for hands, letters := 0, 0; ; {
		width := p.window.width()
		if letters >= width || len(users) == 0 {
			if hands == 0 {
				return
			}
			h := <-ended
			hands, letters = hands-1, letters-len(h.tasks)
			carried(h)
			continue
		}
		h := takeHand(users[0], min(width-letters, p.limiter.Burst()), p.fail)
		users = users[1:]
		switch {
		case len(h.tasks) == 0: // none of them is fit
		case p.limiter.WaitN(ctx, len(h.tasks)) != nil || p.stopped() != nil:
			users = nil
		case width == 1:
			p.carryOut(work, h) // one at a time needs nobody beside it, and to hand it over costs a tenth of its time
			carried(h)
		default:
			hands, letters = hands+1, letters+len(h.tasks)
			go func() { p.carryOut(work, h); ended <- h }()
		}
	}
}

func (p *performance) stopped() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.broken
}

// settle writes down what was done and removes the letters. messages are the IDs of those that replay them.
func (p *performance) settle(ctx context.Context, tasks []*task, messages []string) {
	deeds := make([]deed, len(tasks))
	for i, t := range tasks {
		deeds[i] = t.deed()
		if t.replay != nil {
			deeds[i].Message, messages = messages[0], messages[1:]
		}
	}
	if err := p.audit.write(ctx, deeds); err != nil {
		p.abandon(err)
		// What is published is removed all the same; what was to be discarded must not go without a trace.
		tasks = slices.DeleteFunc(slices.Clone(tasks), func(t *task) bool { return t.replay == nil })
	}
	var letters []string
	for _, t := range tasks {
		letters = append(letters, t.entry.Messages...)
	}
	err := p.remove(ctx, letters)
	if err != nil {
		p.abandon(p.settings.explain(ctx, err)) // what cannot be removed is not to be published
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, t := range tasks {
		p.done.add(t, err == nil)
	}
	p.bar.add(len(tasks))
}

// add counts a task that was carried out; removed: its letter is gone.
func (d *performed) add(t *task, removed bool) {
	switch {
	case t.replay == nil && removed:
		d.discarded++
	case t.replay == nil:
		return
	case t.action == "overwrite":
		d.overwritten++
	default:
		d.replayed++
	}
	if !removed {
		d.unremoved++
	}
}

// fail notes that a letter was not replayed, and which name or grant is wrong if one is.
func (p *performance) fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch status.Code(err) {
	case codes.NotFound:
		err = fmt.Errorf("there is no topic %s: see --topic", p.topic)
		p.broken = err // every other letter would meet the same
	case codes.PermissionDenied:
		err = fmt.Errorf("no permission to publish to %s: grant roles/pubsub.publisher on it", p.topic)
		p.broken = err
	case codes.Unauthenticated, codes.Unavailable, codes.DeadlineExceeded:
		p.broken = err
	}
	if errors.Is(err, context.DeadlineExceeded) { // the client's own, which is no status
		p.broken = err
	}
	p.done.err = cmp.Or(p.done.err, err)
}

// abandon notes why nothing more is to be tried.
func (p *performance) abandon(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done.err = cmp.Or(p.done.err, err)
	p.broken = err
}
