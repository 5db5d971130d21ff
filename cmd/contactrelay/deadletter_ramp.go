package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/contactrelay/contactrelay/deadletter"
)

// climb carries out tasks in steps that grow, and stops when too many letters come back with the reason that they had.
func (p *performance) climb(ctx context.Context, t terminal, tasks []*task, c *replayCommand) {
	p.ramp = deadletter.NewRamp(c.MaxFailures)
	listening, enough := context.WithCancel(ctx)
	var listener sync.WaitGroup
	listener.Go(func() {
		err := p.listen(listening, func(d deadletter.Delivery) {
			for _, e := range deadletter.Entries([]deadletter.Delivery{d}) {
				p.ramp.Arrived(e)
			}
		})
		if err != nil {
			p.abandon(p.settings.explain(ctx, err)) // blind, it must not go on
		}
	})
	defer listener.Wait()
	defer enough()
	for _, size := range deadletter.Steps(len(tasks)) {
		p.step(ctx, tasks[:size])
		tasks = tasks[size:]
		p.await(ctx, c.StepWait)
		_, p.done.came, p.done.same, _ = p.ramp.State()
		p.bar.clear()
		fmt.Fprintf(t.err, "step of %d: %d came back, %d of them with the same reason\n", size, p.done.came, p.done.same)
		if p.ramp.Failed() {
			p.done.stopped = len(tasks) > 0
			return
		}
		if ctx.Err() != nil || p.stopped() != nil {
			return
		}
	}
}

// await blocks until all that was replayed has come back, too much of it has, or so much time has passed.
func (p *performance) await(ctx context.Context, most time.Duration) {
	over := time.NewTimer(most)
	defer over.Stop()
	for {
		open, _, _, changed := p.ramp.State()
		if open == 0 || p.ramp.Failed() || p.stopped() != nil {
			return
		}
		select {
		case <-changed:
		case <-over.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// print says what came of a replay.
func (d *performed) print(t terminal, c *replayCommand, plan *replayPlan) {
	total := plan.letters()
	fmt.Fprintf(t.out, "replayed %d of %s to %s\n", d.replayed+d.overwritten, plural(total, "letter"), c.fullName("topics", c.Topic))
	if d.overwritten > 0 {
		fmt.Fprintf(t.out, "%d of them to overwrite what the contacts hold\n", d.overwritten)
	}
	if d.discarded > 0 {
		fmt.Fprintf(t.out, "discarded %d in conflict\n", d.discarded)
	}
	if d.came > 0 {
		fmt.Fprintf(t.out, "%d came back, %d of them with the same reason\n", d.came, d.same)
	}
	if d.stopped {
		t.complain("stopped: the cause is not mended")
	}
	if d.unremoved > 0 {
		t.complain("%s could not be removed: replayed again, the worker recognises them", plural(d.unremoved, "replayed letter"))
	}
	plan.printSpared(t)
	if n := total - d.count(); n > 0 {
		t.complain("%s left", plural(n, "letter"))
	}
}
