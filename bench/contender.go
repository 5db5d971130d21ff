package main

import (
	"cmp"
	"time"
)

// contender is a worker that is measured.
type contender string

const (
	ours   contender = "contactrelay"
	single contender = "one call a message" // contactrelay with --batch-max 1
	usual  contender = "usual worker"       // the one in the folder peer
)

// maxCalls is how many calls every contender may have in flight.
const maxCalls = "64"

// memoryLimit is what all are told of the memory that they have: what terraform/ tells a container of 1 GiB.
const memoryLimit = "921MiB"

// start starts a contender. It logs warnings and worse, as all do.
func (c contender) start(p *programs, s *services, w *workload, profile string) (*process, error) {
	environment, program := append(s.environment(), "GOMEMLIMIT="+cmp.Or(w.memory, memoryLimit)), p.contactrelay
	if c == usual {
		return start(p.peer, environment, "-calls", maxCalls)
	}
	args := []string{"run", "--http", "", "--log-format", "json", "--log-level", "warn", "--max-calls", maxCalls}
	args = append(args, w.flags...)
	if c == single {
		args = append(args, "--batch-max", "1")
	}
	if c == ours && (profile != "" || w.probed) {
		program, environment = p.probed, append(environment, profileVariable+"="+profile)
	}
	return start(program, environment, args...)
}

// shortCap is where a short run is cut off that would show no more.
const shortCap = 2 * time.Second

// limit is for how long a run may last.
func (c contender) limit(w *workload, short bool) time.Duration {
	switch {
	case short && (w.horizon > 0 || w.cap > 0 && c != ours):
		return shortCap
	case w.horizon > 0:
		return w.horizon
	case w.cap > 0 && c != ours:
		return w.cap
	}
	return patience
}
