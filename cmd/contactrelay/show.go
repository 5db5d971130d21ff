package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/contactrelay/contactrelay/deadletter"
	"github.com/contactrelay/contactrelay/worker"
)

// show is what dev prints: a line a verdict while the worker works, then the sums. It fits 80 columns.
type show struct {
	out    io.Writer
	colour bool

	mu      sync.Mutex // guards the fields below, and the lines from mixing
	ended   map[string]bool
	calls   map[row]rowSum
	changed chan struct{} // closed and made anew at each settlement
}

// row is what the table of sums has a line for.
type row struct {
	messageType string
	outcome     worker.Outcome
}

type rowSum struct{ messages, calls int }

func newShow(out io.Writer) *show {
	return &show{out: out, colour: coloured(out), ended: map[string]bool{}, calls: map[row]rowSum{}, changed: make(chan struct{})}
}

// The colours of the terminal.
const (
	red, green, yellow, blue, faint = "31", "32", "33", "34", "2"
)

// paint is text in a colour, if there are colours.
func (s *show) paint(colour, text string) string {
	if !s.colour {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

// outcomeColours are the colours of the verdicts.
var outcomeColours = map[worker.Outcome]string{
	worker.Applied: green, worker.AlreadyApplied: blue, worker.Superseded: blue,
	worker.DeadLettered: red, worker.Returned: yellow, worker.Duplicate: blue,
}

// settled prints the line of a verdict.
func (s *show) settled(v worker.Settlement) {
	s.mu.Lock()
	defer s.mu.Unlock()
	what := fmt.Sprintf("%d calls, %v", v.Calls, v.Duration.Round(time.Millisecond))
	if v.Reason != "" {
		what = string(v.Reason)
	}
	if v.Calls == 1 && v.Reason == "" {
		what = "1 call, " + v.Duration.Round(time.Millisecond).String()
	}
	verdict := s.paint(outcomeColours[v.Outcome], fmt.Sprintf("%-15s", v.Outcome))
	fmt.Fprintf(s.out, "%s %-8s %-18s %-13s %s\n", verdict, v.Type, orNone(v.User), orNone(v.Contact), what)

	r := row{v.Type, v.Outcome}
	sum := s.calls[r]
	s.calls[r] = rowSum{sum.messages + 1, sum.calls + v.Calls}
	s.ended[v.MessageID] = true
	close(s.changed)
	s.changed = make(chan struct{})
}

// orNone is text as a terminal may show it: a user can be any text, control characters among it.
func orNone(text string) string {
	if text == "" {
		return "-"
	}
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, text)
}

// wait blocks until the messages of those IDs have ended, or ctx has, and returns how many have not.
func (s *show) wait(ctx context.Context, ids []string) int {
	for {
		s.mu.Lock()
		open := 0
		for _, id := range ids {
			if !s.ended[id] {
				open++
			}
		}
		changed := s.changed
		s.mu.Unlock()
		if open == 0 {
			return 0
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return open
		}
	}
}

// sums prints the tables and the checks, and reports whether all checks hold.
func (s *show) sums(sums sums) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(s.out, "\n%-10s %-18s %9s %9s\n", "TYPE", "OUTCOME", "MESSAGES", "CALLS")
	for _, r := range sortedRows(s.calls) {
		name := s.paint(outcomeColours[r.outcome], fmt.Sprintf("%-18s", r.outcome))
		fmt.Fprintf(s.out, "%-10s %s %9d %9d\n", r.messageType, name, s.calls[r].messages, s.calls[r].calls)
	}
	s.letters(sums.letters)
	fmt.Fprintln(s.out)
	ok := true
	for _, c := range sums.checks {
		mark := s.paint(green, "ok   ")
		if !c.holds {
			mark, ok = s.paint(red, "WRONG"), false
		}
		fmt.Fprintf(s.out, "%s %s\n", mark, indented(c.text, 6))
	}
	return ok
}

// sortedRows orders the table by type, then as the outcomes are listed.
func sortedRows(rows map[row]rowSum) []row {
	order := worker.Outcomes()
	return slices.SortedFunc(maps.Keys(rows), func(a, b row) int {
		if c := strings.Compare(a.messageType, b.messageType); c != 0 {
			return c
		}
		return slices.Index(order, a.outcome) - slices.Index(order, b.outcome)
	})
}

// letters prints the dead letters, by reason.
func (s *show) letters(letters []*deadletter.Letter) {
	fmt.Fprintf(s.out, "\n%-18s %-18s %s\n", "DEAD LETTER", "USER", "DETAIL")
	for _, reason := range deadletter.Reasons() {
		for _, l := range letters {
			if l.Reason != reason {
				continue
			}
			detail := l.Detail
			if l.Split != "" {
				detail += " (" + l.Split + " contacts)"
			}
			if len(l.Fields) > 0 && reason == deadletter.EtagConflict {
				detail += ": " + strings.Join(l.Fields, ", ")
			}
			fmt.Fprintf(s.out, "%s %-18s %s\n", s.paint(red, fmt.Sprintf("%-18s", reason)), orNone(l.Original.OrderingKey), indented(detail, 38))
		}
	}
}

// addresses prints where the simulators listen.
func (s *show) addresses(w *world) {
	fmt.Fprintf(s.out, "Pub/Sub   %s\nPeople    http://%s\n\n", w.pubsubAddress, w.peopleAddress)
}

// invitation prints how to publish from another terminal.
func (s *show) invitation(w *world) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(s.out, "\nServing on; Ctrl-C ends it. In another terminal:\n\n")
	for _, line := range w.environment() {
		fmt.Fprintf(s.out, "  %s\n", line)
	}
	fmt.Fprintf(s.out, "  contactrelay publish FILE\n\n")
}
