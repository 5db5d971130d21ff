package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// report is all tables.
func (r *results) report() string {
	var b strings.Builder
	b.WriteString(r.where())
	if aims := r.aims(); len(aims) > 0 {
		b.WriteString("\n" + aimTable(aims))
	}
	b.WriteString("\n" + r.fullTable())
	if rest := r.restTable(); rest != "" {
		b.WriteString("\n" + rest)
	}
	return b.String()
}

// where says where, when and with what it was measured.
func (r *results) where() string {
	text := fmt.Sprintf("%s; %s; contactrelay %s; %s; `make bench`.\n", r.Machine, r.Go, r.Version, r.Date)
	if r.Short {
		text += "A short run: it shows that all works and measures nothing.\n"
	}
	return text
}

// fullTable is every figure, a row for each contender at each workload.
func (r *results) fullTable() string {
	rows := [][]string{{
		"workload", "worker", "messages/s", "calls / message", "minute units / message", "daily units / message",
		"CPU µs / message", "peak MB", "p50", "p99", "redelivered", "lost", "doubled", "out of order", "false letters",
	}}
	last := ""
	for _, f := range r.Figures {
		title := f.Title
		if title == last {
			title = ""
		}
		last = f.Title
		rate := number(f.Rate)
		if f.Capped {
			rate += fmt.Sprintf(" (%.0f s)", f.Seconds)
		}
		v := f.Verdict
		rows = append(rows, []string{
			title, string(f.Contender), rate, number(f.Calls), number(f.Units), number(f.DayUnits), number(f.CPUMicros),
			number(megabytes(f.PeakBytes)), wait(f.P50), wait(f.P99), thousands(f.Redelivered), thousands(v.Lost), thousands(v.Doubled), thousands(v.OutOfOrder), thousands(v.FalseLetters),
		})
	}
	return markdown(rows)
}

// restTable is what was measured outside of the workloads.
func (r *results) restTable() string {
	rows := [][]string{{"memory", "bytes of the body", "bytes of the heap", "over the body"}}
	for _, w := range r.Weights {
		rows = append(rows, []string{"a message that waits: " + w.What, thousands(w.Body), thousands(w.Bytes), thousands(w.over())})
	}
	if len(rows) == 1 {
		return ""
	}
	return markdown(rows)
}

// shortTable is what the README shows: how fast everybody is, what it costs, and what went wrong.
func (r *results) shortTable() string {
	rows := [][]string{{"workload", "messages/s", "one call a message", "usual worker", "calls / message", "CPU µs / message (usual worker)", "wrong (usual worker)"}}
	for _, f := range r.Figures {
		one, peer := r.of(f.Workload, single), r.of(f.Workload, usual)
		if f.Contender != ours || one == nil || peer == nil {
			continue
		}
		rows = append(rows, []string{
			f.Title, number(f.Rate), number(one.Rate), number(peer.Rate), number(f.Calls),
			number(f.CPUMicros) + " (" + number(peer.CPUMicros) + ")", f.Verdict.String() + " (" + peer.Verdict.String() + ")",
		})
	}
	return markdown(rows)
}

// String counts all that must never happen.
func (v verdict) String() string {
	return thousands(v.Lost + v.Doubled + v.OutOfOrder + v.FalseLetters)
}

// markdown is rows as a table; the first is the head. Columns of numbers stand to the right.
func markdown(rows [][]string) string {
	var b strings.Builder
	for i, row := range rows {
		b.WriteString("| " + strings.Join(row, " | ") + " |\n")
		if i == 0 {
			b.WriteString("|---" + strings.Repeat("|---:", len(row)-1) + "|\n")
		}
	}
	return b.String()
}

// number is a figure with three digits that count.
func number(x float64) string {
	switch {
	case x == 0:
		return "0"
	case x >= 100:
		return thousands(int(x + 0.5))
	case x >= 10:
		return fmt.Sprintf("%.1f", x)
	case x >= 0.1:
		return fmt.Sprintf("%.2f", x)
	}
	return fmt.Sprintf("%.4f", x)
}

// thousands is a count with commas.
func thousands(n int) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

func megabytes(n int64) float64 { return float64(n) / 1e6 }

// wait is a percentile of the times to applied.
func wait(milliseconds float64) string {
	if milliseconds == 0 {
		return "not reached"
	}
	d := time.Duration(milliseconds * float64(time.Millisecond))
	if d >= 10*time.Second {
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Millisecond).String()
}

// Between these lines of the README stands what intoReadme writes.
const (
	markBegin = "<!-- measured: begin -->"
	markEnd   = "<!-- measured: end -->"
)

// intoReadme is the README with the results of this measurement.
func (r *results) intoReadme(name string) (string, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return "", err
	}
	before, rest, begins := strings.Cut(string(data), markBegin)
	_, after, ends := strings.Cut(rest, markEnd)
	if !begins || !ends {
		return "", errors.New(name + " has no section for the measurement")
	}
	section := "\n" + r.where() + "\n" + r.shortTable() + "\n" + aimTable(r.aims())
	return before + markBegin + section + markEnd + after, nil
}
