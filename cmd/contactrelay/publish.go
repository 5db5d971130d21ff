package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"github.com/schollz/progressbar/v3"

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

// barFrom is the number of lines from which on a terminal shows a progress bar.
const barFrom = 1000

// Run validates all lines, then publishes them. A wrong line keeps all of them from being published.
func (c *publishCommand) Run(ctx context.Context, t terminal, f *settingFaults) error {
	c.project.resolve(ctx, f)
	checkName(f, "topic", "topics", c.Topic)
	f.require(c.MaxPhotoBytes >= 1, "max-photo-bytes", "must be 1B or more")
	if err := f.err(); err != nil {
		return err
	}
	lines, err := openLines(c.File, t.in)
	if err != nil {
		return err
	}
	defer lines.close()
	total, err := c.validate(ctx, t, lines)
	if err != nil {
		return err
	}
	client, err := pubsub.NewClient(context.WithoutCancel(ctx), c.Project)
	if err != nil {
		return fmt.Errorf("connect to Pub/Sub: %w", err)
	}
	defer client.Close()
	topic := c.fullName("topics", c.Topic)
	done, stopped := c.publish(ctx, lines, newPublication(ctx, client, topic, progress(t, total)))
	fmt.Fprintf(t.out, "published %d of %d changes to %s", done.confirmed, total, topic)
	if c.Combine {
		fmt.Fprintf(t.out, ", as %d messages", done.messages)
	}
	fmt.Fprintln(t.out)
	if done.confirmed == total {
		return nil
	}
	if ctx.Err() != nil {
		done.err = errors.New("interrupted")
	}
	return done.explain(t, stopped)
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
				fmt.Fprintf(t.err, "line %d: %v\n", number, err)
			}
		}
		return nil
	})
	switch {
	case err != nil:
		return 0, err
	case wrong > shownFaults:
		fmt.Fprintf(t.err, "… and %d more\n", wrong-shownFaults)
		fallthrough
	case wrong > 0:
		fmt.Fprintf(t.err, "contactrelay: %d of %d lines are wrong; nothing was published\n", wrong, total)
		return 0, errFailed
	}
	return total, nil
}

// explain says why not all is in, and which lines are not.
func (p published) explain(t terminal, rest unread) error {
	fmt.Fprintf(t.err, "contactrelay: %v\n", p.err)
	if len(p.failed) > 0 {
		fmt.Fprintf(t.err, "not confirmed: lines %s\n", ranges(p.failed))
	}
	if rest.err != nil {
		fmt.Fprintf(t.err, "not published: all after line %d\n", rest.after)
	}
	return errFailed
}

// progress is a bar on a terminal for long files, else nothing.
func progress(t terminal, total int) func(lines int) {
	if total < barFrom || !isTerminal(t.err) {
		return func(int) {}
	}
	bar := progressbar.NewOptions(total, progressbar.OptionSetWriter(t.err), progressbar.OptionSetDescription("publishing"),
		progressbar.OptionShowCount(), progressbar.OptionSetPredictTime(true), progressbar.OptionSetWidth(20),
		progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish())
	return func(lines int) { _ = bar.Add(lines) }
}
