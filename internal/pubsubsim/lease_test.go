package pubsubsim

import (
	"context"
	"strings"
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

func TestAStreamNeverHoldsMoreThanItMay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, Config{}, ordered())
		d.publish("user-1", "1 2 3 4 5")
		d.publish("user-2", "a b c d e")
		st := d.stream(StreamConfig{MaxMessages: 3})
		held := d.expect(d.now(st), "1 2 3")
		d.nack(held.only("2")) // 3 is superseded, and the client has it all the same
		time.Sleep(defaultRedeliveryDelay)
		if got := d.now(st); len(got) != 1 {
			t.Fatalf("a window of three with two in it took %q", got.bodies())
		}
		d.ack(held.only("3")) // stale, but it makes room
		if got := d.now(st); len(got) != 1 {
			t.Fatalf("a stale ack made room for %q", got.bodies())
		}
		time.Sleep(minAckDeadline + defaultRedeliveryDelay)
		if got := d.now(st); len(got) != 3 {
			t.Fatalf("when all leases had run out came %q", got.bodies())
		}
	})
}

func TestAStreamsWindowIsMeasuredInBytesToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, Config{}, SubscriptionSettings{})
		big := strings.Repeat("x", 60)
		for _, body := range []string{big, big, strings.Repeat("y", 200), "z"} {
			d.publish("", body)
		}
		st := d.stream(StreamConfig{MaxBytes: 100})
		for _, want := range []string{big, big, strings.Repeat("y", 200), "z"} {
			d.ack(d.expect(d.now(st), want)) // the third is larger than the window, and comes alone
		}
	})
}

func TestNextBlocksUntilThereIsSomething(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, Config{}, ordered())
		st := d.stream(StreamConfig{MaxMessages: 1})
		bodies := make(chan string)
		go func() {
			defer close(bodies)
			for {
				got, err := st.Next(t.Context())
				if err != nil {
					return
				}
				bodies <- pile(got).bodies()
				time.Sleep(time.Second)
				d.ack(got)
			}
		}()
		synctest.Wait()
		d.publish("user-1", "1 2 3")
		start := time.Now()
		for _, want := range []string{"1", "2", "3"} {
			if got := <-bodies; got != want {
				t.Fatalf("got %q, want %q", got, want)
			}
		}
		if took := time.Since(start); took != 2*time.Second {
			t.Fatalf("three messages through a window of one took %v", took)
		}
		st.Close()
		if got, open := <-bodies; open {
			t.Fatalf("after Close came %q", got)
		}
	})
}

func TestARoomierWindowWakesItsStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, Config{}, ordered())
		d.publish("user-1", "1 2 3")
		st := d.stream(StreamConfig{MaxMessages: 2})
		held := d.expect(d.now(st), "1 2")
		got := make(chan string)
		go func() {
			deliveries, _ := st.Next(t.Context())
			got <- pile(deliveries).bodies()
		}()
		synctest.Wait()
		d.ack(held.only("1"))
		if g := <-got; g != "3" {
			t.Fatalf("got %q", g)
		}
	})
}

func TestWhatOneStreamLeavesIsAnothers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, Config{}, SubscriptionSettings{})
		narrow := d.stream(StreamConfig{MaxBytes: 10})
		d.publish("", "tiny")
		d.expect(d.now(narrow), "tiny")
		got := make(chan string)
		go func() {
			deliveries, _ := narrow.Next(t.Context())
			got <- pile(deliveries).bodies()
		}()
		synctest.Wait()
		start := time.Now()
		d.publish("", "too-large-for-it")
		d.publish("", "small") // behind the large one
		large, err := d.stream(StreamConfig{MaxMessages: 1}).Next(t.Context())
		d.must(err)
		d.expect(large, "too-large-for-it")
		if g := <-got; g != "small" || !time.Now().Equal(start) {
			t.Fatalf("got %q after %v", g, time.Since(start))
		}
	})
}

func TestASignalToAStreamThatJustGaveUpIsPassedOn(t *testing.T) {
	for range 50 { // whether the signal comes before Next has given up is up to the runtime
		synctest.Test(t, func(t *testing.T) {
			d := newDesk(t, Config{}, ordered())
			ctx, giveUp := context.WithCancel(t.Context())
			got := make(chan string, 2)
			next := func(ctx context.Context) {
				deliveries, _ := d.stream(StreamConfig{}).Next(ctx)
				got <- pile(deliveries).bodies()
			}
			go next(ctx)
			synctest.Wait()
			go next(t.Context())
			synctest.Wait()
			giveUp()
			d.publish("user-1", "1")
			if first := <-got; first == "" && <-got != "1" {
				t.Fatal("nobody got the message")
			}
			d.CutStreams()
		})
	}
}

func TestASignalThatNobodyHearsGoesToAnotherStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, Config{}, ordered())
		gone, there := d.stream(StreamConfig{}), d.stream(StreamConfig{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := gone.Next(ctx); err != context.DeadlineExceeded {
			t.Fatalf("Next returned %v", err)
		}
		got := make(chan string)
		go func() {
			deliveries, _ := there.Next(t.Context())
			got <- pile(deliveries).bodies()
		}()
		synctest.Wait()
		d.publish("user-1", "1")
		if g := <-got; g != "1" {
			t.Fatalf("got %q", g)
		}
	})
}

func TestCloseEndsEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, Config{}, ordered())
		d.publish("user-1", "1")
		st := d.stream(StreamConfig{})
		held := d.now(st)
		ended := make(chan error)
		go func() {
			_, err := st.Next(t.Context())
			ended <- err
		}()
		synctest.Wait()
		d.Close()
		wantCode(t, <-ended, codes.Unavailable)
		wantCode(t, d.Ack(worker, held.ackIDs()), codes.Unavailable)
		_, err := d.Publish(changes, []Message{{Data: []byte("2")}})
		wantCode(t, err, codes.Unavailable)
		time.Sleep(time.Hour)
		if s := d.stats(); s.ExpiredLeases != 0 {
			t.Fatalf("a lease ended after Close: %+v", s)
		}
	})
}
