package main

import (
	"slices"
	"testing"
	"time"
)

// milliseconds is durations from so many of them down to 1.
func milliseconds(n int) (all []time.Duration) {
	for i := range n {
		all = append(all, time.Duration(n-i)*time.Millisecond)
	}
	return all
}

func TestAPercentileIsThatOfTheNearestRank(t *testing.T) {
	for _, c := range []struct {
		waits   []time.Duration
		missing int
		percent float64
		want    float64
	}{
		{milliseconds(100), 0, 50, 50},
		{milliseconds(100), 0, 99, 99},
		{milliseconds(1), 0, 50, 1},
		{milliseconds(3), 0, 50, 2},
		{milliseconds(99), 1, 99, 99},
		{milliseconds(98), 2, 99, 0}, // the 99th of a hundred never came
		{milliseconds(1), 2, 50, 0},
		{nil, 0, 50, 0},
	} {
		if got := percentile(slices.Clone(c.waits), c.missing, c.percent); got != c.want {
			t.Errorf("percentile(%d waits, %d missing, %v) = %v, want %v", len(c.waits), c.missing, c.percent, got, c.want)
		}
	}
}

func TestFiguresAreOfWhatWasSettledAsItShouldBe(t *testing.T) {
	f := hotUser(5, 1)
	f.changes[4].flaw = nobody
	begun := time.Now()
	published := []time.Time{begun, begun, begun.Add(time.Second), {}, begun}
	a := newAudit(f)
	a.applied[0], a.applied[1] = begun.Add(time.Second), begun.Add(2*time.Second)
	a.letters[2], a.letters[4] = true, true // the one falsely, the other rightly
	tr := &trial{workload: &workload{name: "x"}, contender: ours, feed: f}
	m := measurement{begun: begun, took: 9 * time.Second, cpu: 3 * time.Millisecond, calls: 6}
	m.units.CriticalWrites, m.units.DailyWrites = 12, 600
	got := newFigures(tr, m, a, published)
	if got.Messages != 4 || got.Settled != 3 || got.Seconds != 2 || got.Rate != 1.5 {
		t.Errorf("%d of %d in %v s, %v a second; want 3 of 4 in 2 s, 1.5", got.Settled, got.Messages, got.Seconds, got.Rate)
	}
	if got.Calls != 2 || got.Units != 4 || got.DayUnits != 200 || got.CPUMicros != 1000 {
		t.Errorf("a message: %v calls, %v and %v units, %v µs; want 2, 4, 200, 1000", got.Calls, got.Units, got.DayUnits, got.CPUMicros)
	}
	if got.P50 != 2000 || got.P99 != 0 {
		t.Errorf("p50 %v, p99 %v; want 2000 and none: the falsely lettered and the unpublished were not applied", got.P50, got.P99)
	}
	m.capped = true
	if got := newFigures(tr, m, a, published); got.Seconds != 9 {
		t.Errorf("a run that was cut off lasted %v s, want 9", got.Seconds)
	}
}
