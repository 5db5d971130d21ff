package ordering

// queue is a first-in, first-out queue that can also be shortened at its end. Pushing and popping cost a constant
// on average, and what was popped is let go. The zero value is an empty queue.
type queue[E any] struct {
	elems []E
	head  int // elems[:head] were popped
}

func (q *queue[E]) len() int { return len(q.elems) - q.head }

func (q *queue[E]) push(e E) { q.elems = append(q.elems, e) }

// first returns the oldest element. The queue must not be empty.
func (q *queue[E]) first() E { return q.elems[q.head] }

// last returns the newest element. The queue must not be empty.
func (q *queue[E]) last() E { return q.elems[len(q.elems)-1] }

// all returns the elements, oldest first. They are the queue's own until its next change.
func (q *queue[E]) all() []E { return q.elems[q.head:] }

// pop removes the oldest element and returns it. The queue must not be empty.
func (q *queue[E]) pop() E {
	var none E
	e := q.elems[q.head]
	q.elems[q.head] = none
	q.head++
	switch {
	case q.head == len(q.elems):
		q.elems, q.head = nil, 0
	case q.head >= 32 && q.head*2 >= len(q.elems):
		// Half of it is gone: moving the rest costs no more than what was popped since the last move.
		q.elems, q.head = append([]E(nil), q.elems[q.head:]...), 0
	}
	return e
}

// popLast removes the newest element and returns it. The queue must not be empty.
func (q *queue[E]) popLast() E {
	var none E
	end := len(q.elems) - 1
	e := q.elems[end]
	q.elems[end] = none
	q.elems = q.elems[:end]
	if q.head == end {
		q.elems, q.head = nil, 0
	}
	return e
}
