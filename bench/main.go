// Command bench measures contactrelay beside what people would run in its place, on the same feeds, against the two
// simulators in processes of their own, and prints tables, a picture and whether the aims were reached.
//
//	go run .                       everything; half an hour, on a machine that does nothing else
//	go run . -only hot,quota       some workloads by name; -list shows them. program: memory, start and size alone
//	go run . -short                each with a small part of its messages: shows that all works, measures nothing
//	go run . -from results.json    no measurement: tables and picture of an earlier one
//
// Whole processes are measured from outside: messages a second, calls and units of quota a message, CPU time and peak
// memory of the worker's process, the time from publish to applied. What was lost, doubled, out of order or falsely
// dead-lettered is counted beside every figure (audit.go). It reads /proc and so needs Linux.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path"
	"strings"
	"syscall"
)

// options are the flags.
type options struct {
	only    string
	short   bool
	alone   bool
	list    bool
	from    string
	results string
	picture string
	readme  string
	full    string
	profile string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var o options
	flag.StringVar(&o.only, "only", "", "names of workloads, separated by commas; empty: all")
	flag.BoolVar(&o.short, "short", false, "a small part of the messages")
	flag.BoolVar(&o.alone, "alone", false, "contactrelay without its peers")
	flag.BoolVar(&o.list, "list", false, "show the workloads and end")
	flag.StringVar(&o.from, "from", "", "take the figures from this file and measure nothing")
	flag.StringVar(&o.results, "results", "", "file for the figures, as JSON")
	flag.StringVar(&o.picture, "picture", "", "file for the picture, as SVG")
	flag.StringVar(&o.full, "full", "", "file for all tables, as Markdown")
	flag.StringVar(&o.readme, "readme", "", "README whose section between the marks of "+markBegin+" is written anew")
	flag.StringVar(&o.profile, "profile", "", "folder for a CPU profile of each of contactrelay's runs")
	flag.Parse()
	if err := run(ctx, o, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run measures, or reads what was measured, and writes what was asked for.
func run(ctx context.Context, o options, out, progress io.Writer) error {
	if o.list {
		for _, w := range workloads() {
			fmt.Fprintf(out, "%-16s %s\n", w.name, w.title)
		}
		return nil
	}
	r, err := measured(ctx, o, progress)
	if err != nil {
		return err
	}
	fmt.Fprint(out, r.report())
	return errors.Join(
		save(o.results, r.json),
		save(o.picture, func() (string, error) { return r.picture(), nil }),
		save(o.full, func() (string, error) { return "# Measured\n\n" + r.report(), nil }),
		save(o.readme, func() (string, error) { return r.intoReadme(o.readme) }),
	)
}

// measured is a new measurement, or an earlier one.
func measured(ctx context.Context, o options, progress io.Writer) (*results, error) {
	if o.from != "" {
		return readResults(o.from)
	}
	var chosen []workload
	if o.only != programOnly {
		var err error
		if chosen, err = choose(o.only); err != nil {
			return nil, err
		}
	}
	for i := range chosen {
		if o.alone {
			chosen[i].contenders = []contender{ours}
		}
	}
	programs, err := build(ctx)
	if err != nil {
		return nil, err
	}
	defer programs.remove()
	b := &bench{programs: programs, short: o.short, program: o.only == "" || o.only == programOnly, profiles: o.profile, progress: progress}
	return b.measure(ctx, chosen)
}

// programOnly chooses no workload, but memory, start and size of the program, which are measured with all of them too.
const programOnly = "program"

// choose is the workloads of these names, which may be patterns such as hot-*, or all.
func choose(names string) (chosen []workload, err error) {
	all := workloads()
	if names == "" {
		return all, nil
	}
	for name := range strings.SplitSeq(names, ",") {
		before := len(chosen)
		for _, w := range all {
			if fits, err := path.Match(name, w.name); err != nil {
				return nil, err
			} else if fits {
				chosen = append(chosen, w)
			}
		}
		if len(chosen) == before {
			return nil, fmt.Errorf("there is no workload %q; -list shows them", name)
		}
	}
	return chosen, nil
}

// save writes what content returns to a file, if one is named.
func save(name string, content func() (string, error)) error {
	if name == "" {
		return nil
	}
	text, err := content()
	if err != nil {
		return err
	}
	return os.WriteFile(name, []byte(text), 0o644)
}
