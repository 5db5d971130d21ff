package pubsubsim

import (
	"context"
	"errors"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// pullWait is how long a pull waits for a first message.
const pullWait = 10 * time.Second

// Pull returns up to most messages, often fewer than there are, and none if none came within 10 s. It blocks until
// then or until ctx is done. Their leases are the subscription's ack deadline; a key of which a pull has got messages
// is delivered to nobody else before those are answered or have run out.
func (b *Broker) Pull(ctx context.Context, subscription string, most int) ([]Delivery, error) {
	if most <= 0 {
		return nil, status.Error(codes.InvalidArgument, "The max_messages of a pull must be positive.")
	}
	st, err := b.Subscribe(subscription, StreamConfig{MaxMessages: most})
	if err != nil {
		return nil, err
	}
	defer st.Close()
	ctx, cancel := context.WithTimeout(ctx, pullWait)
	defer cancel()
	// Whoever is gone takes nothing along: what a client gives back right after it cancelled a pull is for the next one.
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	got, err := st.Next(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return nil, nil
	}
	return got, err
}
