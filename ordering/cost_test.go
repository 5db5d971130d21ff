package ordering

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"
)

// shape is what the items of a long lane look like.
type shape struct {
	name     string
	contacts int // so many different ones; 0: each item has its own
	groups   int
	retries  int // so often each item is tried again
}

var shapes = []shape{
	{name: "a contact each", groups: 1},
	{name: "one contact", contacts: 1, groups: 1},
	{name: "many groups", groups: 500},
	{name: "retries", groups: 1, retries: 2},
}

// work is an item of a river.
type work struct {
	contact, group string
	retries        int
}

// river is one lane through which items flow, while about the same number of them waits in it.
type river struct {
	*Lanes[*work]
	shape    shape
	waiting  int
	put      int
	finished atomic.Int64
	permit   chan struct{} // each lets one call end; closed: all of them
}

func newRiver(tb testing.TB, s shape, waiting int) *river {
	r := &river{shape: s, waiting: waiting, permit: make(chan struct{})}
	r.Lanes = New(Config[*work]{
		MaxItems: 1e7, MaxBytes: 1e7, MaxCalls: 1, GateTimeout: time.Minute, MaxGates: 10,
		Contacts: func(w *work) []string { return []string{w.contact} },
		Group:    func(w *work) string { return w.group },
		Take:     func(string, *work, int) int { return 200 },
		Handle:   r.handle,
		Release:  func(string, *work) {},
		Return:   func(string, *work) {},
	})
	r.flow(tb, waiting)
	tb.Cleanup(func() {
		close(r.permit)
		r.Stop()
	})
	return r
}

func (r *river) handle(_ string, items []*work) []Fate {
	<-r.permit
	fates := make([]Fate, len(items))
	done := 0
	for i, w := range items {
		if fates[i].Finished = w.retries == 0; fates[i].Finished {
			done++
		}
		w.retries--
	}
	r.finished.Add(int64(done))
	return fates
}

// flow puts n items, and lets the lane finish what it holds beyond those that are to wait in it.
func (r *river) flow(tb testing.TB, n int) {
	for range n {
		w := &work{contact: fmt.Sprint(r.put), group: fmt.Sprint(r.put % r.shape.groups), retries: r.shape.retries}
		if r.shape.contacts > 0 {
			w.contact = fmt.Sprint(r.put % r.shape.contacts)
		}
		if err := r.Put(tb.Context(), Arrival[*work]{Key: "key", Bytes: 1, Item: w}); err != nil {
			tb.Fatal(err)
		}
		r.put++
	}
	for r.finished.Load() < int64(r.put-r.waiting) {
		r.permit <- struct{}{}
	}
}

// BenchmarkLane shows what an item costs, from its Put to its release, in a lane in which so many others wait.
func BenchmarkLane(b *testing.B) {
	const batch = 1000
	for _, s := range shapes {
		for _, waiting := range []int{1000, 100_000} {
			b.Run(fmt.Sprintf("%s/%d", s.name, waiting), func(b *testing.B) {
				r := newRiver(b, s, waiting)
				b.ReportAllocs()
				for b.Loop() {
					r.flow(b, batch)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*batch), "ns/item")
			})
		}
	}
}

// TestALongLaneCostsNoMoreForEachItemThanAShortOne would fail by a factor of a hundred if anything walked through the
// lane. It is about time, so it is generous: what counts is the best of many attempts, in turn with the short lane, and it
// ends with the first that shows it. A machine that is busy with something else would have to disturb all of them.
func TestALongLaneCostsNoMoreForEachItemThanAShortOne(t *testing.T) {
	const batch, attempts, factor = 1000, 20, 10
	for _, s := range shapes {
		best := func(r *river, least time.Duration) time.Duration {
			begin := time.Now()
			r.flow(t, batch)
			return min(least, time.Since(begin)/batch)
		}
		few, many := newRiver(t, s, 500), newRiver(t, s, 50_000)
		short, long := time.Hour, time.Hour
		for range attempts {
			if short, long = best(few, short), best(many, long); long <= factor*short {
				break
			}
		}
		if long > factor*short {
			t.Errorf("%s: an item costs %v with 50,000 others in the lane, %v with 500", s.name, long, short)
		}
	}
}
