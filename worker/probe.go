package worker

import (
	"context"
	"time"
)

// begin reports whether the call that begins is a probe.
func (b *breaker) begin() bool {
	if !b.open.Load() {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.probing
}

// end ends a probe. One that read a contact and left nothing to wait for has found the service well too.
func (b *breaker) end(ctx context.Context, user string, waits bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.probing = false
	switch {
	case b.cause == "":
	case waits:
		b.tried[user] = true
	case b.read && b.cause != causeFuse:
		b.mend(ctx, time.Now())
	}
}

// nudge tells that there may be something to probe. It does not block.
func (b *breaker) nudge() {
	if !b.open.Load() {
		return
	}
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// probeUntil probes while the breaker is open, and lends places for calls before it is known whether the service answers,
// until ctx is done.
func (b *breaker) probeUntil(ctx context.Context) {
	lend := time.NewTicker(lendEvery)
	defer lend.Stop()
	for {
		var again <-chan time.Time
		if b.open.Load() {
			again = time.After(time.Second) // what waits for itself gets ready without a word
		}
		select {
		case <-ctx.Done():
			return
		case <-b.wake:
		case <-again:
		case <-lend.C:
			if !b.lend() {
				lend.Stop()
			}
		}
		b.probe(ctx, time.Now())
	}
}

// probe starts a probe if one is due and there is anything to probe with: of a user whose calls have not failed since any
// succeeded, if there is one.
func (b *breaker) probe(ctx context.Context, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.cause == "" {
		return
	}
	b.report(ctx)
	if !b.paused || b.probing || b.probes.TokensAt(now) < 1 {
		return
	}
	b.probing, b.read = true, false
	if !b.lanes.Probe(func(user string) bool { return !b.tried[user] }) {
		b.probing = false
		return
	}
	b.probes.AllowN(now, 1)
	b.probed++
}
