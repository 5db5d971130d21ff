package ordering

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// card is an element of a heap that counts how often it is compared.
type card struct {
	rank        int
	at          int
	comparisons *int
}

func (c *card) before(other *card) bool { *c.comparisons++; return c.rank < other.rank }
func (c *card) place() *int             { return &c.at }

func TestAHeapHandsOutByRankWhateverIsDroppedAndChanged(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var h heap[*card]
		var all []*card
		n := 0
		for range 200 {
			switch k := rng.IntN(10); {
			case k < 6 || len(all) == 0:
				all = append(all, &card{rank: rng.IntN(1000), comparisons: &n})
				h.put(all[len(all)-1])
			case k < 8:
				c := all[rng.IntN(len(all))]
				c.rank = rng.IntN(1000)
				h.put(c)
			default:
				i := rng.IntN(len(all))
				h.drop(all[i])
				h.drop(all[i]) // it is not there any more: nothing happens
				all = slices.Delete(all, i, i+1)
			}
			auditHeap(t, "cards", &h)
		}
		slices.SortStableFunc(all, func(a, b *card) int { return a.rank - b.rank })
		for _, want := range all {
			if got := h.pop(); got.rank != want.rank || got.at != 0 {
				t.Fatalf("popped rank %d at %d, want %d at 0", got.rank, got.at, want.rank)
			}
		}
	}
}

func TestAHeapComparesNoMoreThanTwiceItsHeightForAChange(t *testing.T) {
	const size, changes = 1 << 16, 10_000
	rng := rand.New(rand.NewPCG(3, 4))
	var h heap[*card]
	var all []*card
	n := 0
	for range size {
		c := &card{rank: rng.Int(), comparisons: &n}
		all = append(all, c)
		h.put(c)
	}
	n = 0
	for range changes {
		c := all[rng.IntN(size)]
		h.drop(c)
		c.rank = rng.Int()
		h.put(c)
	}
	if each := n / changes; each > 2*2*17 { // a drop and a put, each at most up and down
		t.Errorf("%d comparisons for a drop and a put among %d", each, size)
	}
}

func TestAQueueKeepsItsOrderAtBothEnds(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	var q queue[int]
	var want []int
	for i := range 20_000 {
		switch k := rng.IntN(10); {
		case len(want) == 0 || k < 5:
			q.push(i + 1)
			want = append(want, i+1)
		case k < 9:
			if got := q.pop(); got != want[0] {
				t.Fatalf("popped %d, want %d", got, want[0])
			}
			want = want[1:]
		default:
			if got := q.popLast(); got != want[len(want)-1] {
				t.Fatalf("popped %d from the end, want %d", got, want[len(want)-1])
			}
			want = want[:len(want)-1]
		}
		if q.len() != len(want) || !slices.Equal(q.all(), want) || len(want) > 0 && (q.first() != want[0] || q.last() != want[len(want)-1]) {
			t.Fatalf("holds %v, want %v", q.all(), want)
		}
		for _, rest := range [][]int{q.elems[:q.head], q.elems[len(q.elems):cap(q.elems)]} {
			if slices.ContainsFunc(rest, func(e int) bool { return e != 0 }) {
				t.Fatalf("still holds %v, which was popped", rest)
			}
		}
	}
}
