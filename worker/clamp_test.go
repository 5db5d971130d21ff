package worker

import (
	"log/slog"
	"testing"
	"time"
)

// unanswered is a delivery whose answer nobody looks at.
type unanswered struct{}

func (unanswered) Ack()  {}
func (unanswered) Nack() {}

// row is what waits in a lane for one contact, without a lane.
type row struct {
	worker *Worker
	held   []*held
}

func newRow() *row {
	return &row{worker: New(Config{MaxPhotoBytes: 1}, nil, nil, nil, slog.New(slog.DiscardHandler))}
}

// deliver lets a change of the contact come to the end of the row.
func (r *row) deliver(id string, published time.Time) *held {
	m := rename("people/c1", id, 1)
	m.OrderingKey = ann
	h, _ := r.worker.hold(delivery{id: id, publish: published, message: m, answer: unanswered{}})
	r.worker.clamp(h, r.unfinished)
	r.held = append(r.held, h)
	return h
}

// unfinished is what waiting stands for.
func (r *row) unfinished(_, _ string, each func(*held)) {
	for _, h := range r.held {
		each(h)
	}
}

// giveBack returns all that waits.
func (r *row) giveBack() {
	for _, h := range r.held {
		r.worker.giveBack(h)
	}
	r.held = nil
}

// TestAReturnedChangeKeepsItsClampedOrder brings two changes whose publish times run against their delivery, twice: with
// its own publish time the second would be the older one, and be dropped once the first is applied.
func TestAReturnedChangeKeepsItsClampedOrder(t *testing.T) {
	r, noon := newRow(), time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)
	for range 2 {
		first, second := r.deliver("first", noon.Add(time.Second)), r.deliver("second", noon)
		if !first.order.before(second.order) {
			t.Errorf("the order of the second, %v, is before that of the first, %v", second.order, first.order)
		}
		r.giveBack()
	}
	if got := r.worker.Tally().Inversions; got != 1 {
		t.Errorf("%d inversions, want 1", got)
	}
}
