package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/contactrelay/contactrelay/messages"
)

// publishCommand publishes contact changes.
type publishCommand struct {
	project
	Topic         string   `help:"Topic to publish to." default:"contact-changes"`
	MaxPhotoBytes byteSize `help:"Largest photo, decoded: as the worker's." default:"5MiB"`
	Combine       bool     `help:"Make batch messages of a user's consecutive patches with one mask: for bulk imports."`
	File          string   `arg:"" help:"JSON lines {\"user\", \"type\", \"id\"?, \"source\"?, \"body\"}; - for standard input."`
}

// Run validates all lines, then publishes them. A wrong line keeps all of them from being published.
func (c *publishCommand) Run(ctx context.Context, t terminal, f *settingFaults) error {
	c.project.resolve(ctx, f)
	checkName(f, "topic", "topics", c.Topic)
	f.require(c.MaxPhotoBytes >= 1, "max-photo-bytes", "must be 1B or more")
	if err := f.err(); err != nil {
		return err
	}
	lines, err := openLines(ctx, c.File, t.in)
	if err != nil {
		return interrupted(ctx, t, err)
	}
	defer lines.close()
	total, err := c.validate(ctx, t, lines)
	if err != nil {
		return interrupted(ctx, t, err)
	}
	return c.send(ctx, t, lines, total)
}

// send publishes the lines, and says how many are in and which are not.
func (c *publishCommand) send(ctx context.Context, t terminal, lines *lineFile, total int) error {
	bar, once := newBar(t, total), sync.Once{}
	client, link, err := connect(ctx, c.Project, func(err error) {
		once.Do(func() {
			bar.clear()
			t.complain("contactrelay: %v; trying for %v", err, publishTimeout)
		})
	})
	if err != nil {
		return err
	}
	defer client.Close()
	topic := c.fullName("topics", c.Topic)
	done, stopped := c.publish(ctx, lines, newPublication(ctx, client, topic, bar.add))
	bar.end()
	fmt.Fprintf(t.out, "published %d of %d changes to %s", done.confirmed, total, topic)
	if c.Combine {
		fmt.Fprintf(t.out, ", as %d messages", done.messages)
	}
	fmt.Fprintln(t.out)
	if done.confirmed == total {
		return nil
	}
	if done.err = link.explain(done.err); ctx.Err() != nil {
		done.err = errInterrupted
	}
	return done.explain(t, stopped)
}

// errInterrupted is what a person reads after Ctrl-C.
var errInterrupted = errors.New("interrupted")

// interrupted is err from before anything was published, unless it is because of an interruption: then it says that
// no line is in.
func interrupted(ctx context.Context, t terminal, err error) error {
	if ctx.Err() == nil {
		return err
	}
	return published{err: errInterrupted}.explain(t, unread{err: ctx.Err()})
}

// unread is why lines were not even tried, and after which line they begin.
type unread struct {
	err   error
	after int
}

// publish publishes the lines. Lines that were read and never handed to the publication count as failed.
func (c *publishCommand) publish(ctx context.Context, lines *lineFile, p *publication) (published, unread) {
	combiner, last := newCombiner(), 0
	held := map[int]bool{} // lines that were read and not handed over
	send := func(ready []outgoing, err error) error {
		for _, out := range ready {
			if err == nil {
				err = p.publish(ctx, out)
			}
			if err != nil {
				return err
			}
			for _, line := range out.lines {
				delete(held, line)
			}
		}
		return err
	}
	err := lines.each(ctx, func(number int, text []byte) error {
		m, change, err := messages.ParseRecord(text, c.limits())
		if err != nil {
			return fmt.Errorf("line %d was changed while it was read", number)
		}
		held[number], last = true, number
		if c.Combine {
			return send(combiner.add(number, m, change))
		}
		return send([]outgoing{{[]int{number}, m}}, nil)
	})
	stopped := unread{err, last}
	if err == nil {
		err = send(combiner.rest())
	}
	done := p.finish()
	done.failed = append(done.failed, slices.Collect(maps.Keys(held))...)
	if done.err == nil {
		done.err = err
	}
	return done, stopped
}

func (c *publishCommand) limits() messages.Limits {
	return messages.Limits{MaxPhotoBytes: int(c.MaxPhotoBytes)}
}

// shownFaults is how many wrong lines are shown; of a file in another format all lines are wrong.
const shownFaults = 20

// validate counts the lines, or says which are wrong.
func (c *publishCommand) validate(ctx context.Context, t terminal, lines *lineFile) (total int, err error) {
	wrong, events := 0, map[string]int{}
	err = lines.each(ctx, func(number int, text []byte) error {
		total++
		_, change, err := messages.ParseRecord(text, c.limits())
		if err == nil && c.Combine && change.ID != "" {
			event := strings.Join([]string{change.User, change.Source, change.ID}, "\x00")
			if first, twice := events[event]; twice {
				err = fmt.Errorf("invalid: id: the event of line %d, which cannot be recognised once it is combined", first)
			} else {
				events[event] = number
			}
		}
		if err != nil {
			if wrong++; wrong <= shownFaults {
				t.complain("line %d: %v", number, err)
			}
		}
		return nil
	})
	switch {
	case err != nil:
		return 0, err
	case wrong > shownFaults:
		t.complain("… and %d more", wrong-shownFaults)
		fallthrough
	case wrong > 0:
		verb := "are"
		if wrong == 1 {
			verb = "is"
		}
		t.complain("contactrelay: %d of %d lines %s wrong; nothing was published", wrong, total, verb)
		return 0, errFailed
	}
	return total, nil
}

// explain says why not all is in, and which lines are not.
func (p published) explain(t terminal, rest unread) error {
	t.complain("contactrelay: %v", p.err)
	if len(p.failed) > 0 {
		t.complain("not confirmed: %s", ranges(p.failed))
	}
	switch {
	case rest.err != nil && rest.after == 0:
		t.complain("not published: all lines")
	case rest.err != nil:
		t.complain("not published: all after line %d", rest.after)
	}
	return errFailed
}
