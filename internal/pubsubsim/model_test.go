package pubsubsim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// TestTheBrokerBehavesAsTheModel runs random publishes, deliveries, answers, broken streams and expiries against the
// broker and against a model that is slow and obvious. Run one seed again with -run 'AsTheModel/seed=17$'.
func TestTheBrokerBehavesAsTheModel(t *testing.T) {
	for seed := range uint64(200) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rng := rand.New(rand.NewPCG(seed, 1))
				limit := []int{1, 3, 10, 0}[rng.IntN(4)]
				m := &model{
					desk:  newDesk(t, Config{OutstandingPerKey: limit}, ordered()),
					rng:   rng,
					limit: limit,
					keys:  make(map[string]*modelKey),
					byID:  make(map[string]*modelDelivery),
				}
				for range 150 {
					m.step()
					m.check()
				}
				m.finish()
			})
		})
	}
}

type model struct {
	desk
	rng     *rand.Rand
	limit   int
	keys    map[string]*modelKey
	names   []string // of the keys
	streams []*modelStream
	given   []*modelDelivery // all, in order
	byID    map[string]*modelDelivery
	want    SubscriptionStats
}

// modelKey is what was published with a key. A message without key is a key of its own.
type modelKey struct {
	ordered bool
	ids     []string
	next    int       // the first one not delivered, or to be delivered again
	acked   int       // so many at the front are
	nap     time.Time // no delivery before
}

type modelStream struct {
	*Stream
	max int
}

type modelDelivery struct {
	ackID   string
	key     *modelKey
	index   int
	stream  *modelStream
	expires time.Time
	live    bool // its ack counts
	gone    bool // answered or run out
}

func (m *model) step() {
	switch m.rng.IntN(12) {
	case 0, 1, 2:
		m.publishSome()
	case 3, 4, 5:
		m.receive()
	case 6, 7:
		m.ackSome()
	case 8:
		m.nackSome()
	case 9:
		m.extendSome()
	case 10:
		time.Sleep(time.Duration(m.rng.Int64N(int64(8 * time.Second))))
		synctest.Wait()
		m.expire()
	default:
		if len(m.streams) > 0 && m.rng.IntN(3) == 0 {
			i := m.rng.IntN(len(m.streams))
			m.streams[i].Close()
			m.want.EndedStreams++
			m.streams = slices.Delete(m.streams, i, i+1)
		}
	}
}

func (m *model) publishSome() {
	name := []string{"", "a", "b", "c"}[m.rng.IntN(4)]
	messages := make([]Message, 1+m.rng.IntN(5))
	for i := range messages {
		messages[i] = Message{OrderingKey: name, Data: []byte("x")}
	}
	ids, err := m.Publish(changes, messages)
	m.must(err)
	m.want.Published += uint64(len(ids))
	for _, id := range ids {
		key := name
		if name == "" {
			key = id
		}
		if m.keys[key] == nil {
			m.keys[key] = &modelKey{ordered: name != ""}
			m.names = append(m.names, key)
		}
		m.keys[key].ids = append(m.keys[key].ids, id)
	}
}

// receive takes all that a stream has to give, and checks each delivery.
func (m *model) receive() {
	if len(m.streams) < 1+m.rng.IntN(3) {
		limit := []int{0, 2, 20}[m.rng.IntN(3)]
		m.streams = append(m.streams, &modelStream{m.stream(StreamConfig{MaxMessages: limit}), limit})
	}
	st := m.streams[m.rng.IntN(len(m.streams))]
	for _, got := range m.now(st.Stream) {
		m.deliver(st, got)
	}
	for _, name := range m.names {
		if k := m.keys[name]; m.allowed(st, k) && m.room(st) {
			m.t.Fatalf("the stream did not get message %d of key %q", k.next, name)
		}
	}
}

func (m *model) deliver(st *modelStream, got Delivery) {
	name := got.Message.OrderingKey
	if name == "" {
		name = got.Message.ID
	}
	k := m.keys[name]
	index := slices.Index(k.ids, got.Message.ID)
	if index != k.next || !m.allowed(st, k) || !m.room(st) {
		m.t.Fatalf("message %d of key %q was delivered, next is %d, allowed %t, room %t",
			index, name, k.next, m.allowed(st, k), m.room(st))
	}
	k.next++
	d := &modelDelivery{
		ackID: got.AckID, key: k, index: index, stream: st, live: true, expires: time.Now().Add(minAckDeadline),
	}
	m.given = append(m.given, d)
	m.byID[d.ackID] = d
	m.want.Deliveries++
}

// allowed reports whether the next message of a key may be delivered to a stream, its window apart.
func (m *model) allowed(st *modelStream, k *modelKey) bool {
	live := 0
	for _, d := range m.given {
		if d.key != k || d.gone {
			continue
		}
		binds := d.live || slices.Contains(m.streams, d.stream)
		if binds && d.stream != st {
			return false
		}
		if d.live {
			live++
		}
	}
	return k.next < len(k.ids) && !time.Now().Before(k.nap) && (m.limit == 0 || !k.ordered || live < m.limit)
}

func (m *model) room(st *modelStream) bool {
	held := 0
	for _, d := range m.given {
		if d.stream == st && !d.gone {
			held++
		}
	}
	return st.max == 0 || held < st.max
}

// check compares the sums.
func (m *model) check() {
	m.t.Helper()
	m.want.Streams = len(m.streams)
	m.want.Outstanding, m.want.Backlog = 0, 0
	for _, d := range m.given {
		if d.live {
			m.want.Outstanding++
		}
	}
	firsts := make(map[string]bool)
	for _, d := range m.given {
		firsts[d.key.ids[d.index]] = true
	}
	m.want.Redeliveries = m.want.Deliveries - uint64(len(firsts))
	for _, k := range m.keys {
		m.want.Backlog += len(k.ids) - k.acked
	}
	if got := m.stats(); got != m.want {
		m.t.Fatalf("stats\n%+v, want\n%+v", got, m.want)
	}
}

// finish acknowledges what comes until nothing is left: no message is lost.
func (m *model) finish() {
	for _, st := range m.streams {
		st.Close()
	}
	last := m.stream(StreamConfig{})
	for range 1000 {
		if m.stats().Backlog == 0 {
			m.expectEmpty()
			return
		}
		if got := m.now(last); len(got) > 0 {
			m.ack(got)
		}
		time.Sleep(time.Second)
	}
	m.t.Fatalf("messages stay behind: %+v", m.stats())
}
