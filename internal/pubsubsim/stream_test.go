package pubsubsim

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
)

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
