package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/contactrelay/contactrelay/deadletter"
	"github.com/contactrelay/contactrelay/messages"
)

// What to do with a letter that is in conflict with its contact.
const (
	overwriteConflict = "overwrite"
	discardConflict   = "discard"
)

// replayCommand publishes letters again.
type replayCommand struct {
	benchSettings
	choiceSettings
	peopleSettings
	auditSettings
	Topic         string        `help:"Topic to publish to." default:"contact-changes"`
	From          string        `help:"Replay these repaired letters of an export, and no others. - for standard input." env:"-" placeholder:"FILE"`
	MaxPhotoBytes byteSize      `help:"Largest photo, decoded: as the worker's." default:"5MiB"`
	Foreign       bool          `help:"Replay what is no letter of contactrelay, too." env:"-"`
	OnConflict    string        `help:"What to do where the contact was changed since: overwrite (the same values over what is there) or discard. Default: replay it as it is; it becomes a letter again." env:"-" placeholder:"WHAT"`
	DryRun        bool          `help:"Read the contacts and say what a replay would do. Nothing is changed." env:"-"`
	Rate          int           `help:"Letters a second; 0: as fast as can be." default:"0"`
	Ramp          bool          `help:"Replay 1, 5, 25, 125 … letters, wait after each step for what comes back, and stop when one has the same reason again." env:"-"`
	StepWait      time.Duration `help:"How long a step of a ramp waits for letters that do not come back." default:"30s"`
	MaxFailures   int           `help:"Letters that may come back with the same reason before a ramp stops." default:"0"`
	MaxReplays    int           `help:"Leave letters that were replayed so often: they would come back for ever." default:"5"`
	Yes           bool          `help:"Do not ask." env:"-"`
}

func (c *replayCommand) limits() messages.Limits {
	return messages.Limits{MaxPhotoBytes: int(c.MaxPhotoBytes)}
}

// check returns which letters to replay, and notes what is wrong.
func (c *replayCommand) check(ctx context.Context, f *settingFaults) (filter deadletter.Filter) {
	c.benchSettings.resolve(ctx, f)
	checkName(f, "topic", "topics", c.Topic)
	if c.From == "" {
		filter = c.choice(f, time.Now())
	} else {
		chosen := c.filter(f, time.Now())
		f.require(!c.All && len(c.IDs) == 0 && chosen.Empty(), "from", "says by itself which letters: give no others")
	}
	f.require(c.From != "-" || c.Yes || c.DryRun, "yes", "required with --from -: there is nobody to ask")
	f.require(c.OnConflict == "" || c.OnConflict == overwriteConflict || c.OnConflict == discardConflict,
		"on-conflict", "%q is neither overwrite nor discard", c.OnConflict)
	f.require(c.MaxPhotoBytes >= 1, "max-photo-bytes", "must be 1B or more")
	f.require(c.Rate >= 0, "rate", "must be 0 or more")
	f.require(c.StepWait > 0, "step-wait", "must be more than 0")
	f.require(c.MaxFailures >= 0, "max-failures", "must be 0 or more")
	f.require(c.MaxReplays >= 1, "max-replays", "must be 1 or more")
	c.auditSettings.check(f)
	return filter
}

// Run looks, plans, asks and replays.
func (c *replayCommand) Run(ctx context.Context, t terminal, f *settingFaults) error {
	filter := c.check(ctx, f)
	if err := f.err(); err != nil {
		return err
	}
	return c.operate(ctx, t, &c.auditSettings, func(b *bench, a *audit) error { return c.replay(ctx, t, b, a, filter) })
}

// replay plans, asks and carries the plan out, or says what it would do.
func (c *replayCommand) replay(ctx context.Context, t terminal, b *bench, a *audit, filter deadletter.Filter) error {
	plan, err := c.plan(ctx, t, b, filter)
	if err != nil {
		return err
	}
	b.account(ctx, t, plan.letters())
	if c.DryRun {
		return c.dryRun(ctx, t, b, plan)
	}
	if len(plan.tasks) > 0 && !c.Yes && !confirmed(ctx, t, plan.question(c.Topic)) {
		return errLeft
	}
	done, err := c.perform(ctx, t, b, a, plan)
	done.print(t, c, plan)
	switch {
	case ctx.Err() != nil:
		t.complain("contactrelay: interrupted; what was not replayed is still there")
		return errLeft
	case err != nil && done.count() == 0:
		return err
	case err != nil:
		t.complain("contactrelay: %v", err)
		return errLeft
	case done.left(plan) > 0:
		return errLeft
	}
	return nil
}

// plan says what becomes of the letters that were chosen.
func (c *replayCommand) plan(ctx context.Context, t terminal, b *bench, filter deadletter.Filter) (*replayPlan, error) {
	var entries []*deadletter.Entry
	var missing []string
	var err error
	if c.From != "" {
		entries, missing, err = b.repaired(ctx, t, c.From, c)
	} else {
		entries, err = b.choose(filter)
	}
	if err != nil {
		return nil, err
	}
	p := &replayPlan{}
	for _, id := range missing {
		p.leave(id, "not there: replayed already, or another operator holds it")
	}
	for _, e := range deadletter.InOrder(entries) {
		switch {
		case e.State == deadletter.Damaged:
			p.leave(e.ID, "damaged: nothing can be replayed of it")
		case e.State == deadletter.Incomplete:
			p.leave(e.ID, "incomplete: parts of it were not found")
		case e.State == deadletter.Foreign && !c.Foreign:
			p.leave(e.ID, "foreign: see --foreign")
		case e.Replays >= c.MaxReplays:
			p.leave(e.ID, fmt.Sprintf("replayed %d times or more before: see --max-replays", c.MaxReplays))
		default:
			p.tasks = append(p.tasks, &task{entry: e, replay: e, action: "replay"})
		}
	}
	if c.OnConflict == "" || c.DryRun || len(p.tasks) == 0 {
		return p, nil
	}
	return p, c.settleConflicts(ctx, t, p)
}

// settleConflicts reads the contacts and decides what to do where they were changed since.
func (c *replayCommand) settleConflicts(ctx context.Context, t terminal, p *replayPlan) error {
	reader := c.reader(ctx, c.limits())
	defer reader.close()
	forecasts, err := reader.foresee(ctx, p.entries(), c.OnConflict == overwriteConflict)
	if err != nil {
		return errInterrupted
	}
	if reader.client == nil {
		return fmt.Errorf("the contacts must be read for --on-conflict: %w; nothing was replayed", reader.trouble.why)
	}
	all := p.tasks
	p.tasks = nil
	for i, f := range forecasts {
		if slices.ContainsFunc(f.contacts, func(c deadletter.Prospect) bool { return c.Effect == deadletter.Unread }) {
			p.leave(f.entry.ID, "unread: nobody knows whether it is in conflict")
			continue
		}
		if err := all[i].settle(f, c.OnConflict); err != nil {
			return fmt.Errorf("letter %s: %w", f.entry.ID, err)
		}
		p.tasks = append(p.tasks, all[i])
	}
	reader.report(t)
	return nil
}
