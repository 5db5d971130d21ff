package main

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"syscall"
	"time"
)

// profileVariable names the files for the profiles of a probed contactrelay; see probe.go.txt.
const profileVariable = "BENCH_PROFILE"

// heapSaid is what a probed contactrelay says of its heap.
var heapSaid = regexp.MustCompile(`heap (\d+)\n`)

// heap is how much of the heap of a probed contactrelay is in use, in bytes, after a garbage collection. With SIGUSR2 it
// has its profiles written.
func (p *process) heap(ctx context.Context, probe syscall.Signal) (int64, error) {
	before := len(heapSaid.FindAllString(p.said.String(), -1))
	if err := p.command.Process.Signal(probe); err != nil {
		return 0, err
	}
	for {
		if said := heapSaid.FindAllStringSubmatch(p.said.String(), -1); len(said) > before {
			return strconv.ParseInt(said[len(said)-1][1], 10, 64)
		}
		select {
		case <-time.After(pollEvery):
		case <-ctx.Done():
			return 0, fmt.Errorf("ask %s for its heap: %w", p.command.Path, ctx.Err())
		}
	}
}
