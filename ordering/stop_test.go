package ordering

import (
	"errors"
	"testing"
	"time"
)

func TestStopReturnsAtOnceWhatNoHandlerWorksOn(t *testing.T) {
	story(t, func(c *Config[*item]) { c.MaxCalls = 4 }, func(t *testing.T, d *desk) {
		d.put(t, "waiting", &item{id: "1", fails: []time.Duration{time.Hour}}, &item{id: "2", contacts: []string{"1"}}, &item{id: "3"})
		pass(0)
		d.put(t, "running", ids(3, func(_ int, it *item) { it.work = 5 * time.Second })...)
		pass(0)
		d.Pause()
		d.put(t, "queued", ids(2, nil)...)
		before := time.Now()
		stopped := make(chan time.Duration, 2)
		for range cap(stopped) { // again is harmless, and blocks likewise
			go func() { d.Stop(); stopped <- time.Since(before) }()
		}
		pass(0)
		for key, want := range map[string]string{"waiting": "waiting/1 waiting/2 waiting/3", "running": "running/2 running/3", "queued": "queued/1 queued/2"} {
			of := only(d, &d.returned, key)
			d.expect(t, "returned at once of "+key, &of, want)
		}
		for range cap(stopped) {
			if took := <-stopped; took != 5*time.Second {
				t.Errorf("Stop took %v, want the 5s of the running call", took)
			}
		}
		d.expect(t, "released", &d.released, "running/1")
		if err := d.tryPut(t.Context(), "late", &item{}); !errors.Is(err, ErrStopped) {
			t.Errorf("Put after Stop = %v, want ErrStopped", err)
		}
		d.Resume()
		d.expectEmpty(t)
	})
}

// only picks the lines of one key from a record.
func only(d *desk, record *[]string, key string) (of []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, line := range *record {
		if len(line) > len(key) && line[:len(key)+1] == key+"/" {
			of = append(of, line)
		}
	}
	return of
}

func TestAfterAStopAnItemOfTheRunningCallIsReleasedOnlyIfAllBeforeItWere(t *testing.T) {
	story(t, nil, func(t *testing.T, d *desk) {
		d.put(t, "a", &item{id: "first", work: tick})
		for _, it := range []*item{
			{id: "1", group: "g", work: time.Second},
			{id: "2", group: "g"},
			{id: "3", group: "g", fails: []time.Duration{time.Minute}},
			{id: "4", group: "g"},
			{id: "5", contacts: []string{"1"}},
		} {
			d.put(t, "a", it)
		}
		d.put(t, "b", &item{id: "first", work: tick})
		d.put(t, "b", &item{id: "1", group: "g", work: time.Second}, &item{id: "x"}, &item{id: "2", group: "g"})
		pass(2 * tick)
		d.Stop()
		a, b := only(d, &d.returned, "a"), only(d, &d.returned, "b")
		d.expect(t, "returned of a", &a, "a/5 a/3 a/4")
		d.expect(t, "returned of b", &b, "b/x b/2")
		a, b = only(d, &d.released, "a"), only(d, &d.released, "b")
		d.expect(t, "released of a", &a, "a/first a/1 a/2")
		d.expect(t, "released of b", &b, "b/first b/1")
		d.expectEmpty(t)
	})
}

func TestStopRefusesPutsThatBlockAtOnce(t *testing.T) {
	story(t, small(4, 100), func(t *testing.T, d *desk) {
		for _, key := range []string{"a", "b", "c", "d"} {
			d.put(t, key, &item{id: "1", work: time.Minute})
		}
		own := d.later(t.Context(), "a", &item{id: "2"})
		behind := d.later(t.Context(), "a", &item{id: "3"})
		room := d.later(t.Context(), "e", &item{id: "1"})
		go d.Stop()
		pass(0)
		for _, p := range []*pending{own, behind, room} {
			expectPut(t, p, ErrStopped.Error()+" after 0s")
		}
		pass(time.Minute)
		d.expectEmpty(t)
	})
}
