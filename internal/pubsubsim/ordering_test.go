package pubsubsim

import (
	"fmt"
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

func TestMessagesOfAKeyComeInPublishOrderSeveralAtOnce(t *testing.T) {
	for _, limit := range []int{10, 1000, 0} {
		synctest.Test(t, func(t *testing.T) {
			d := newDesk(t, Config{OutstandingPerKey: limit}, ordered())
			d.publishMany("user-1", 1500)
			st := d.stream(StreamConfig{})
			first := d.now(st)
			want := 1500
			if limit > 0 {
				want = limit
			}
			if len(first) != want {
				t.Fatalf("limit %d: %d outstanding, want %d", limit, len(first), want)
			}
			for i, got := range first {
				if string(got.Message.Data) != strconv.Itoa(i) {
					t.Fatalf("limit %d: delivery %d is message %s", limit, i, got.Message.Data)
				}
			}
			if limit > 0 {
				d.ack(first[:3])
				d.expect(d.now(st), fmt.Sprint(limit, limit+1, limit+2))
			}
		})
	}
}

func TestANackBringsBackTheMessageAndAllThatCameAfterIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, Config{}, ordered())
		d.publish("user-1", "1 2 3 4 5")
		d.publish("user-2", "a b")
		st := d.stream(StreamConfig{})
		all := d.expect(d.now(st), "1 2 3 4 5 a b")

		d.nack(all.only("2"))
		d.publish("user-1", "6")
		d.expect(d.now(st), "")
		time.Sleep(defaultRedeliveryDelay)
		d.expect(d.now(st), "2 3 4 5 6")

		d.ack(all.only("1 3 4 5")) // 3, 4 and 5 are stale now
		if s := d.stats(); s.Acks != 1 || s.StaleAckIDs != 3 || s.Backlog != 7 {
			t.Fatalf("after stale acks: %+v", s)
		}
	})
}

func TestAcksOfFollowersAreUndoneWhenAnEarlierMessageFails(t *testing.T) {
	// A lost ack is either never seen or forgotten later: over a few seeds both happen.
	var dropped, undone uint64
	for seed := range uint64(10) {
		synctest.Test(t, func(t *testing.T) {
			d := newDesk(t, Config{Seed: seed}, ordered())
			d.publish("user-1", "1 2 3 4")
			st := d.stream(StreamConfig{})
			all := d.expect(d.now(st), "1 2 3 4")
			d.ack(all.only("1"))
			d.must(d.SetFaults(Faults{LostAck: 1}))
			d.ack(all.only("2"))
			d.must(d.SetFaults(Faults{}))
			d.ack(all.only("3"))
			d.ack(all.only("4"))

			time.Sleep(minAckDeadline + defaultRedeliveryDelay)
			again := d.expect(d.now(st), "2 3 4")
			s := d.stats()
			if s.Backlog != 3 || s.LostAcks != 1 || s.DroppedAcks+s.UndoneAcks != 2 {
				t.Fatalf("seed %d: %+v", seed, s)
			}
			dropped, undone = dropped+s.DroppedAcks, undone+s.UndoneAcks
			d.ack(again)
			if s := d.stats(); s.Backlog != 0 {
				t.Fatalf("seed %d: after the second acks: %+v", seed, s)
			}
		})
	}
	if dropped == 0 || undone == 0 {
		t.Fatalf("%d acks dropped, %d undone: one kind of loss never happens", dropped, undone)
	}
}

func TestAcksOutOfOrderAreDroppedUnlessInOneRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, Config{}, ordered())
		d.publish("user-1", "1 2 3 4 5")
		st := d.stream(StreamConfig{})
		all := d.now(st)
		d.ack(pile{all[2], all[0], all[1], all[4]}) // 5 has 4 before it
		if s := d.stats(); s.Acks != 3 || s.DroppedAcks != 1 || s.Backlog != 2 || s.Outstanding != 2 {
			t.Fatalf("after 3, 1, 2 and 5 were acked together: %+v", s)
		}
		d.ack(all.only("4"))
		time.Sleep(minAckDeadline + defaultRedeliveryDelay)
		d.ack(d.expect(d.now(st), "5"))
		if s := d.stats(); s.Backlog != 0 {
			t.Fatalf("at the end: %+v", s)
		}
	})
}

func TestAKeyStaysOnTheStreamThatHoldsAnyOfIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, Config{}, ordered())
		one, two := d.stream(StreamConfig{}), d.stream(StreamConfig{})
		d.publish("user-1", "1 2")
		first := d.expect(d.now(one), "1 2")
		d.publish("user-1", "3")
		d.expect(d.now(two), "")
		first = append(first, d.expect(d.now(one), "3")...)

		d.nack(first.only("2")) // 3 comes again too, and until then one still has the first delivery of it
		time.Sleep(defaultRedeliveryDelay)
		d.expect(d.now(two), "")
		again := d.expect(d.now(one), "2 3")

		d.ack(append(again, first...))
		d.publish("user-1", "4")
		d.expect(d.now(two), "4")
	})
}

func TestWithoutOrderEachMessageIsOnItsOwn(t *testing.T) {
	for name, ordering := range map[string]bool{"ordering off": false, "no key": true} {
		synctest.Test(t, func(t *testing.T) {
			d := newDesk(t, Config{OutstandingPerKey: 1}, SubscriptionSettings{Ordering: ordering})
			key := "user-1"
			if ordering {
				key = ""
			}
			d.publish(key, "1 2 3 4 5")
			st := d.stream(StreamConfig{})
			all := d.expect(d.now(st), "1 2 3 4 5")
			d.ack(all.only("4"))
			d.ack(all.only("2"))
			d.nack(all.only("1"))
			time.Sleep(defaultRedeliveryDelay)
			d.expect(d.now(st), "1")
			if s := d.stats(); s.Acks != 2 || s.DroppedAcks != 0 || s.Backlog != 3 {
				t.Fatalf("%s: %+v", name, s)
			}
		})
	}
}

func TestABusyKeyLeavesRoomForTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, Config{}, ordered())
		d.publishMany("busy", 1000)
		d.publish("quiet", "x")
		st := d.stream(StreamConfig{MaxMessages: 3 * turn})
		if first := d.now(st); len(first.only("x")) != 1 {
			t.Fatalf("the quiet key is not among the first: %q", first.bodies())
		}
	})
}

func TestBusyKeysTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, Config{}, ordered())
		st := d.stream(StreamConfig{MaxMessages: 2 * turn})
		d.publishMany("user-1", 1000)
		d.publishMany("user-2", 1000)
		count := make(map[string]int)
		newest := make(map[string]Delivery) // not acknowledged, so that the stream keeps hold of both keys
		for range 10 {
			var old pile
			for _, g := range d.now(st) {
				key := g.Message.OrderingKey
				count[key]++
				if last, ok := newest[key]; ok {
					old = append(old, last)
				}
				newest[key] = g
			}
			d.ack(old)
		}
		if one, two := count["user-1"], count["user-2"]; one < 50 || two < 50 {
			t.Fatalf("%d messages of one key, %d of the other", one, two)
		}
	})
}

func TestAPatientServiceTakesAcksOutOfOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, Config{AckPatience: 100 * time.Millisecond}, ordered())
		d.publish("user-1", "1 2 3 4 5")
		st := d.stream(StreamConfig{})
		all := d.now(st)
		d.ack(all.only("2 3 5"))
		d.ack(all.only("1"))
		if s := d.stats(); s.Acks != 3 || s.DroppedAcks != 1 || s.Backlog != 2 {
			t.Fatalf("after 2, 3, 5 and then 1: %+v", s)
		}
		time.Sleep(100 * time.Millisecond)
		d.ack(all.only("4"))
		if s := d.stats(); s.Acks != 4 || s.DroppedAcks != 1 || s.Backlog != 1 {
			t.Fatalf("after 4, too late for 5: %+v", s)
		}
	})
}
