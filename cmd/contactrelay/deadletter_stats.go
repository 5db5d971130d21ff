package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/contactrelay/contactrelay/deadletter"
)

// statsCommand counts letters.
type statsCommand struct {
	benchSettings
	filterSettings
	Top  int  `help:"Users and failures to list." default:"10"`
	JSON bool `name:"json" help:"JSON." env:"-"`
}

// Run looks and counts.
func (c *statsCommand) Run(ctx context.Context, t terminal, f *settingFaults) error {
	now := time.Now()
	c.benchSettings.resolve(ctx, f)
	filter := c.filter(f, now)
	f.require(c.Top >= 0, "top", "must be 0 or more")
	b, err := c.survey(ctx, t, f)
	if err != nil {
		return err
	}
	entries := filter.Select(b.entries)
	stats := deadletter.Sum(entries, now, c.Top)
	if c.JSON {
		err = printIndented(t, stats)
	} else if stats.Letters > 0 {
		printStats(t, stats, deadletter.ShortIDs(b.entries))
	}
	b.account(ctx, t, len(entries))
	return err
}

// longestBar is the bar of the most frequent reason.
const longestBar = 24

func printStats(t terminal, s deadletter.Stats, short map[string]string) {
	columns := []column{{name: "REASON"}, {name: "LETTERS", right: true}, {name: ""}}
	for _, age := range deadletter.Ages() {
		columns = append(columns, column{name: age.Name, right: true})
	}
	var rows [][]string
	for _, r := range s.Reasons {
		length := max(1, r.Letters*longestBar/s.Reasons[0].Letters)
		row := []string{string(r.Reason), strconv.Itoa(r.Letters), strings.Repeat("█", length)}
		for _, n := range r.Ages {
			row = append(row, strconv.Itoa(n))
		}
		rows = append(rows, row)
	}
	printTable(t.out, columns, rows, wideness(t.out))

	rows = nil
	for _, u := range s.Users {
		rows = append(rows, []string{u.Name, strconv.Itoa(u.Letters)})
	}
	fmt.Fprintln(t.out)
	printTable(t.out, []column{{name: "USER", most: 50, flex: true}, {name: "LETTERS", right: true}}, rows, wideness(t.out))
	if more := s.UserCount - len(s.Users); more > 0 {
		fmt.Fprintf(t.out, "and %s more\n", plural(more, "user"))
	}

	rows = nil
	for _, f := range s.Failures {
		rows = append(rows, []string{strconv.Itoa(f.Letters), string(f.Reason), f.Detail, short[f.Example]})
	}
	fmt.Fprintln(t.out)
	printTable(t.out, []column{{name: "LETTERS", right: true}, {name: "REASON"}, {name: "FAILURE", flex: true}, {name: "EXAMPLE"}}, rows, wideness(t.out))
	if more := s.FailureCount - len(s.Failures); more > 0 {
		fmt.Fprintf(t.out, "and %s more\n", plural(more, "failure"))
	}
}
