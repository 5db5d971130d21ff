package pubsubsim

import (
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
)

func TestDuplicatesComeRightBehindOrWithAllThatFollowed(t *testing.T) {
	var behind, again int
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			d := newDesk(t, Config{Seed: seed}, ordered())
			d.publish("user-1", "1")
			st := d.stream(StreamConfig{AckDeadline: time.Minute})
			d.must(d.SetFaults(Faults{Duplicate: 1}))
			first := d.now(st)
			d.must(d.SetFaults(Faults{}))
			d.publish("user-1", "2")
			d.expect(d.now(st), "2")
			if first.bodies() == "1 1" {
				behind++
				d.ack(first[:1])
				if s := d.stats(); s.Acks != 0 || s.StaleAckIDs != 1 {
					t.Fatalf("seed %d: the ack of the first of two deliveries counted: %+v", seed, s)
				}
				d.ack(first[1:])
				return
			}
			again++
			time.Sleep(relapseWithin)
			d.expect(d.now(st), "1 2")
			if s := d.stats(); s.ExpiredLeases != 0 || s.Nacks != 0 {
				t.Fatalf("seed %d: %+v", seed, s)
			}
		})
	}
	if behind == 0 || again == 0 {
		t.Fatalf("%d duplicates behind the original, %d redeliveries", behind, again)
	}
}

func TestALostAckOfAMessageWithoutOrderComesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, Config{}, SubscriptionSettings{})
		d.publishMany("", 20)
		d.must(d.SetFaults(Faults{LostAck: 1}))
		st := d.stream(StreamConfig{})
		d.ack(d.now(st))
		d.must(d.SetFaults(Faults{}))
		d.expect(d.now(st), "")
		time.Sleep(minAckDeadline + defaultRedeliveryDelay)
		d.ack(d.now(st))
		if s := d.stats(); s.Backlog != 0 || s.LostAcks != 20 || s.Acks != 20 {
			t.Fatalf("%+v", s)
		}
	})
}

func TestAFailedAckRequestHasNoEffect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, Config{}, ordered())
		d.publish("user-1", "1")
		held := d.now(d.stream(StreamConfig{}))
		d.must(d.SetFaults(Faults{AckFailure: 1}))
		wantCode(t, d.Ack(worker, held.ackIDs()), codes.Unavailable)
		wantCode(t, d.ModifyAckDeadline(worker, held.ackIDs(), 0), codes.Unavailable)
		wantCode(t, d.ModifyAckDeadline(worker, held.ackIDs(), time.Minute), codes.Unavailable)
		time.Sleep(minAckDeadline)
		synctest.Wait()
		if s := d.stats(); s.Acks != 0 || s.Nacks != 0 || s.ExpiredLeases != 1 {
			t.Fatalf("%+v", s)
		}
	})
}

func TestACutStreamMayTakeItsMessagesWithIt(t *testing.T) {
	var arrived, lost int
	for seed := range uint64(10) {
		synctest.Test(t, func(t *testing.T) {
			d := newDesk(t, Config{Seed: seed}, ordered())
			d.publish("user-1", "1")
			d.must(d.SetFaults(Faults{CutStream: 1}))
			st := d.stream(StreamConfig{})
			got, err := st.Next(t.Context())
			if len(got) == 1 {
				arrived++
				_, err = st.Next(t.Context())
			} else {
				lost++
			}
			wantCode(t, err, codes.Unavailable)
			d.must(d.SetFaults(Faults{}))
			next := d.stream(StreamConfig{})
			d.expect(d.now(next), "")
			time.Sleep(minAckDeadline + defaultRedeliveryDelay)
			d.expect(d.now(next), "1")
		})
	}
	if arrived == 0 || lost == 0 {
		t.Fatalf("%d arrived, %d lost", arrived, lost)
	}
}

func TestStreamsAreCutWhenTheyAreOldEnough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, Config{}, ordered())
		old := d.stream(StreamConfig{})
		d.must(d.SetFaults(Faults{CutStreamEvery: Duration(time.Minute)}))
		start := time.Now()
		for _, st := range []*Stream{old, d.stream(StreamConfig{})} {
			_, err := st.Next(t.Context())
			wantCode(t, err, codes.Unavailable)
		}
		if took := time.Since(start); took != time.Minute {
			t.Fatalf("cut after %v", took)
		}
		kept := d.stream(StreamConfig{})
		d.must(d.SetFaults(Faults{}))
		time.Sleep(time.Hour)
		d.expect(d.now(kept), "")
	})
}

func TestRedeliveriesCanBeSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, Config{}, ordered())
		d.must(d.SetFaults(Faults{SlowRedelivery: Duration(30 * time.Second)}))
		d.publish("user-1", "1")
		st := d.stream(StreamConfig{})
		d.nack(d.now(st))
		time.Sleep(30 * time.Second)
		d.expect(d.now(st), "")
		time.Sleep(defaultRedeliveryDelay)
		d.expect(d.now(st), "1")
	})
}

func TestAFailedPublishMayHaveStoredTheMessages(t *testing.T) {
	d := newDesk(t, Config{}, ordered())
	for want, faults := range []Faults{{PublishLost: 1}, {PublishUnconfirmed: 1}} {
		d.must(d.SetFaults(faults))
		_, err := d.Publish(changes, []Message{{Data: []byte("1")}})
		wantCode(t, err, codes.Unavailable)
		if got := d.stats().Backlog; got != want {
			t.Fatalf("%+v: %d messages stored, want %d", faults, got, want)
		}
	}
}

func TestReceivingCanBeForbidden(t *testing.T) {
	for fault, want := range map[ReceiveFault]codes.Code{
		PermissionDenied: codes.PermissionDenied,
		NotFound:         codes.NotFound,
	} {
		synctest.Test(t, func(t *testing.T) {
			d := newDesk(t, Config{}, ordered())
			d.publish("user-1", "1")
			st := d.stream(StreamConfig{})
			held := d.now(st)
			d.must(d.SetFaults(Faults{Receive: fault}))
			_, err := st.Next(t.Context())
			wantCode(t, err, want)
			_, err = d.Subscribe(worker, StreamConfig{})
			wantCode(t, err, want)
			_, err = d.Pull(t.Context(), worker, 1)
			wantCode(t, err, want)
			wantCode(t, d.Ack(worker, held.ackIDs()), want)
			d.publish("user-1", "2") // publishing is another permission
			d.must(d.SetFaults(Faults{}))
			d.ack(held)
			d.expect(d.now(d.stream(StreamConfig{})), "2")
		})
	}
}

func TestFaultsAreCheckedAndSurviveJSON(t *testing.T) {
	d := newDesk(t, Config{}, ordered())
	good := Faults{
		Duplicate: 0.1, LostAck: 0.2, AckFailure: 0.3, CutStream: 0.4, CutStreamEvery: Duration(time.Minute),
		SlowRedelivery: Duration(1500 * time.Millisecond), PublishLost: 0.5, PublishUnconfirmed: 1, Receive: NotFound,
	}
	d.must(d.SetFaults(good))
	for _, bad := range []Faults{
		{Duplicate: 1.1}, {LostAck: -0.1}, {AckFailure: math.NaN()}, {CutStreamEvery: -1}, {SlowRedelivery: -1},
		{Receive: "teapot"},
	} {
		wantCode(t, d.SetFaults(bad), codes.InvalidArgument)
	}
	if got := d.Faults(); got != good {
		t.Fatalf("faults are %+v after refused ones, want %+v", got, good)
	}
	text, err := json.Marshal(good)
	d.must(err)
	var back Faults
	d.must(json.Unmarshal(text, &back))
	if back != good || !strings.Contains(string(text), `"slow_redelivery":"1.5s"`) {
		t.Fatalf("%s is %+v", text, back)
	}
}

func TestTheSameSeedAndCallsGiveTheSameHistory(t *testing.T) {
	history := func(seed uint64) (deliveries []string, stats SubscriptionStats) {
		synctest.Test(t, func(t *testing.T) {
			d := newDesk(t, Config{Seed: seed, OutstandingPerKey: 10}, ordered())
			d.must(d.SetFaults(Faults{Duplicate: 0.2, LostAck: 0.2, AckFailure: 0.1, PublishUnconfirmed: 0.2}))
			st := d.stream(StreamConfig{MaxMessages: 30})
			for i := range 50 {
				_, _ = d.Publish(changes, []Message{{Data: []byte{byte(i)}, OrderingKey: string(rune('a' + i%5))}})
				got := d.now(st)
				for _, g := range got {
					deliveries = append(deliveries, g.Message.ID)
				}
				if len(got) > 0 {
					_ = d.Ack(worker, got.ackIDs())
				}
				time.Sleep(time.Second)
			}
			stats = d.stats()
		})
		return deliveries, stats
	}
	one, oneStats := history(1)
	same, sameStats := history(1)
	if !reflect.DeepEqual(one, same) || oneStats != sameStats {
		t.Fatalf("two histories of one seed:\n%v %+v\n%v %+v", one, oneStats, same, sameStats)
	}
	if other, _ := history(2); reflect.DeepEqual(one, other) {
		t.Fatal("another seed gives the same history")
	}
}
