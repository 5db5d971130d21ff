package pubsubsim

import "container/list"

// window is what a stream holds and may hold. Acknowledgements, nacks and the ends of leases make room in it.
type window struct {
	maxMessages, maxBytes int // 0: no limit
	messages, bytes       int
}

// room reports whether a message fits. One that is larger than the whole window fits into an empty one: it could not be
// delivered otherwise.
func (w *window) room(size int) bool {
	if w.maxMessages > 0 && w.messages >= w.maxMessages {
		return false
	}
	return w.maxBytes == 0 || w.messages == 0 || w.bytes+size <= w.maxBytes
}

// next returns a queue whose next message fits into the stream's window, or nil. Queues held here and queues that
// nobody holds take turns, so that neither a busy key nor a crowd of new ones keeps the others out.
func (st *Stream) next() *keyQueue {
	own, shared := &st.ready, &st.subscription.ready
	lists := [2]*list.List{own, shared}
	if st.sharedFirst {
		lists = [2]*list.List{shared, own}
	}
	for _, l := range lists {
		if front := l.Front(); front != nil {
			if q := front.Value.(*keyQueue); st.window.room(q.cursor.size) {
				st.sharedFirst = l == own
				return q
			}
		}
	}
	return nil
}

// wakeOne wakes the idlest stream that can deliver what is first on the list of queues that nobody holds.
func (s *subscription) wakeOne() {
	front := s.ready.Front()
	if front == nil {
		return
	}
	size := front.Value.(*keyQueue).cursor.size
	var idlest *Stream
	for _, st := range s.streams {
		if st.waiting && st.window.room(size) && (idlest == nil || st.window.messages < idlest.window.messages) {
			idlest = st
		}
	}
	if idlest != nil {
		idlest.wake()
	}
}
