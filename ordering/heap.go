package ordering

// heap hands out its elements in their rank and can let go of any of them. Every change costs the logarithm of its
// length. The zero value is an empty heap.
//
// It is the one structure behind all that is taken in an order other than that of arrival: eligible items and their
// groups, items that wait, lanes by what they hold, Puts that wait for room, gates.
type heap[E ranked[E]] struct {
	elems []E // elems[i] ranks before elems[2*i+1] and elems[2*i+2]
}

// ranked is what a heap needs of its elements.
type ranked[E any] interface {
	before(E) bool // ranks before the other
	place() *int   // where the heap notes the element's position, counted from 1; 0 while it is in no heap
}

func (h *heap[E]) len() int { return len(h.elems) }

// first returns the element that ranks before all others. The heap must not be empty.
func (h *heap[E]) first() E { return h.elems[0] }

// put enters an element, or finds the new position of one whose rank has changed.
func (h *heap[E]) put(e E) {
	at := e.place()
	if *at == 0 {
		h.elems = append(h.elems, e)
		*at = len(h.elems)
	}
	h.down(h.up(*at - 1))
}

// pop removes the first element and returns it. The heap must not be empty.
func (h *heap[E]) pop() E {
	e := h.elems[0]
	h.drop(e)
	return e
}

// drop removes an element, if it is there. Its own rank does not matter any more.
func (h *heap[E]) drop(e E) {
	at := e.place()
	if *at == 0 {
		return
	}
	i, end := *at-1, len(h.elems)-1
	h.swap(i, end)
	var none E
	h.elems[end] = none
	h.elems = h.elems[:end]
	*at = 0
	if i < end {
		h.down(h.up(i))
	}
}

// up moves the element at i towards the first as far as it ranks before those, and returns where it is then.
func (h *heap[E]) up(i int) int {
	for i > 0 {
		parent := (i - 1) / 2
		if !h.elems[i].before(h.elems[parent]) {
			break
		}
		h.swap(i, parent)
		i = parent
	}
	return i
}

// down moves the element at i away from the first as far as others rank before it.
func (h *heap[E]) down(i int) {
	for {
		child := 2*i + 1
		if child >= len(h.elems) {
			return
		}
		if right := child + 1; right < len(h.elems) && h.elems[right].before(h.elems[child]) {
			child = right
		}
		if !h.elems[child].before(h.elems[i]) {
			return
		}
		h.swap(i, child)
		i = child
	}
}

func (h *heap[E]) swap(i, j int) {
	h.elems[i], h.elems[j] = h.elems[j], h.elems[i]
	*h.elems[i].place() = i + 1
	*h.elems[j].place() = j + 1
}
