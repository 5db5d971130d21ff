package pubsubsim

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestTheBacklogIsWhatIsNotAcknowledged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, Config{}, ordered())
		d.publish("user-1", "1 2 3")
		d.publish("user-2", "a")
		st := d.stream(StreamConfig{MaxMessages: 2})
		held := d.now(st)
		d.ack(held.only("1"))
		backlog, err := d.Backlog(worker, 0)
		d.must(err)
		var got []string
		for _, w := range backlog {
			got = append(got, w.OrderingKey+" "+string(w.Data))
			if w.ID == "" || w.PublishTime.IsZero() || w.Outstanding != (string(w.Data) == "2") || w.Outstanding != (w.Deliveries == 1) {
				t.Fatalf("waiting: %+v", w)
			}
		}
		if want := "user-1 2, user-1 3, user-2 a"; strings.Join(got, ", ") != want {
			t.Fatalf("backlog %q, want %q", got, want)
		}
		if first, err := d.Backlog(worker, 1); err != nil || len(first) != 1 {
			t.Fatalf("the first one is %v, %v", first, err)
		}
	})
}

func TestPurgeSeekAndReset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, Config{}, ordered())
		st := d.stream(StreamConfig{})
		d.publish("user-1", "1 2")
		time.Sleep(time.Second)
		cut := time.Now()
		d.publish("user-1", "3")
		held := d.expect(d.now(st), "1 2 3")
		d.must(d.SeekTime(worker, cut))
		d.ack(held.only("3")) // nothing is before it any more
		if s := d.stats(); s.Purged != 2 || s.Acks != 1 || s.Backlog != 0 || s.Outstanding != 0 {
			t.Fatalf("after a seek: %+v", s)
		}
		d.publish("user-1", "4 5")
		d.nack(d.expect(d.now(st), "4 5"))
		d.must(d.Purge(worker))
		time.Sleep(time.Minute)
		d.expect(d.now(st), "")
		d.must(d.SetFaults(Faults{Duplicate: 1}))
		d.publish("user-1", "6")
		d.Reset()
		d.expect(d.now(st), "")
		if s := d.stats(); s != (SubscriptionStats{Streams: 1}) || d.Faults() != (Faults{}) {
			t.Fatalf("after a reset: %+v, %+v", s, d.Faults())
		}
		d.publish("user-1", "7")
		d.expect(d.now(st), "7")
	})
}

func TestPurgeDropsWhatIsAcknowledgedBehindALostAck(t *testing.T) {
	for seed := range uint64(10) {
		synctest.Test(t, func(t *testing.T) {
			d := newDesk(t, Config{Seed: seed}, ordered())
			d.publish("user-1", "1 2 3")
			held := d.now(d.stream(StreamConfig{}))
			d.must(d.SetFaults(Faults{LostAck: 1}))
			d.ack(held.only("1"))
			d.must(d.SetFaults(Faults{}))
			d.ack(held.only("2"))
			d.must(d.Purge(worker))
			s := d.stats()
			if s.Backlog != 0 || s.Acks+s.Purged != 3 || s.Outstanding != 0 {
				t.Fatalf("seed %d: %+v", seed, s)
			}
		})
	}
}

func TestAdmin(t *testing.T) {
	d := newDesk(t, Config{}, ordered())
	d.publish("user-1", "1 2")
	admin := d.Admin()
	call := func(method, path, body string, wantStatus int, into any) {
		t.Helper()
		w := httptest.NewRecorder()
		admin.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
		if w.Code != wantStatus {
			t.Fatalf("%s %s %s: status %d, want %d: %s", method, path, body, w.Code, wantStatus, w.Body)
		}
		if into == nil {
			return
		}
		if err := json.Unmarshal(w.Body.Bytes(), into); err != nil {
			t.Fatalf("%s %s: %v in %s", method, path, err, w.Body)
		}
	}
	var stats Stats
	call("GET", "/stats", "", http.StatusOK, &stats)
	if stats.Subscriptions[worker].Backlog != 2 || stats.Topics[changes].Published != 2 {
		t.Fatalf("stats: %+v", stats)
	}

	var faults Faults
	call("PUT", "/faults", `{"duplicate": 0.25, "slow_redelivery": "2s"}`, http.StatusOK, nil)
	call("PUT", "/faults", `{"duplicate": 2}`, http.StatusBadRequest, nil)
	call("PUT", "/faults", `{"duplicates": 0.5}`, http.StatusBadRequest, nil)
	call("PUT", "/faults", `no JSON`, http.StatusBadRequest, nil)
	call("GET", "/faults", "", http.StatusOK, &faults)
	if want := (Faults{Duplicate: 0.25, SlowRedelivery: Duration(2 * time.Second)}); faults != want {
		t.Fatalf("faults: %+v, want %+v", faults, want)
	}

	var without, with []Waiting
	call("GET", "/backlog?subscription="+worker, "", http.StatusOK, &without)
	call("GET", "/messages?limit=1&subscription="+worker, "", http.StatusOK, &with)
	if len(without) != 2 || len(without[0].Data) != 0 || len(with) != 1 || string(with[0].Data) != "1" {
		t.Fatalf("backlog %+v, messages %+v", without, with)
	}
	call("GET", "/backlog?subscription="+clerk, "", http.StatusNotFound, nil)
	call("GET", "/backlog?limit=x&subscription="+worker, "", http.StatusBadRequest, nil)
	call("GET", "/backlog", "", http.StatusBadRequest, nil)

	st := d.stream(StreamConfig{MaxMessages: 1})
	if _, err := st.Next(t.Context()); err != nil {
		t.Fatal(err)
	}
	call("POST", "/expire?subscription="+worker, "", http.StatusOK, nil)
	if n := d.stats().ExpiredLeases; n != 0 {
		t.Fatalf("%d leases of a running stream ran out", n)
	}
	call("POST", "/expire?running=true&subscription="+worker, "", http.StatusOK, nil)
	if n := d.stats().ExpiredLeases; n != 1 {
		t.Fatalf("%d leases ran out, want 1", n)
	}
	call("POST", "/expire?subscription="+clerk, "", http.StatusNotFound, nil)
	st.Close()

	call("POST", "/purge?subscription="+worker, "", http.StatusOK, nil)
	call("GET", "/backlog?subscription="+worker, "", http.StatusOK, &without)
	if len(without) != 0 {
		t.Fatalf("after a purge: %+v", without)
	}
	call("POST", "/reset", "", http.StatusOK, nil)
	if d.Faults() != (Faults{}) || d.stats() != (SubscriptionStats{}) {
		t.Fatalf("after a reset: %+v, %+v", d.Faults(), d.stats())
	}
}
