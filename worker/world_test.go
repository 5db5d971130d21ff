package worker

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"time"

	peopleapi "google.golang.org/api/people/v1"

	"github.com/contactrelay/contactrelay/deadletter"
	"github.com/contactrelay/contactrelay/internal/people"
	"github.com/contactrelay/contactrelay/internal/peoplesim"
	"github.com/contactrelay/contactrelay/internal/pubsubsim"
	"github.com/contactrelay/contactrelay/messages"
)

// The names in the world of the tests.
const (
	changesTopic = "projects/test/topics/changes"
	changes      = "projects/test/subscriptions/changes"
	deadTopic    = "projects/test/topics/dead"
	dead         = "projects/test/subscriptions/dead"
)

// world is both simulators in process and a worker between them, for tests in synctest bubbles.
type world struct {
	t      *testing.T
	broker *pubsubsim.Broker
	people *peoplesim.Sim
	config Config
	log    *lockedBuffer
	panics bool           // every call of the People API panics
	tokens *people.Tokens // sign the users in; nil: as the emulator does
	source source         // nil: the broker

	transport http.RoundTripper // nil: the simulated service

	mu      sync.Mutex // guards settled
	settled []Settlement
	worker  *Worker
	stop    func() error
}

// newWorld makes a world without a running worker. Change config before start.
func newWorld(t *testing.T, settings pubsubsim.SubscriptionSettings) *world {
	t.Helper()
	w := &world{
		t:      t,
		broker: pubsubsim.New(pubsubsim.Config{Seed: 1}),
		people: peoplesim.New(peoplesim.Config{AuditValues: true}),
		log:    &lockedBuffer{},
		config: Config{
			Subscription: changes, Version: "test", MaxMessages: 1000, MaxBytes: 64 << 20, MaxCalls: 64, MaxPhotoBytes: 5 << 20,
			BatchMin: 100, BatchMax: 200, BatchLate: 10 * time.Second,
			CallTimeout: 30 * time.Second, Attempts: 8, RetryFor: 5 * time.Minute, Drain: 7 * time.Second,
		},
	}
	t.Cleanup(func() { w.broker.Close() })
	w.config.Settled = func(s Settlement) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.settled = append(w.settled, s)
	}
	w.topics(settings)
	return w
}

// topics makes topics and subscriptions at the broker.
func (w *world) topics(settings pubsubsim.SubscriptionSettings) {
	w.t.Helper()
	settings.Topic = changesTopic
	must(w.t, w.broker.CreateTopic(changesTopic, pubsubsim.TopicSettings{}))
	must(w.t, w.broker.CreateTopic(deadTopic, pubsubsim.TopicSettings{}))
	must(w.t, w.broker.CreateSubscription(changes, settings))
	must(w.t, w.broker.CreateSubscription(dead, pubsubsim.SubscriptionSettings{Topic: deadTopic}))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// ordered is the subscription that a worker needs.
var ordered = pubsubsim.SubscriptionSettings{Ordering: true, AckDeadline: 60 * time.Second}

// start runs a worker until halt or the end of the test.
func (w *world) start() {
	w.t.Helper()
	reach := people.Config{Endpoint: "http://people.test", Transport: w.people, Token: people.EmulatorToken}
	if w.transport != nil {
		reach.Transport = w.transport
	}
	if w.tokens != nil {
		reach.Token, reach.Rejected = w.tokens.Token, w.tokens.Rejected
	}
	client, err := people.New(w.t.Context(), reach)
	must(w.t, err)
	if w.panics {
		client = nil
	}
	log := slog.New(slog.NewJSONHandler(w.log, &slog.HandlerOptions{Level: slog.LevelInfo}))
	var from source = &brokerSource{broker: w.broker}
	if w.source != nil {
		from = w.source
	}
	worker := New(w.config, from, brokerTopic{w.broker}, client, log)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- worker.Run(ctx) }()
	w.worker = worker
	w.stop = sync.OnceValue(func() error { cancel(); return <-ended })
	stop := w.stop
	w.t.Cleanup(func() { _ = stop() })
}

// publish publishes changes of a user and returns their IDs.
func (w *world) publish(user string, all ...messages.Message) []string {
	w.t.Helper()
	var out []pubsubsim.Message
	for _, m := range all {
		out = append(out, pubsubsim.Message{Data: m.Data, Attributes: m.Attributes, OrderingKey: user})
	}
	ids, err := w.broker.Publish(changesTopic, out)
	must(w.t, err)
	return ids
}

// seed gives a user contacts people/c1 … people/cn.
func (w *world) seed(user string, n int) {
	w.t.Helper()
	var all []*peopleapi.Person
	for i := range n {
		all = append(all, &peopleapi.Person{
			ResourceName: contactName(i + 1),
			Names:        []*peopleapi.Name{{GivenName: "Seed", FamilyName: fmt.Sprint(i + 1)}},
		})
	}
	must(w.t, w.people.Seed(user, all))
}

func contactName(i int) string { return fmt.Sprintf("people/c%d", i) }

// fail sets what goes wrong with the People API.
func (w *world) fail(list ...peoplesim.Fault) {
	w.t.Helper()
	must(w.t, w.people.SetFaults(peoplesim.Faults{Seed: 1, List: list}))
}

// always is a fault that strikes every call.
func always(kind peoplesim.Kind) peoplesim.Fault { return peoplesim.Fault{Kind: kind, Rate: 1} }

// latency delays every call.
func latency(d time.Duration) peoplesim.Fault {
	return peoplesim.Fault{Kind: peoplesim.Latency, Rate: 1, Delay: peoplesim.Duration(d)}
}

// outcomes counts the settlements up to now, a dead letter as its reason.
func (w *world) outcomes() map[string]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	counts := map[string]int{}
	for _, s := range w.settled {
		if s.Reason != "" {
			counts[string(s.Reason)]++
		} else {
			counts[string(s.Outcome)]++
		}
	}
	return counts
}

// backlog is what the subscription still has.
func (w *world) backlog(subscription string) []pubsubsim.Waiting {
	w.t.Helper()
	waiting, err := w.broker.Backlog(subscription, 0)
	must(w.t, err)
	return waiting
}

// drain blocks until the subscription is empty, or the limit has passed.
func (w *world) drain(limit time.Duration) {
	w.t.Helper()
	for over := time.Now().Add(limit); len(w.backlog(changes)) > 0 && time.Now().Before(over); {
		time.Sleep(time.Second)
	}
}

// letters reads the dead letters.
func (w *world) letters() []*deadletter.Letter {
	w.t.Helper()
	var all []*deadletter.Letter
	for _, m := range w.backlog(dead) {
		l, err := deadletter.Decode(deadletter.Message{Data: m.Data, Attributes: m.Attributes, OrderingKey: m.OrderingKey})
		must(w.t, err)
		all = append(all, l)
	}
	return all
}

// given is the given name that a contact has now.
func (w *world) given(user, contact string) string {
	w.t.Helper()
	c, ok := w.people.Contact(user, contact)
	if !ok || len(c.Person().Names) == 0 {
		return ""
	}
	return c.Person().Names[0].GivenName
}

// balanced fails the test unless the deliveries add up, as the first promise says.
func (w *world) balanced() {
	w.t.Helper()
	tally, sum := w.worker.Tally(), 0
	for _, n := range tally.Settled {
		sum += n
	}
	if tally.Deliveries != sum {
		w.t.Errorf("%d deliveries, %d settled: %v", tally.Deliveries, sum, tally.Settled)
	}
}

// rename is a patch that sets a contact's given name, guarded by the etag of the version.
func rename(contact, given string, version int64) messages.Message {
	return patch(contact, given, map[string]any{"sources": []any{map[string]any{
		"type": "CONTACT", "etag": peoplesim.SourceEtag(contact, version),
	}}}, "")
}

// overwrite is a patch that sets a contact's given name whatever it is now.
func overwrite(contact, given string) messages.Message { return patch(contact, given, nil, "latest") }

func patch(contact, given string, metadata any, precondition string) messages.Message {
	person := map[string]any{"resourceName": contact, "names": []any{map[string]any{"givenName": given}}}
	if metadata != nil {
		person["metadata"] = metadata
	}
	body := map[string]any{"person": person, "updatePersonFields": "names"}
	if precondition != "" {
		body["precondition"] = precondition
	}
	return message(messages.Patch, body)
}

// message makes a message of a body.
func message(t messages.Type, body any) messages.Message {
	data, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	return messages.Message{Attributes: map[string]string{"ce-type": string(t)}, Data: data}
}

// brokerSource receives from the simulated service's state without a network, as the real client does: it extends
// leases, hands over the messages of a stream one after the other, collects acks for 100 ms, and after the end of
// receiving waits for the last answer.
type brokerSource struct {
	broker *pubsubsim.Broker

	mu    sync.Mutex // guards the fields below
	open  map[string]bool
	acks  []string
	nacks []string
}

func (s *brokerSource) Ordered(context.Context) (bool, error) {
	settings, err := s.broker.Subscription(changes)
	return settings.Ordering, err
}

func (s *brokerSource) Streams() int { return 1 }

func (s *brokerSource) Receive(ctx context.Context, _ int, take func(context.Context, delivery)) error {
	stream, err := s.broker.Subscribe(changes, pubsubsim.StreamConfig{AckDeadline: 60 * time.Second})
	if err != nil {
		return err
	}
	defer stream.Close()
	s.mu.Lock()
	s.open = map[string]bool{}
	s.mu.Unlock()
	flushed := make(chan struct{})
	done := make(chan struct{})
	go func() { defer close(flushed); s.flushUntil(done) }()
	for err == nil {
		var got []pubsubsim.Delivery
		if got, err = stream.Next(ctx); err == nil {
			s.mu.Lock()
			for _, d := range got {
				s.open[d.AckID] = true // its lease is extended from now on
			}
			s.mu.Unlock()
			for _, d := range got {
				s.hand(ctx, d, take)
			}
		}
	}
	if ctx.Err() != nil {
		err = nil
	}
	for s.outstanding() > 0 {
		time.Sleep(time.Millisecond)
	}
	close(done)
	<-flushed
	return err
}

func (s *brokerSource) hand(ctx context.Context, d pubsubsim.Delivery, take func(context.Context, delivery)) {
	take(ctx, delivery{
		id: d.Message.ID, publish: d.Message.PublishTime,
		message: messages.Message{OrderingKey: d.Message.OrderingKey, Attributes: d.Message.Attributes, Data: d.Message.Data},
		answer:  brokerAnswer{s, d.AckID},
	})
}

func (s *brokerSource) outstanding() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open)
}

// flushUntil sends acks and nacks every 100 ms and extends the leases every 30 s, until done and once after it.
func (s *brokerSource) flushUntil(done chan struct{}) {
	ticks := 0
	for last := false; !last; {
		select {
		case <-done:
			last = true
		case <-time.After(100 * time.Millisecond):
		}
		s.mu.Lock()
		acks, nacks := s.acks, s.nacks
		s.acks, s.nacks = nil, nil
		var extend []string
		if ticks++; ticks%300 == 0 {
			for id := range s.open {
				extend = append(extend, id)
			}
		}
		s.mu.Unlock()
		// Fire and forget, as the client's are.
		_ = s.broker.Ack(changes, acks)
		_ = s.broker.ModifyAckDeadline(changes, nacks, 0)
		_ = s.broker.ModifyAckDeadline(changes, extend, 60*time.Second)
	}
}

// brokerAnswer settles one delivery.
type brokerAnswer struct {
	source *brokerSource
	ackID  string
}

func (a brokerAnswer) Ack() {
	a.source.mu.Lock()
	defer a.source.mu.Unlock()
	delete(a.source.open, a.ackID)
	a.source.acks = append(a.source.acks, a.ackID)
}

func (a brokerAnswer) Nack() {
	a.source.mu.Lock()
	defer a.source.mu.Unlock()
	delete(a.source.open, a.ackID)
	a.source.nacks = append(a.source.nacks, a.ackID)
}

// brokerTopic publishes dead letters to the simulated service's state.
type brokerTopic struct{ broker *pubsubsim.Broker }

func (t brokerTopic) Publish(_ context.Context, m deadletter.Message) error {
	_, err := t.broker.Publish(deadTopic, []pubsubsim.Message{{Data: m.Data, Attributes: m.Attributes, OrderingKey: m.OrderingKey}})
	return err
}

// lockedBuffer is a buffer that several goroutines use.
type lockedBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}
