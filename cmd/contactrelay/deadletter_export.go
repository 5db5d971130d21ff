package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/contactrelay/contactrelay/deadletter"
)

// exportCommand writes letters as JSON lines: see [deadletter.Record].
type exportCommand struct {
	benchSettings
	filterSettings
	To  string   `help:"File to write, which must not exist; readable by this user alone. - for standard output." default:"-"`
	IDs []string `arg:"" optional:"" name:"id" help:"IDs of letters, or their beginnings. Default: all."`
}

// Run looks and writes.
func (c *exportCommand) Run(ctx context.Context, t terminal, f *settingFaults) error {
	c.benchSettings.resolve(ctx, f)
	filter := c.filter(f, time.Now())
	filter.IDs = c.IDs
	f.require(c.To != "", "to", "must not be empty")
	b, err := c.survey(ctx, t, f)
	if err != nil {
		return err
	}
	entries, err := b.choose(filter)
	if err != nil {
		return err
	}
	// The order of a replay is the one in which to read what happened.
	if err := c.write(t, deadletter.InOrder(entries)); err != nil {
		return err
	}
	b.account(ctx, t, len(entries))
	return nil
}

// write writes the lines.
func (c *exportCommand) write(t terminal, entries []*deadletter.Entry) (err error) {
	out := t.out
	if c.To != "-" {
		file, err := os.OpenFile(c.To, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) // it holds personal data
		if err != nil {
			return err
		}
		defer func() {
			if closed := file.Close(); err == nil {
				err = closed
			}
		}()
		out = file
	}
	return writeRecords(out, entries)
}

func writeRecords(out io.Writer, entries []*deadletter.Entry) error {
	buffered := bufio.NewWriter(out)
	for _, e := range entries {
		line, err := e.Record().Line()
		if err != nil {
			return err
		}
		if _, err := buffered.Write(line); err != nil {
			return fmt.Errorf("write the export: %w", err)
		}
	}
	return buffered.Flush()
}

// shownFaultsOfRepair is how many wrong lines of a repaired export are shown.
const shownFaultsOfRepair = 20

// repaired reads a repaired export: the entries of its lines, in place of what they were. If a line is wrong nothing is
// to be done at all; the lines are told. missing are the letters that are not there (any more).
func (b *bench) repaired(ctx context.Context, t terminal, name string, c *replayCommand) (entries []*deadletter.Entry, missing []string, err error) {
	lines, err := openLines(ctx, name, t.in)
	if err != nil {
		return nil, nil, err
	}
	defer lines.close()
	known := map[string]*deadletter.Entry{}
	for _, e := range b.entries {
		known[e.ID] = e
	}
	seen := map[string]bool{}
	wrong, total := 0, 0
	err = lines.each(ctx, func(number int, line []byte) error {
		total++
		record, err := deadletter.ParseRecord(line)
		switch e := known[record.Letter]; {
		case err != nil:
		case seen[record.Letter]:
			err = fmt.Errorf("letter: stands in an earlier line already")
		case e == nil:
			missing = append(missing, record.Letter)
			e = &deadletter.Entry{Letter: &deadletter.Letter{ID: record.Letter}}
			_, err = e.Repaired(record, c.limits())
		default:
			if e, err = e.Repaired(record, c.limits()); err == nil {
				entries = append(entries, e)
			}
		}
		seen[record.Letter] = true
		if err != nil {
			if wrong++; wrong <= shownFaultsOfRepair {
				t.complain("line %d: %v", number, err)
			}
		}
		return nil
	})
	if wrong > shownFaultsOfRepair {
		t.complain("… and %d more", wrong-shownFaultsOfRepair)
	}
	if err == nil && wrong > 0 {
		t.complain("contactrelay: %d of %s are wrong; nothing was published", wrong, plural(total, "line"))
		err = errFailed
	}
	return entries, missing, err
}
