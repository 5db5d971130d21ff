package worker

import (
	"fmt"
	"log/slog"
	"slices"
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
func (r *row) unfinished(_, _ string, each func(*held) bool) {
	for _, h := range slices.Backward(r.held) {
		if !each(h) {
			return
		}
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
		if a, b := first.parts[0].order(), second.parts[0].order(); !a.before(b) {
			t.Errorf("the order of the second, %v, is before that of the first, %v", b, a)
		}
		r.giveBack()
	}
	if got := r.worker.Tally().Inversions; got != 1 {
		t.Errorf("%d inversions, want 1", got)
	}
}

// TestAChangeIsClampedToTheNewestThatWaitsBeforeIt puts what keeps an order of its own in between: a change that was
// here before, and a replay.
func TestAChangeIsClampedToTheNewestThatWaitsBeforeIt(t *testing.T) {
	r, noon := newRow(), time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)
	r.deliver("returned", noon)
	r.giveBack()
	newest := r.deliver("newest", noon.Add(time.Minute))
	r.deliver("returned", noon)
	replay := r.deliver("replay", noon.Add(time.Hour))
	replay.replay = true
	late := r.deliver("late", noon.Add(time.Second)).parts[0].order()
	if want := newest.parts[0].order().published; !late.published.Equal(want) {
		t.Errorf("published at %v, want %v", late.published, want)
	}
}

// TestArrivalsDoNotWalkThroughWhatWaits brings many changes of one contact: each looks at the last one alone.
func TestArrivalsDoNotWalkThroughWhatWaits(t *testing.T) {
	r, noon, looks := newRow(), time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC), 0
	for i := range 100 {
		h := r.deliver(fmt.Sprint(i), noon)
		r.held = r.held[:i]
		r.worker.clamp(h, func(_, _ string, each func(*held) bool) {
			r.unfinished("", "", func(other *held) bool { looks++; return each(other) })
		})
		r.held = append(r.held, h)
	}
	if looks != 99 {
		t.Errorf("%d looks at what waits, want 99", looks)
	}
}

// TestAJudgementDoesNotCompareAllThatWaitsByValue judges a change before many others of its contact, with bases: once
// their prints are known, which one explains what the contact holds costs no more for many of them than for few.
func TestAJudgementDoesNotCompareAllThatWaitsByValue(t *testing.T) {
	r, noon := newRow(), time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)
	first := r.deliver("first", noon)
	for i := range 300 {
		said := r.deliver(fmt.Sprint(i), noon).parts[0].said()
		said.base = said.person
	}
	c := &calls{worker: r.worker, user: ann, waiting: r.unfinished}
	shown := r.held[200].parts[0].said().wanted()
	if got := c.newer(first.parts[0], shown); len(got) != 1 || got[0].order != r.held[200].parts[0].order() {
		t.Errorf("%d claims, want that of the one which wants what is shown", len(got))
	}
	if got := testing.AllocsPerRun(10, func() { c.newer(first.parts[0], shown) }); got > 150 {
		t.Errorf("%v allocations for a look at 300 changes", got)
	}
}

// TestAClampPutsOnlyItsOwnContactInDoubt brings an old batch message behind a newer change of one of its contacts: of the
// other contact it is the only change.
func TestAClampPutsOnlyItsOwnContactInDoubt(t *testing.T) {
	r, noon := newRow(), time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)
	newer := r.deliver("newer", noon.Add(time.Minute)) // of people/c1
	m := together(named("old", 0), edit{contact: "people/c2", set: texts{"names": "old"}})
	m.OrderingKey = ann
	h, _ := r.worker.hold(delivery{id: "old", publish: noon, message: m, answer: unanswered{}})
	r.worker.clamp(h, func(_, contact string, each func(*held) bool) {
		if contact == one {
			each(newer)
		}
	})
	if p := h.parts[0]; !p.doubtful() || !newer.parts[0].order().before(p.order()) {
		t.Errorf("%s: order %v, in doubt %t; want the newest, in doubt", p.resource, p.order(), p.doubtful())
	}
	if p := h.parts[1]; p.doubtful() || !p.order().published.Equal(noon) {
		t.Errorf("%s: order %v, in doubt %t; want its own", p.resource, p.order(), p.doubtful())
	}
}

// TestAReplayBesideItsOriginalHasItsOrder brings a replay while its original is held, which another worker made a letter of
// and could not acknowledge, and after a change of the same publish time.
func TestAReplayBesideItsOriginalHasItsOrder(t *testing.T) {
	r, noon := newRow(), time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)
	original, between := r.deliver("original", noon), r.deliver("between", noon)
	m := replay(rename("people/c1", "original", 1), "original", noon)
	m.OrderingKey = ann
	h, _ := r.worker.hold(delivery{id: "replay", publish: noon.Add(time.Hour), message: m, answer: unanswered{}})
	if got := h.parts[0].order(); got != original.parts[0].order() || !got.before(between.parts[0].order()) {
		t.Errorf("order %v, want that of the original, %v", got, original.parts[0].order())
	}
}

// TestTheOrderMemoryKeepsTheNewest settles two changes of a field, the older one last.
func TestTheOrderMemoryKeepsTheNewest(t *testing.T) {
	h, noon := &history{}, time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)
	older, newer := order{noon, 1}, order{noon, 2}
	h.settled(newer, "names", print{})
	h.settled(older, "names", print{})
	if !h.older(older, "names") {
		t.Error("the older change was kept")
	}
}

// TestAChangeInDoubtExplainsNothing has a contact hold what a change wants that may come again from before the one which is
// judged.
func TestAChangeInDoubtExplainsNothing(t *testing.T) {
	r, noon := newRow(), time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)
	judged := r.deliver("judged", noon.Add(time.Minute))
	again := r.deliver("again", noon)
	c := &calls{worker: r.worker, user: ann, waiting: r.unfinished}
	if got := c.newer(judged.parts[0], again.parts[0].said().wanted()); len(got) > 0 {
		t.Errorf("%d claims, want none: the other is in doubt", len(got))
	}
	settled := r.deliver("settled", noon.Add(time.Hour))
	r.worker.memory.settle(settled.identity(), Applied, settled.rank)
	if got := c.newer(judged.parts[0], settled.parts[0].said().wanted()); len(got) > 0 {
		t.Errorf("%d claims, want none: the other is a copy of what was settled", len(got))
	}
}
