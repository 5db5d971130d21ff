package main

import (
	"bufio"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/contactrelay/contactrelay/deadletter"
)

// discardCommand removes letters for good.
type discardCommand struct {
	benchSettings
	choiceSettings
	auditSettings
	Because string `help:"Why: it stands in the audit. Required." env:"-" placeholder:"TEXT"`
	Yes     bool   `help:"Do not ask." env:"-"`
}

// Run looks, asks and removes.
func (c *discardCommand) Run(ctx context.Context, t terminal, f *settingFaults) error {
	c.benchSettings.resolve(ctx, f)
	filter := c.choice(f, time.Now())
	f.require(strings.TrimSpace(c.Because) != "", "because", "say why: it stands in the audit")
	c.auditSettings.check(f)
	if err := f.err(); err != nil {
		return err
	}
	return c.operate(ctx, t, &c.auditSettings, func(b *bench, a *audit) error { return c.discard(ctx, t, b, a, filter) })
}

// discard chooses, asks and removes.
func (c *discardCommand) discard(ctx context.Context, t terminal, b *bench, a *audit, filter deadletter.Filter) error {
	entries, err := b.choose(filter)
	if err != nil {
		return err
	}
	b.account(ctx, t, len(entries))
	if len(entries) == 0 {
		return nil
	}
	question := fmt.Sprintf("Remove %s of %s for good?", plural(len(entries), "letter"), plural(usersOf(entries), "user"))
	if !c.Yes && !confirmed(ctx, t, question) {
		return errLeft
	}
	removed, err := b.discard(ctx, a, entries, c.Because)
	fmt.Fprintf(t.out, "discarded %d of %s\n", removed, plural(len(entries), "letter"))
	if err == nil && removed < len(entries) {
		err = errLeft
	}
	return err
}

// discardAtOnce is how many letters are removed at a time.
const discardAtOnce = 500

// discard removes entries, with the reason in the audit, and returns how many are gone.
func (b *bench) discard(ctx context.Context, a *audit, entries []*deadletter.Entry, why string) (removed int, err error) {
	for some := range slices.Chunk(entries, discardAtOnce) {
		if ctx.Err() != nil {
			return removed, errLeft
		}
		var ids []string
		var deeds []deed
		for _, e := range some {
			ids = append(ids, e.Messages...)
			deeds = append(deeds, deed{Action: "discard", Why: why, Reason: string(e.Reason), Letter: e.ID, Replays: e.Replays})
		}
		// The audit first: a letter must not go without a trace. What is begun is ended, also after Ctrl-C.
		work := context.WithoutCancel(ctx)
		if err := a.write(work, deeds); err != nil {
			return removed, err
		}
		if err := b.remove(work, ids); err != nil {
			return removed, err
		}
		removed += len(some)
	}
	return removed, nil
}

// closing ends the audit, and returns why it may not be whole if nothing else went wrong.
func closing(a *audit, err error) error {
	if closed := a.close(); err == nil && closed != nil {
		return fmt.Errorf("write the audit: %w", closed)
	}
	return err
}

// usersOf counts the users of entries.
func usersOf(entries []*deadletter.Entry) int {
	users := map[string]bool{}
	for _, e := range entries {
		users[e.Original.OrderingKey] = true
	}
	return len(users)
}

// confirmed asks on t.err, and reports whether the answer is yes. No answer, and an interruption, is none.
func confirmed(ctx context.Context, t terminal, question string) bool {
	fmt.Fprintf(t.err, "%s [y/N] ", question)
	answer := make(chan string, 1)
	// Reading a terminal cannot be interrupted: this may outlast the function, and ends with the process.
	go func() {
		line, _ := bufio.NewReader(t.in).ReadString('\n')
		answer <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case line := <-answer:
		if line == "y" || line == "yes" {
			return true
		}
	case <-ctx.Done():
	}
	t.complain("nothing was done")
	return false
}
