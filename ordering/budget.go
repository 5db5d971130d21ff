package ordering

// load is a number of items and of bytes.
type load struct{ items, bytes int }

func (a load) plus(b load) load  { return load{a.items + b.items, a.bytes + b.bytes} }
func (a load) minus(b load) load { return load{a.items - b.items, a.bytes - b.bytes} }

// budget is what all lanes together may hold, and what they do hold. An item that is finished and not yet released
// counts as one without bytes.
type budget struct {
	limit load
	held  load
}

// fits reports whether there is room for one more item of the given size. One that is larger than the limit fits
// when no bytes are held: it comes in alone.
func (b *budget) fits(bytes int) bool {
	return b.held.items < b.limit.items && (b.held.bytes == 0 || b.held.bytes+bytes <= b.limit.bytes)
}

// crowds reports whether a lane of this load holds a quarter of either limit.
func (b *budget) crowds(l load) bool {
	return 4*l.items >= b.limit.items || 4*l.bytes >= b.limit.bytes
}

// forWaiting is what the waiting lanes together may hold: half of either limit. They leave room for the next item
// that is to be let in, however large, or it would wait as long as they do and all others behind it.
func (b *budget) forWaiting(next int) load {
	return load{b.limit.items / 2, max(0, min(b.limit.bytes/2, b.limit.bytes-next))}
}
