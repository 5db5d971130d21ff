package main

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// figures are what one trial came to.
type figures struct {
	Workload  string    `json:"workload"`
	Title     string    `json:"title"`
	Contender contender `json:"contender"`

	Messages int     `json:"messages"` // published
	Settled  int     `json:"settled"`  // of those, as it should be: applied, or dead-lettered if they are bad
	Capped   bool    `json:"capped"`   // the run was cut off
	Seconds  float64 `json:"seconds"`  // from the first publication to the last settlement, or the cut
	Rate     float64 `json:"rate"`     // settled messages a second

	Calls       float64 `json:"calls"`     // of all methods, a settled message
	Units       float64 `json:"units"`     // of writes, from the quota of a minute, a settled message
	DayUnits    float64 `json:"dayUnits"`  // the same from the daily quota
	CPUMicros   float64 `json:"cpuMicros"` // of the worker's process, a settled message
	PeakBytes   int64   `json:"peakBytes"`
	Redelivered int     `json:"redelivered"`        // deliveries of what was delivered before
	HeapGrown   int64   `json:"heapGrown,omitzero"` // since the memories were full, where they were filled first

	// Milliseconds from publish to applied, by which so many of the messages that could be applied were; 0: not so many
	// were, in the time of the run.
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`

	Verdict verdict `json:"verdict"`
}

func newFigures(t *trial, m measurement, a *audit, published []time.Time) *figures {
	f := &figures{
		Workload: t.workload.name, Title: t.workload.title, Contender: t.contender,
		Capped: m.capped, PeakBytes: m.peak, Redelivered: m.redelivered, HeapGrown: m.grown, Verdict: a.verdict(published),
	}
	var waits []time.Duration
	missing := 0 // that may be applied yet
	last := m.begun
	for number, at := range published {
		if at.IsZero() {
			missing++
			continue
		}
		f.Messages++
		applied, sound := a.applied[number], t.feed.changes[number].flaw == sound
		switch {
		case !applied.IsZero():
			waits = append(waits, applied.Sub(at))
			if applied.After(last) {
				last = applied
			}
		case sound:
			missing++
		}
		if !applied.IsZero() || !sound && a.letters[number] {
			f.Settled++
		}
	}
	f.Seconds = last.Sub(m.begun).Seconds()
	if m.capped {
		f.Seconds = m.took.Seconds()
	}
	f.P50, f.P99 = percentile(waits, missing, 50), percentile(waits, missing, 99)
	if settled := float64(f.Settled); settled > 0 {
		f.Rate = settled / f.Seconds
		f.Calls, f.Units, f.DayUnits = float64(m.calls)/settled, float64(m.units.CriticalWrites)/settled, float64(m.units.DailyWrites)/settled
		f.CPUMicros = float64(m.cpu.Microseconds()) / settled
	}
	return f
}

// percentile is the smallest of the waits, in milliseconds, that so many percent of all did not exceed, by the nearest
// rank. The missing exceeded all of them; if it is one of theirs, the answer is 0.
func percentile(waits []time.Duration, missing int, percent float64) float64 {
	slices.Sort(waits)
	rank := int(math.Ceil(percent / 100 * float64(len(waits)+missing)))
	if rank < 1 || rank > len(waits) {
		return 0
	}
	return float64(waits[rank-1].Microseconds()) / 1000
}

// line is what is shown of a trial when it has ended.
func (f *figures) line() string {
	v := f.Verdict
	return fmt.Sprintf("%-12s %-18s %8s messages/s  %7s calls  %7s µs  %6s MB  p50 %-12s p99 %-12s redelivered %d  lost %d doubled %d disordered %d false %d  (%d of %d in %.1f s)",
		f.Workload, f.Contender, number(f.Rate), number(f.Calls), number(f.CPUMicros), number(megabytes(f.PeakBytes)), wait(f.P50), wait(f.P99),
		f.Redelivered, v.Lost, v.Doubled, v.OutOfOrder, v.FalseLetters, f.Settled, f.Messages, f.Seconds)
}
