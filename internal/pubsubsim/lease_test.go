package pubsubsim

import (
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
)

func TestALeaseThatRunsOutBringsBackTheMessageAndAllThatCameAfterIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, Config{}, ordered())
		d.publish("user-1", "1 2 3 4")
		st := d.stream(StreamConfig{AckDeadline: 30 * time.Second})
		all := d.expect(d.now(st), "1 2 3 4")
		d.extend(all.only("1 3 4"), 60*time.Second)
		time.Sleep(30*time.Second - 1)
		d.expect(d.now(st), "")
		time.Sleep(defaultRedeliveryDelay + 1)
		d.expect(d.now(st), "2 3 4")
		if s := d.stats(); s.ExpiredLeases != 1 || s.Outstanding != 4 {
			t.Fatalf("after one lease ran out: %+v", s)
		}
	})
}

func TestALeaseCanBeExtendedForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, Config{}, ordered())
		d.publish("user-1", "1")
		st := d.stream(StreamConfig{})
		held := d.now(st)
		for range 1000 {
			d.extend(held, 10*time.Second)
			time.Sleep(9 * time.Second)
		}
		d.expect(d.now(st), "")
		d.ack(held)
		if s := d.stats(); s.Acks != 1 || s.ExpiredLeases != 0 {
			t.Fatalf("%+v", s)
		}
	})
}

func TestExpiredLeasesOfBrokenStreamsBringBackOnlyWhatTheyHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, Config{}, ordered())
		killed, running := d.stream(StreamConfig{MaxMessages: 3}), d.stream(StreamConfig{})
		d.publish("user-1", "1 2 3 4")
		d.expect(d.now(killed), "1 2 3")
		d.publish("user-2", "x")
		held := d.expect(d.now(running), "x")
		d.must(d.ExpireLeases(worker, false))
		time.Sleep(time.Second)
		d.expect(d.now(running), "") // both streams run
		killed.Close()
		d.must(d.ExpireLeases(worker, false))
		d.expect(d.now(running), "")
		time.Sleep(defaultRedeliveryDelay)
		d.ack(d.expect(d.now(running), "1 2 3 4"))
		d.ack(held)
		if s := d.stats(); s.ExpiredLeases != 1 || s.StaleAckIDs != 0 || s.Acks != 5 {
			t.Fatalf("%+v", s)
		}
		d.expectEmpty()
	})
}

func TestExpiredLeasesOfARunningStreamBringBackAllIncludingWhatAnAckWasLostOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, Config{}, ordered())
		st := d.stream(StreamConfig{})
		d.publish("user-1", "1 2")
		first := d.expect(d.now(st), "1 2")
		d.must(d.ExpireLeases(worker, true))
		time.Sleep(defaultRedeliveryDelay)
		again := d.expect(d.now(st), "1 2")
		d.ack(first) // too late
		d.must(d.SetFaults(Faults{LostAck: 1}))
		d.ack(again)
		d.must(d.SetFaults(Faults{}))
		d.must(d.ExpireLeases(worker, true))
		time.Sleep(defaultRedeliveryDelay)
		d.ack(d.expect(d.now(st), "1 2"))
		if s := d.stats(); s.ExpiredLeases != 2 || s.StaleAckIDs != 2 || s.Backlog != 0 {
			t.Fatalf("%+v", s)
		}
		d.expectEmpty()
	})
}

func TestWhatAKilledClientHeldComesAgainWhenItsLeaseRunsOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, Config{}, ordered())
		d.publish("user-1", "1 2 3")
		killed := d.stream(StreamConfig{AckDeadline: 60 * time.Second})
		all := d.now(killed)
		d.extend(all.only("1 2"), 10*time.Second)
		killed.Close()
		next := d.stream(StreamConfig{})
		d.publish("user-1", "4")
		d.publish("user-2", "x")
		d.ack(d.expect(d.now(next), "x"))
		time.Sleep(10*time.Second - 1)
		d.expect(d.now(next), "")
		time.Sleep(defaultRedeliveryDelay + 1)
		d.expect(d.now(next), "1 2 3 4")
	})
}

func TestAnAckCountsAfterItsStreamBroke(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, Config{}, ordered())
		d.publish("user-1", "1 2")
		broken := d.stream(StreamConfig{})
		all := d.now(broken)
		d.CutStreams()
		_, err := broken.Next(t.Context())
		wantCode(t, err, codes.Unavailable)
		next := d.stream(StreamConfig{})
		d.publish("user-1", "3")
		d.ack(all.only("1"))
		d.expect(d.now(next), "") // 2 may be on its way to the client: 3 would overtake it
		d.ack(all.only("2"))
		d.expect(d.now(next), "3")
	})
}

func TestLateAnswersDoNotConcernTheKeysNewMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, Config{}, ordered())
		d.publish("user-1", "1 2")
		first := d.stream(StreamConfig{})
		stale := d.now(first)
		d.nack(stale.only("1"))
		first.Close()
		time.Sleep(defaultRedeliveryDelay)
		second, third := d.stream(StreamConfig{}), d.stream(StreamConfig{})
		d.ack(d.expect(d.now(second), "1 2"))
		d.publish("user-1", "3")
		d.expect(d.now(second), "3")
		d.ack(stale.only("2"))
		d.publish("user-1", "4")
		d.expect(d.now(third), "")
		d.expect(d.now(second), "4")
	})
}

func TestAckIDs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, Config{}, ordered())
		d.must(d.CreateSubscription(clerk, SubscriptionSettings{Topic: changes}))
		d.publish("user-1", "1")
		held := d.now(d.stream(StreamConfig{}))
		for _, ids := range [][]string{nil, {""}, {"what"}, {held[0].AckID, "projects-x"}, {held[0].AckID + "!"}} {
			wantCode(t, d.Ack(worker, ids), codes.InvalidArgument)
			wantCode(t, d.ModifyAckDeadline(worker, ids, 0), codes.InvalidArgument)
		}
		wantCode(t, d.ModifyAckDeadline(worker, held.ackIDs(), -1), codes.InvalidArgument)
		wantCode(t, d.ModifyAckDeadline(worker, held.ackIDs(), 601*time.Second), codes.InvalidArgument)
		wantCode(t, d.Ack("projects/demo/subscriptions/nobody", held.ackIDs()), codes.NotFound)
		d.must(d.Ack(clerk, held.ackIDs())) // somebody else's: as stale as can be
		if s := d.stats(); s.Outstanding != 1 || s.Acks != 0 || s.Nacks != 0 {
			t.Fatalf("a refused request had an effect: %+v", s)
		}
		d.ack(append(held, held...))
		if s := d.stats(); s.Acks != 1 || s.StaleAckIDs != 1 {
			t.Fatalf("after the same ack twice in a request: %+v", s)
		}
	})
}

func TestTheRetryPolicySpacesRedeliveries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		settings := ordered()
		settings.Retry = &RetryPolicy{MinBackoff: 10 * time.Second, MaxBackoff: 35 * time.Second}
		d := newDesk(t, Config{}, settings)
		d.publish("user-1", "1 2")
		st := d.stream(StreamConfig{AckDeadline: maxAckDeadline})
		held := d.now(st)
		for _, wait := range []time.Duration{10, 20, 35, 35} {
			d.nack(held.only("1"))
			time.Sleep(wait*time.Second - 1)
			d.expect(d.now(st), "")
			time.Sleep(time.Nanosecond)
			held = d.expect(d.now(st), "1 2")
		}
		d.nack(held.only("2"))
		d.must(d.UpdateSubscription(worker, SubscriptionSettings{Topic: changes, Ordering: true}))
		d.nack(held.only("1")) // without a policy that would be soon, but 2 has to wait
		time.Sleep(10*time.Second - 1)
		d.expect(d.now(st), "")
		time.Sleep(time.Nanosecond)
		d.expect(d.now(st), "1 2")
	})
}

func TestAMessageOlderThanTheRetentionIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		settings := ordered()
		settings.Retention = minRetention
		d := newDesk(t, Config{}, settings)
		d.publish("user-1", "1")
		time.Sleep(time.Minute)
		d.publish("user-1", "2")
		st := d.stream(StreamConfig{AckDeadline: maxAckDeadline})
		held := d.expect(d.now(st), "1 2")
		d.extend(held, maxAckDeadline)
		time.Sleep(9 * time.Minute)
		d.expect(d.now(st), "")
		d.ack(held.only("2")) // nothing is before it any more
		if s := d.stats(); s.Expired != 1 || s.Acks != 1 || s.Backlog != 0 {
			t.Fatalf("%+v", s)
		}
		d.publish("user-1", "3")
		time.Sleep(minRetention - time.Second)
		d.publish("user-1", "4")
		time.Sleep(time.Second)
		d.expect(d.now(st), "4")
		time.Sleep(minRetention - time.Second)
		d.expect(d.now(st), "")
		if s := d.stats(); s.Expired != 3 || s.Backlog != 0 {
			t.Fatalf("at the end: %+v", s)
		}
	})
}
