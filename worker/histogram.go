package worker

import (
	"slices"
	"time"
)

// Histogram is how measurements are spread: Counts[i] is how many were at most Bounds[i] and above the bound before it.
// The last count, for which there is no bound, is those above all.
type Histogram struct {
	Bounds []float64
	Counts []int
	Sum    float64
}

// The bounds. Each costs a series on /metrics, those of calls one a method, and there must not be more than 200 in all:
// the test of the metrics counts them.
var (
	callBounds = []float64{0.1, 0.3, 1, 5}   // seconds; most calls take 100 ms, and --call-timeout is 30 s
	sizeBounds = []float64{10, 50, 100, 199} // contacts: 6 is the least and 200 the most
	ageBounds  = []float64{0.5, 2, 10, 60, 300, 900, 3600}
)

// add takes in a measurement. The zero value becomes a histogram with these bounds.
func (h *Histogram) add(bounds []float64, value float64) {
	if h.Counts == nil {
		h.Bounds, h.Counts = bounds, make([]int, len(bounds)+1)
	}
	i, _ := slices.BinarySearch(bounds, value)
	h.Counts[i]++
	h.Sum += value
}

// clone is the histogram as it is now.
func (h Histogram) clone() Histogram {
	h.Counts = slices.Clone(h.Counts)
	return h
}

// took notes how long a call of a method took. Callers hold mu.
func (t *tally) took(method string, d time.Duration) {
	h := t.seconds[method]
	if h == nil {
		if t.seconds == nil {
			t.seconds = map[string]*Histogram{}
		}
		h = &Histogram{}
		t.seconds[method] = h
	}
	h.add(callBounds, d.Seconds())
}

// together notes of how many contacts a batch call was.
func (t *tally) together(contacts int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sizes.add(sizeBounds, float64(contacts))
}

// aged notes how old a message was when it was settled. Clocks differ: it may seem to be of the future.
func (t *tally) aged(age time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ages.add(ageBounds, max(0, age.Seconds()))
}
