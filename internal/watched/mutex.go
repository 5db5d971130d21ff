// Package watched has a mutex by which a test can wait for what a simulator comes to, and need not look again and again.
package watched

import (
	"context"
	"sync"
	"time"
)

// Mutex is a [sync.Mutex] that tells those who wait in Await whenever it is unlocked. The zero value is unlocked.
type Mutex struct {
	mu   sync.Mutex
	news chan struct{} // closed at the next Unlock; nil while nobody waits
}

// Lock locks m. It blocks while somebody else holds it.
func (m *Mutex) Lock() { m.mu.Lock() }

// Unlock unlocks m: what it guards may be different now.
func (m *Mutex) Unlock() {
	if m.news != nil {
		close(m.news)
		m.news = nil
	}
	m.mu.Unlock()
}

// Await blocks until look finds that it is done, or ctx is, and returns nil or ctx's error. look is called with m locked, at
// first, after each Unlock by somebody else, and when the time has come that it names; zero: at news only.
func (m *Mutex) Await(ctx context.Context, look func() (done bool, again time.Time)) error {
	for {
		m.mu.Lock()
		done, again := look()
		if done {
			m.mu.Unlock()
			return nil
		}
		if m.news == nil {
			m.news = make(chan struct{})
		}
		news := m.news
		m.mu.Unlock()
		if err := wait(ctx, news, again); err != nil {
			return err
		}
	}
}

// wait blocks until there are news, or that time has come, or ctx is done.
func wait(ctx context.Context, news <-chan struct{}, again time.Time) error {
	var due <-chan time.Time // never
	if !again.IsZero() {
		timer := time.NewTimer(time.Until(again))
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-news:
		return nil
	case <-due:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
