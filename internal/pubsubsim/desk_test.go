package pubsubsim

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const (
	changes = "projects/demo/topics/changes"
	letters = "projects/demo/topics/letters"
	worker  = "projects/demo/subscriptions/worker"
	clerk   = "projects/demo/subscriptions/clerk"
)

// desk is a broker with one topic and one subscription, and shorthands for what the stories do with them.
type desk struct {
	*Broker
	t *testing.T
}

func newDesk(t *testing.T, config Config, settings SubscriptionSettings) desk {
	t.Helper()
	d := desk{Broker: New(config), t: t}
	t.Cleanup(d.Close)
	settings.Topic = changes
	d.must(d.CreateTopic(changes, TopicSettings{}))
	d.must(d.CreateTopic(letters, TopicSettings{}))
	d.must(d.CreateSubscription(worker, settings))
	return d
}

// ordered are the settings of most stories.
func ordered() SubscriptionSettings { return SubscriptionSettings{Ordering: true} }

func (d desk) must(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

// publish publishes each body of "1 2 3" as a message of key.
func (d desk) publish(key, bodies string) []string {
	d.t.Helper()
	var messages []Message
	for body := range strings.FieldsSeq(bodies) {
		messages = append(messages, Message{OrderingKey: key, Data: []byte(body)})
	}
	ids, err := d.Publish(changes, messages)
	d.must(err)
	return ids
}

// publishMany publishes the bodies 0, 1, 2 … n-1.
func (d desk) publishMany(key string, n int) {
	d.t.Helper()
	bodies := make([]string, n)
	for i := range bodies {
		bodies[i] = fmt.Sprint(i)
	}
	for chunk := range slices.Chunk(bodies, maxRequestMessages) {
		d.publish(key, strings.Join(chunk, " "))
	}
}

func (d desk) stream(c StreamConfig) *Stream {
	d.t.Helper()
	st, err := d.Subscribe(worker, c)
	d.must(err)
	return st
}

// now returns what a stream delivers without time passing.
func (d desk) now(st *Stream) pile {
	d.t.Helper()
	synctest.Wait() // alarms that are due
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	p := pile{}
	for {
		got, err := st.Next(ctx)
		if err != nil && ctx.Err() != err {
			d.t.Fatal(err)
		}
		if len(got) == 0 {
			return p
		}
		p = append(p, got...)
	}
}

func (d desk) ack(p pile) {
	d.t.Helper()
	d.must(d.Ack(worker, p.ackIDs()))
}

func (d desk) nack(p pile) { d.t.Helper(); d.extend(p, 0) }

func (d desk) extend(p pile, by time.Duration) {
	d.t.Helper()
	d.must(d.ModifyAckDeadline(worker, p.ackIDs(), by))
}

func (d desk) stats() SubscriptionStats { return d.Stats().Subscriptions[worker] }

// expect checks the bodies of what was delivered.
func (d desk) expect(p pile, want string) pile {
	d.t.Helper()
	if got := p.bodies(); got != want {
		d.t.Fatalf("delivered %q, want %q", got, want)
	}
	return p
}

// expectEmpty checks that nothing is left of the messages and keys that were there.
func (d desk) expectEmpty() {
	d.t.Helper()
	time.Sleep(maxAckDeadline) // for superseded deliveries that nobody answered
	synctest.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.subscriptions[worker]
	if s.messages.Len() != 0 || s.retained != 0 || len(s.keys) != 0 || s.ready.Len() != 0 ||
		len(s.leases) != 0 || s.outstanding != 0 {
		d.t.Fatalf("left: %d messages, %d retained, %d keys, %d ready, %d leases, %d outstanding",
			s.messages.Len(), s.retained, len(s.keys), s.ready.Len(), len(s.leases), s.outstanding)
	}
	for _, st := range s.streams {
		if st.window != (window{maxMessages: st.window.maxMessages, maxBytes: st.window.maxBytes}) || st.ready.Len() != 0 {
			d.t.Fatalf("left in a stream's window: %+v", st.window)
		}
	}
}

// pile is what was delivered.
type pile []Delivery

func (p pile) bodies() string {
	var bodies []string
	for _, d := range p {
		bodies = append(bodies, string(d.Message.Data))
	}
	return strings.Join(bodies, " ")
}

func (p pile) ackIDs() []string {
	ids := make([]string, len(p))
	for i, d := range p {
		ids[i] = d.AckID
	}
	return ids
}

// only returns the deliveries with one of the bodies.
func (p pile) only(bodies string) pile {
	return slices.DeleteFunc(slices.Clone(p), func(d Delivery) bool {
		return !slices.Contains(strings.Fields(bodies), string(d.Message.Data))
	})
}

func wantCode(t *testing.T, err error, want codes.Code) {
	t.Helper()
	if status.Code(err) != want {
		t.Fatalf("error %v, want code %v", err, want)
	}
}
