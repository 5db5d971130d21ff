package worker

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/contactrelay/contactrelay/messages"
)

// courier is a source that delivers what the test tells it, with the ID and the publish time that it tells: all that
// Pub/Sub can do to a key, and that the simulated service would do seldom. All of it is of one user.
type courier struct {
	deliveries chan delivery

	mu      sync.Mutex // guards the fields below
	unended int
}

// courierWorld is a world whose worker receives from a courier. Calls take 10 ms, so that what is delivered at once is
// in the lane before the first call is answered.
func courierWorld(t *testing.T, story func(t *testing.T, w *world, c *courier)) {
	t.Helper()
	bubble(t, func(t *testing.T, w *world) {
		c := &courier{deliveries: make(chan delivery)}
		w.source = c
		w.contacts(3, seeded)
		w.fail(latency(10 * time.Millisecond))
		w.start()
		story(t, w, c)
		synctest.Wait()
		w.balanced()
	})
}

func (c *courier) Ordered(context.Context) (bool, error) { return true, nil }
func (c *courier) Streams() int                          { return 1 }

func (c *courier) Receive(ctx context.Context, _ int, take func(context.Context, delivery)) error {
	for {
		select {
		case d := <-c.deliveries:
			take(ctx, d)
		case <-ctx.Done():
			for c.left(0) > 0 {
				time.Sleep(time.Millisecond)
			}
			return nil
		}
	}
}

// bring delivers a message that was published as id at a time. It blocks until the worker has taken it.
func (c *courier) bring(id string, published time.Time, m messages.Message) {
	m.OrderingKey = ann
	c.left(1)
	c.deliveries <- delivery{id: id, publish: published, message: m, answer: courierAnswer{c}}
	synctest.Wait()
}

func (c *courier) left(more int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unended += more
	return c.unended
}

// courierAnswer lets a delivery go.
type courierAnswer struct{ courier *courier }

func (a courierAnswer) Ack()  { a.courier.left(-1) }
func (a courierAnswer) Nack() { a.courier.left(-1) }

// forget makes the worker's memory of settled messages so small that none of them is in it any more.
func (w *world) forget() {
	m := w.worker.memory
	m.mu.Lock()
	defer m.mu.Unlock()
	m.settled.Purge()
}

// ended waits for five seconds, and fails the test unless the messages brought up to now have ended so, in this order.
func (w *world) ended(want ...Outcome) {
	w.t.Helper()
	time.Sleep(5 * time.Second)
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	var got []Outcome
	for _, s := range w.settled {
		got = append(got, s.Outcome)
	}
	if !slices.Equal(got, want) {
		w.t.Errorf("outcomes %v, want %v", got, want)
	}
}
