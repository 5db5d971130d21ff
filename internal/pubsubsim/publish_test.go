package pubsubsim

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
)

func TestPublishLimits(t *testing.T) {
	attributes := func(n int) map[string]string {
		m := make(map[string]string)
		for i := range n {
			m[fmt.Sprintf("key-%d", i)] = "v"
		}
		return m
	}
	one := func(key, value string) Message { return Message{Attributes: map[string]string{key: value}} }
	data := func(n int) []byte { return bytes.Repeat([]byte("x"), n) }
	tests := []struct {
		name     string
		messages []Message
		want     codes.Code
	}{
		{"no message", nil, codes.InvalidArgument},
		{"neither data nor attributes", []Message{{OrderingKey: "user-1"}}, codes.InvalidArgument},
		{"attributes only", []Message{one("a", "")}, codes.OK},
		{"100 attributes", []Message{{Attributes: attributes(100)}}, codes.OK},
		{"101 attributes", []Message{{Attributes: attributes(101)}}, codes.InvalidArgument},
		{"an attribute key of 256 bytes", []Message{one(strings.Repeat("é", 128), "v")}, codes.OK},
		{"an attribute key of 257 bytes", []Message{one(strings.Repeat("é", 128)+"x", "v")}, codes.InvalidArgument},
		{"an empty attribute key", []Message{one("", "v")}, codes.InvalidArgument},
		{"a reserved attribute key", []Message{one("google-thing", "v")}, codes.InvalidArgument},
		{"the client's own attribute key", []Message{one("googclient_traceparent", "v")}, codes.OK},
		{"an attribute value of 1024 bytes", []Message{one("a", strings.Repeat("v", 1024))}, codes.OK},
		{"an attribute value of 1025 bytes", []Message{one("a", strings.Repeat("v", 1025))}, codes.InvalidArgument},
		{"an attribute that is not UTF-8", []Message{one("a", "\xff")}, codes.InvalidArgument},
		{"an ordering key of 1024 bytes", []Message{{Data: data(1), OrderingKey: strings.Repeat("k", 1024)}}, codes.OK},
		{
			"an ordering key of 1025 bytes", []Message{{Data: data(1), OrderingKey: strings.Repeat("k", 1025)}},
			codes.InvalidArgument,
		},
		{
			"two ordering keys", []Message{{Data: data(1), OrderingKey: "a"}, {Data: data(1), OrderingKey: "b"}},
			codes.InvalidArgument,
		},
		{"10 MB of data", []Message{{Data: data(10_000_000)}}, codes.OK},
		{"10 MB of data and a byte", []Message{{Data: data(10_000_001)}}, codes.InvalidArgument},
		{
			"10 MB of data and an attribute",
			[]Message{{Data: data(10_000_000), Attributes: attributes(1)}}, codes.InvalidArgument,
		},
		{"10 MB in two messages", []Message{{Data: data(5_000_000)}, {Data: data(5_000_000)}}, codes.OK},
		{"more than 10 MB in two messages", []Message{{Data: data(5_000_000)}, {Data: data(5_000_001)}}, codes.InvalidArgument},
		{"1000 messages", slices.Repeat([]Message{{Data: data(1)}}, 1000), codes.OK},
		{"1001 messages", slices.Repeat([]Message{{Data: data(1)}}, 1001), codes.InvalidArgument},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := newDesk(t, Config{}, ordered())
			ids, err := d.Publish(changes, test.messages)
			wantCode(t, err, test.want)
			stored := len(test.messages)
			if err != nil {
				stored = 0
			}
			if got := d.stats().Backlog; got != stored || len(ids) != stored {
				t.Fatalf("%d messages and %d IDs, want %d", got, len(ids), stored)
			}
		})
	}
}

func TestMessageIDsAreUniqueDecimalAndInNoOrder(t *testing.T) {
	ids := newMessageIDs(time.Now())
	seen := make(map[string]bool)
	ascending := true
	for last := ""; len(seen) < 100_000; {
		id := ids.next()
		if seen[id] || strings.Trim(id, "0123456789") != "" {
			t.Fatalf("ID %q after %d others", id, len(seen))
		}
		seen[id] = true
		ascending = ascending && id > last
		last = id
	}
	if ascending {
		t.Fatal("the IDs ascend")
	}
	ids.given = 1 << idBits
	if id := ids.next(); seen[id] {
		t.Fatalf("ID %q came again in the next epoch", id)
	}
}

func TestMessagesOfAPublishCallHaveOnePublishTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, Config{}, ordered())
		time.Sleep(1234 * time.Microsecond)
		d.publish("user-1", "1 2")
		got := d.now(d.stream(StreamConfig{}))
		one, two := got[0].Message.PublishTime, got[1].Message.PublishTime
		if !one.Equal(two) || one.Nanosecond() != int(time.Millisecond) {
			t.Fatalf("publish times %v and %v", one, two)
		}
		if got[0].Message.ID == got[1].Message.ID {
			t.Fatal("two messages with one ID")
		}
	})
}

func TestAMessageGoesToTheSubscriptionsThatExist(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, Config{}, ordered())
		d.publish("user-1", "1")
		d.must(d.CreateSubscription(clerk, SubscriptionSettings{Topic: changes}))
		d.publish("user-1", "2")
		d.must(d.DeleteTopic(changes))
		_, err := d.Publish(changes, []Message{{Data: []byte("3")}})
		wantCode(t, err, codes.NotFound)
		for name, want := range map[string]int{worker: 2, clerk: 1} {
			settings, err := d.Subscription(name)
			d.must(err)
			if got := d.Stats().Subscriptions[name].Backlog; got != want || settings.Topic != deletedTopic {
				t.Fatalf("%s has %d messages of %s, want %d", name, got, settings.Topic, want)
			}
		}
	})
}
