package ordering

import (
	"context"

	"golang.org/x/sync/semaphore"
)

// room is what the lanes may hold: a number of items and a number of bytes. Who waits for it is served in the
// order of asking.
type room struct {
	items, bytes *semaphore.Weighted
	maxBytes     int
}

func newRoom(items, bytes int) *room {
	return &room{
		items:    semaphore.NewWeighted(int64(items)),
		bytes:    semaphore.NewWeighted(int64(bytes)),
		maxBytes: bytes,
	}
}

// take blocks until there is room for one item of the given size, or ctx is done.
func (r *room) take(ctx context.Context, bytes int) error {
	if err := r.items.Acquire(ctx, 1); err != nil {
		return err
	}
	if err := r.bytes.Acquire(ctx, r.weight(bytes)); err != nil {
		r.items.Release(1)
		return err
	}
	return nil
}

// give frees what take took for an item of the given size.
func (r *room) give(bytes int) {
	r.bytes.Release(r.weight(bytes))
	r.items.Release(1)
}

// weight makes an item that is larger than all the room as large as all the room: it comes in alone.
func (r *room) weight(bytes int) int64 { return int64(min(bytes, r.maxBytes)) }
