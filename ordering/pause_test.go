package ordering

import (
	"testing"
	"time"
)

func TestAProbeIsOneCallOfTheLaneThatIsLikedAndReadyForLongest(t *testing.T) {
	story(t, small(100, 1000), func(t *testing.T, d *desk) {
		all := func(string) bool { return true }
		if d.Probe(all) {
			t.Error("a probe was made though nothing is paused")
		}
		d.Pause()
		if d.Probe(all) {
			t.Error("a probe was made though there is nothing to call for")
		}
		for _, key := range []string{"a", "b", "c"} {
			d.put(t, key, ids(2, func(_ int, it *item) { it.work = tick; it.contacts = []string{"x"} })...)
		}
		probe := func(like func(string) bool, want string) {
			t.Helper()
			if !d.Probe(like) {
				t.Error("no probe was made")
			}
			pass(tick)
			d.expect(t, "calls", &d.calls, want)
		}
		probe(func(key string) bool { return key == "b" }, "b: 1")
		probe(all, "b: 1, a: 1")
		probe(func(string) bool { return false }, "b: 1, a: 1, c: 1")
		probe(all, "b: 1, a: 1, c: 1, b: 2")
		pass(time.Hour)
		d.expect(t, "calls without a probe", &d.calls, "b: 1, a: 1, c: 1, b: 2")
		d.Resume()
		pass(10 * tick)
		if items, _, _ := d.Held(); items > 0 {
			t.Errorf("%d items are held after the pause", items)
		}
	})
}

func TestAProbeTakesAPlaceForCalls(t *testing.T) {
	story(t, func(c *Config[*item]) { c.MaxCalls = 1 }, func(t *testing.T, d *desk) {
		d.put(t, "a", &item{id: "1", work: tick})
		d.put(t, "b", &item{id: "1", work: tick})
		pass(0)
		d.Pause()
		all := func(string) bool { return true }
		if d.Probe(all) {
			t.Error("a probe was made though all places are taken")
		}
		pass(tick)
		if !d.Probe(all) || d.Probe(all) {
			t.Error("want one probe in the place that is free, and no second one")
		}
		pass(tick)
		d.Resume()
	})
}
