package pubsubsim

import (
	"maps"
	"testing"
	"testing/synctest"
	"time"
)

func TestAMessageThatFailsTooOftenGoesToTheDeadLetterTopic(t *testing.T) {
	for name, fail := range map[string]func(desk, pile){
		"by nacks":          func(d desk, p pile) { d.nack(p) },
		"by leases run out": func(desk, pile) { time.Sleep(minAckDeadline) },
	} {
		synctest.Test(t, func(t *testing.T) {
			d := newDesk(t, Config{}, deadLetter(letters, 0))
			d.must(d.CreateSubscription(clerk, SubscriptionSettings{Topic: letters}))
			published := time.Now().UTC()
			_, err := d.Publish(changes, []Message{{
				OrderingKey: "user-1", Data: []byte("1"), Attributes: map[string]string{"ce-id": "x"},
			}})
			d.must(err)
			st := d.stream(StreamConfig{})
			for attempt := 1; attempt <= minAttempts; attempt++ {
				got := d.expect(d.now(st), "1")
				if got[0].Attempt != attempt {
					t.Fatalf("%s: delivery attempt %d, want %d", name, got[0].Attempt, attempt)
				}
				fail(d, got)
				time.Sleep(defaultRedeliveryDelay)
			}
			d.expect(d.now(st), "")
			letter, err := d.Pull(t.Context(), clerk, 1)
			d.must(err)
			want := map[string]string{
				"ce-id": "x",
				"CloudPubSubDeadLetterSourceSubscription":        "worker",
				"CloudPubSubDeadLetterSourceSubscriptionProject": "demo",
				"CloudPubSubDeadLetterSourceDeliveryCount":       "5",
				"CloudPubSubDeadLetterSourceTopicPublishTime":    published.Format("2006-01-02T15:04:05.000") + "+00:00",
			}
			m := letter[0].Message
			if !maps.Equal(m.Attributes, want) || string(m.Data) != "1" || m.OrderingKey != "user-1" || letter[0].Attempt != 0 {
				t.Fatalf("%s: the letter is %+v", name, m)
			}
			if s := d.stats(); s.DeadLettered != 1 || s.Backlog != 0 {
				t.Fatalf("%s: %+v", name, s)
			}
		})
	}
}

func TestBesideADeadLetterPolicyOrderMayNotHold(t *testing.T) {
	var inOrder, alone int
	for seed := range uint64(10) {
		synctest.Test(t, func(t *testing.T) {
			d := newDesk(t, Config{Seed: seed}, deadLetter(letters, 5))
			d.publish("user-1", "1 2 3")
			st := d.stream(StreamConfig{})
			all := d.now(st)
			d.nack(all.only("1"))
			time.Sleep(defaultRedeliveryDelay)
			switch got := d.now(st).bodies(); got {
			case "1 2 3":
				inOrder++
			case "1":
				alone++
				d.ack(all.only("2 3"))
			default:
				t.Fatalf("seed %d: redelivered %q", seed, got)
			}
		})
	}
	if inOrder == 0 || alone == 0 {
		t.Fatalf("%d times in order, %d times alone", inOrder, alone)
	}
}

func TestWithoutItsDeadLetterTopicAMessageIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, Config{}, deadLetter(letters, 5))
		d.must(d.DeleteTopic(letters))
		d.publish("user-1", "1")
		st := d.stream(StreamConfig{})
		for range 2 * minAttempts {
			d.nack(d.expect(d.now(st), "1"))
			time.Sleep(defaultRedeliveryDelay)
		}
	})
}

func TestEveryNackOfARequestCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, Config{}, ordered())
		d.publish("user-1", "1 2 3")
		d.nack(d.now(d.stream(StreamConfig{})))
		if s := d.stats(); s.Nacks != 3 || s.StaleAckIDs != 0 {
			t.Fatalf("%+v", s)
		}
	})
}
