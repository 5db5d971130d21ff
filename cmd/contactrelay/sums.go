package main

import (
	"fmt"
	"strings"

	"github.com/contactrelay/contactrelay/deadletter"
	"github.com/contactrelay/contactrelay/worker"
)

// sums is what a run of the sample feed came to.
type sums struct {
	letters []*deadletter.Letter
	checks  []check
}

// check is a statement about the numbers, and whether it holds.
type check struct {
	text  string
	holds bool
}

// sums reads the dead letters and holds the worker's counts against what the simulators saw.
func (w *world) sums(tally worker.Tally, feed []string, unsettled int) (sums, error) {
	letters, err := w.deadLetters()
	if err != nil {
		return sums{}, err
	}
	confirmed := 0
	for _, n := range tally.Letters {
		confirmed += n
	}
	backlog, err := w.backlog()
	if err != nil {
		return sums{}, err
	}
	told, want, err := w.outcomes(tally)
	if err != nil {
		return sums{}, err
	}
	overlaps := w.overlaps()
	return sums{letters: letters, checks: []check{
		equation(tally),
		{fmt.Sprintf("%d messages published = %d ended + %d not yet", len(feed), len(feed)-unsettled, unsettled), unsettled == 0},
		{fmt.Sprintf("%d messages are left in the subscription", backlog), backlog == 0},
		{fmt.Sprintf("%d dead letters confirmed = %d in the dead-letter subscription", confirmed, len(letters)), confirmed == len(letters)},
		{fmt.Sprintf("%d messages settled = %d outcomes in the outcome subscription", want, told), told == want},
		{fmt.Sprintf("%d times two mutate requests of one user overlapped", overlaps), overlaps == 0},
	}}, nil
}

// equation is the first promise: every delivery ends as exactly one outcome.
func equation(tally worker.Tally) check {
	byOutcome := map[worker.Outcome]int{}
	sum := 0
	for ending, n := range tally.Settled {
		byOutcome[ending.Outcome] += n
		sum += n
	}
	var terms []string
	for _, o := range worker.Outcomes() {
		terms = append(terms, fmt.Sprintf("%d %s", byOutcome[o], o))
	}
	text := fmt.Sprintf("%d deliveries = %s", tally.Deliveries, strings.Join(terms, " + "))
	return check{text, sum == tally.Deliveries}
}
