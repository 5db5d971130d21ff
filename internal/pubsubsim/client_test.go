package pubsubsim

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"google.golang.org/grpc/codes"
)

func TestTheClientReceivesWhatItPublishedInOrder(t *testing.T) {
	o := newOffice(t, Config{OutstandingPerKey: 10}, ordered())
	const keys, each = 20, 50
	publisher := o.client.Publisher(changes)
	publisher.EnableMessageOrdering = true
	var results []*pubsub.PublishResult
	for i := range keys * each {
		results = append(results, publisher.Publish(t.Context(), &pubsub.Message{
			OrderingKey: fmt.Sprint("user-", i%keys),
			Data:        fmt.Append(nil, i/keys),
			Attributes:  map[string]string{"googclient_x": "y"},
		}))
	}
	for _, r := range results {
		_, err := r.Get(t.Context())
		o.must(err)
	}
	publisher.Stop()

	var mu sync.Mutex
	next := make(map[string]int)
	total := 0
	streams := func(s *pubsub.ReceiveSettings) { s.NumGoroutines = 4 }
	o.must(o.receive(streams, func(m *pubsub.Message) bool {
		mu.Lock()
		defer mu.Unlock()
		if want := fmt.Sprint(next[m.OrderingKey]); string(m.Data) != want || m.Attributes["googclient_x"] != "y" {
			t.Errorf("key %s: got %s, want %s", m.OrderingKey, m.Data, want)
		}
		next[m.OrderingKey]++
		total++
		m.Ack()
		return total == keys*each
	}))
	if s := o.stats(); s.Backlog != 0 || s.Acks != keys*each || s.Redeliveries != 0 {
		t.Fatalf("%+v", s)
	}
}

func TestTheClientSeesTheFollowersOfANackAndThenAllAgain(t *testing.T) {
	o := newOffice(t, Config{}, ordered())
	o.publish("user-1", "1 2 3 4 5")
	var mu sync.Mutex
	var seen []string
	o.must(o.receive(defaults, func(m *pubsub.Message) bool {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, string(m.Data))
		if len(seen) == 2 {
			m.Nack()
		} else {
			m.Ack()
		}
		return len(seen) == 9
	}))
	if got, want := strings.Join(seen, " "), "1 2 3 4 5 2 3 4 5"; got != want {
		t.Fatalf("got %q, want %q", got, want)
	}
	if s := o.stats(); s.Backlog != 0 {
		t.Fatalf("%+v", s)
	}
}

func TestTheServerKeepsToTheClientsFlowControl(t *testing.T) {
	o := newOffice(t, Config{}, ordered())
	o.publishMany("user-1", 100)
	held := make(chan *pubsub.Message, 100)
	settings := func(s *pubsub.ReceiveSettings) { s.MaxOutstandingMessages = 7 }
	most, acked := 0, 0
	done := make(chan struct{})
	go func() {
		defer close(done)
		for m := range held {
			most = max(most, o.stats().Outstanding)
			m.Ack()
			if acked++; acked == 100 {
				return
			}
		}
	}()
	got := 0
	o.must(o.receive(settings, func(m *pubsub.Message) bool {
		held <- m // the callback returns and the message is still unacknowledged
		got++
		return got == 100
	}))
	<-done
	if most != 7 {
		t.Fatalf("up to %d messages were outstanding, want 7", most)
	}
}

func TestLargeMessagesPassBothWays(t *testing.T) {
	o := newOffice(t, Config{}, ordered())
	publisher := o.client.Publisher(changes)
	body := bytes.Repeat([]byte("0123456789"), 990_000)
	_, err := publisher.Publish(t.Context(), &pubsub.Message{Data: body}).Get(t.Context())
	o.must(err)
	o.must(o.receive(defaults, func(m *pubsub.Message) bool {
		if !bytes.Equal(m.Data, body) {
			t.Errorf("%d bytes came back", len(m.Data))
		}
		m.Ack()
		return true
	}))
}

func TestReceiveEndsWhenItIsForbidden(t *testing.T) {
	for fault, want := range map[ReceiveFault]codes.Code{
		PermissionDenied: codes.PermissionDenied,
		NotFound:         codes.NotFound,
	} {
		o := newOffice(t, Config{}, ordered())
		o.publish("user-1", "1")
		err := o.receive(defaults, func(m *pubsub.Message) bool {
			m.Ack()
			o.must(o.SetFaults(Faults{Receive: fault}))
			return false
		})
		wantCode(t, err, want)
	}
}

func TestTheClientComesBackAfterCutsAndARestart(t *testing.T) {
	o := newOffice(t, Config{OutstandingPerKey: 10}, ordered())
	o.must(o.SetFaults(Faults{CutStreamEvery: Duration(300 * time.Millisecond), PublishUnconfirmed: 0.3}))
	publisher := o.client.Publisher(changes)
	publisher.EnableMessageOrdering = true
	for i := range 20 {
		publisher.Publish(t.Context(), &pubsub.Message{OrderingKey: "user-1", Data: fmt.Append(nil, i)})
	}
	publisher.Stop()
	published := int(o.stats().Published) // with what the client repeated because it was not confirmed
	if published < 20 {
		t.Fatalf("%d messages stored", published)
	}
	var seen []string
	restarted := false
	o.must(o.receive(defaults, func(m *pubsub.Message) bool {
		m.Ack()
		if !slices.Contains(seen, m.ID) {
			seen = append(seen, m.ID)
		}
		if len(seen) == published/2 && !restarted {
			restarted = true
			o.restart()
		}
		time.Sleep(20 * time.Millisecond)
		return len(seen) == published
	}))
}
