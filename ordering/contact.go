package ordering

// contact is the queue of the unfinished items of a lane that touch one contact, by arrival. Only the first of them
// can be eligible, wait or run: that is the order of the contact.
type contact[T any] struct {
	name  string
	items queue[*held[T]]
}

// contacts are the contacts of all unfinished items of a lane, by name. A contact is made by its first item and gone
// with its last.
type contacts[T any] map[string]*contact[T]

// join puts an item at the end of the queues of the contacts it touches, and counts those in which it is not the
// first. A name given twice counts once.
func (cs contacts[T]) join(h *held[T], names []string) {
	if len(names) > 0 {
		h.contacts = make([]*contact[T], 0, len(names))
	}
	for _, name := range names {
		c, ok := cs[name]
		switch {
		case !ok:
			c = &contact[T]{name: name}
			cs[name] = c
		case c.items.last() == h:
			continue
		default:
			h.behind++
		}
		c.items.push(h)
		h.contacts = append(h.contacts, c)
	}
}

// leave takes a finished item out of its contacts, where it was the first everywhere, and calls free with each item
// that is now the first of all of its own.
func (cs contacts[T]) leave(h *held[T], free func(*held[T])) {
	for _, c := range h.contacts {
		c.items.pop()
		if c.items.len() == 0 {
			delete(cs, c.name)
			continue
		}
		next := c.items.first()
		if next.behind--; next.behind == 0 {
			free(next)
		}
	}
	h.contacts = nil
}

// withdraw takes the newest item of the lane out of its contacts, where it was the last everywhere.
func (cs contacts[T]) withdraw(h *held[T]) {
	for _, c := range h.contacts {
		c.items.popLast()
		if c.items.len() == 0 {
			delete(cs, c.name)
		}
	}
	h.contacts = nil
}
