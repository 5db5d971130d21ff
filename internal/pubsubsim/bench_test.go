package pubsubsim

import (
	"context"
	"fmt"
	"testing"
	"time"
)

// BenchmarkDelivery is one message published, delivered, extended and acknowledged, on top of a backlog. The cost must
// not depend on the backlog.
func BenchmarkDelivery(b *testing.B) {
	for _, keys := range []int{1, 10_000} {
		for _, backlog := range []int{10_000, 100_000} {
			b.Run(fmt.Sprintf("keys=%d/backlog=%d", keys, backlog), func(b *testing.B) {
				benchmarkDelivery(b, keys, backlog)
			})
		}
	}
}

func benchmarkDelivery(b *testing.B, keys, backlog int) {
	broker := New(Config{OutstandingPerKey: 10})
	defer broker.Close()
	must := func(err error) {
		if err != nil {
			b.Fatal(err)
		}
	}
	must(broker.CreateTopic(changes, TopicSettings{}))
	must(broker.CreateSubscription(worker, SubscriptionSettings{Topic: changes, Ordering: true}))
	published := 0
	publish := func() {
		published++
		key := fmt.Sprint("user-", published%keys)
		_, err := broker.Publish(changes, []Message{{OrderingKey: key, Data: []byte("x")}})
		must(err)
	}
	for range backlog {
		publish()
	}
	st, err := broker.Subscribe(worker, StreamConfig{MaxMessages: 1000})
	must(err)
	var ready []Delivery
	for b.Loop() {
		publish()
		if len(ready) == 0 {
			ready, err = st.Next(context.Background())
			must(err)
			ids := pile(ready).ackIDs()
			must(broker.ModifyAckDeadline(worker, ids, 10*time.Second))
			must(broker.Ack(worker, ids))
		}
		ready = ready[1:]
	}
}

// BenchmarkNack is a message delivered again with a hundred thousand waiting behind it.
func BenchmarkNack(b *testing.B) {
	broker := New(Config{OutstandingPerKey: 10, RedeliveryDelay: 1})
	defer broker.Close()
	must := func(err error) {
		if err != nil {
			b.Fatal(err)
		}
	}
	must(broker.CreateTopic(changes, TopicSettings{}))
	must(broker.CreateSubscription(worker, SubscriptionSettings{Topic: changes, Ordering: true}))
	for range 100 {
		_, err := broker.Publish(changes, make1000("user-1"))
		must(err)
	}
	st, err := broker.Subscribe(worker, StreamConfig{})
	must(err)
	for b.Loop() {
		got, err := st.Next(context.Background())
		must(err)
		must(broker.ModifyAckDeadline(worker, pile(got).ackIDs(), 0))
	}
}

func make1000(key string) []Message {
	messages := make([]Message, 1000)
	for i := range messages {
		messages[i] = Message{OrderingKey: key, Data: []byte("x")}
	}
	return messages
}
