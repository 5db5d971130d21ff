package ordering

// group holds the eligible items of a lane that Config.Group calls the same: they may be handed over together.
type group[T any] struct {
	name  string
	items heap[*held[T]] // by arrival
	total int            // the weight of all of them
	at    int            // its place in groups.byAge
}

// before orders groups by their oldest items. It is asked of groups that hold some only.
func (g *group[T]) before(other *group[T]) bool {
	return g.items.first().before(other.items.first())
}

func (g *group[T]) place() *int { return &g.at }

// groups are all eligible items of a lane. A group is made by its first item and gone with its last.
type groups[T any] struct {
	byName map[string]*group[T]
	byAge  heap[*group[T]]
}

// len is how many groups there are.
func (gs *groups[T]) len() int { return gs.byAge.len() }

// add makes an item eligible in the group of that name.
func (gs *groups[T]) add(h *held[T], name string) {
	g, ok := gs.byName[name]
	if !ok {
		g = &group[T]{name: name}
		if gs.byName == nil {
			gs.byName = map[string]*group[T]{}
		}
		gs.byName[name] = g
	}
	h.state, h.group = eligible, g
	g.items.put(h)
	g.total += h.weight()
	gs.byAge.put(g)
}

// remove takes an item out of its group.
func (gs *groups[T]) remove(h *held[T]) {
	g := h.group
	g.items.drop(h)
	gs.left(g, h)
}

// take removes the items of the next call: the oldest one and, by arrival, others of its group, whole, as long as
// they fit into the weight that allow grants. The group named "" hands out one item at a time.
//
// An item that does not fit lets later ones go with the call, since they commute with it; it is the older one in the
// next call. No more are passed over than are taken, save one, so that the cost is that of what is taken.
func (gs *groups[T]) take(allow func(oldest T, contacts int) int) []*held[T] {
	g := gs.byAge.first()
	oldest := g.items.pop()
	taken := []*held[T]{oldest}
	if g.name != "" {
		var passed []*held[T]
		room := allow(oldest.item, g.total) - oldest.weight()
		for room > 0 && g.items.len() > 0 && len(passed) <= len(taken) {
			h := g.items.pop()
			if h.weight() > room {
				passed = append(passed, h)
				continue
			}
			taken = append(taken, h)
			room -= h.weight()
		}
		for _, h := range passed {
			g.items.put(h)
		}
	}
	gs.left(g, taken...)
	return taken
}

// left notes that items were taken out of a group.
func (gs *groups[T]) left(g *group[T], items ...*held[T]) {
	for _, h := range items {
		h.group = nil
		g.total -= h.weight()
	}
	if g.items.len() == 0 {
		gs.byAge.drop(g)
		delete(gs.byName, g.name)
		return
	}
	gs.byAge.put(g)
}
