package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// bench measures.
type bench struct {
	programs *programs
	short    bool
	program  bool   // measure memory, start and size of the program too
	profiles string // folder for profiles; empty: none are made
	progress io.Writer
}

// profile is where the profiles of a workload go, without what tells them apart; empty: nowhere.
func (b *bench) profile(w *workload) string {
	if b.profiles == "" {
		return ""
	}
	return filepath.Join(b.profiles, w.name)
}

// measure runs the workloads one after the other, each contender in turn.
func (b *bench) measure(ctx context.Context, chosen []workload) (*results, error) {
	r, err := describe(ctx)
	if err != nil {
		return nil, err
	}
	r.Short = b.short
	for i := range chosen {
		w := &chosen[i]
		for _, c := range w.contenders {
			f, err := b.try(ctx, w, c)
			if err != nil {
				return nil, fmt.Errorf("%s, %s: %w", w.name, c, err)
			}
			fmt.Fprintln(b.progress, f.line())
			r.Figures = append(r.Figures, f)
		}
	}
	if !b.program {
		return r, nil
	}
	if r.Weights, err = b.weigh(ctx); err != nil {
		return nil, err
	}
	start, err := b.startup(ctx)
	if err != nil {
		return nil, fmt.Errorf("measure the start: %w", err)
	}
	r.StartMillis = float64(start.Microseconds()) / 1000
	file, err := os.Stat(b.programs.contactrelay)
	if err != nil {
		return nil, err
	}
	r.BinaryBytes = file.Size()
	return r, nil
}
