//go:build soak

package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/contactrelay/contactrelay/internal/peoplesim"
	"github.com/contactrelay/contactrelay/messages"
)

// unavailable counts the calls of the People API that were answered 503.
func (r *rig) unavailable() (n int64) {
	r.t.Helper()
	for _, codes := range lines[peoplesim.Stats](r.t, r.people, "/stats")[0].Calls {
		n += codes["503"]
	}
	return n
}

// TestSoakAnOutageOfThreeMinutesMakesFewCallsAndNoLetter starts a worker into an outage, with 5,000 changes of 50 users
// waiting, two of each contact.
func TestSoakAnOutageOfThreeMinutesMakesFewCallsAndNoLetter(t *testing.T) {
	const users, contacts, outage = 50, 50, 3 * time.Minute
	r, _ := bulk(t, "0", users, contacts)
	var all []messages.Message
	for _, value := range []string{"first", "second"} {
		for c := range contacts {
			for u := range users {
				m := masked(u, c, 0)
				m.Data = bytes.ReplaceAll(m.Data, []byte("changed"), []byte(value))
				all = append(all, m)
			}
		}
	}
	r.publish(all)
	down := peoplesim.Fault{Kind: peoplesim.Unavailable, Rate: 1, For: peoplesim.Duration(outage)}
	r.people.put(t, "PUT", "/faults", peoplesim.Faults{List: []peoplesim.Fault{slow, down}})
	over := time.Now().Add(outage)
	worker := r.worker()

	// It says so at the beginning, and then once a minute.
	var minutes []int64
	var before int64
	minute := func() {
		n := r.unavailable()
		minutes = append(minutes, n-before)
		before = n
	}
	waits := with("no change can be made until this is over")
	worker.until(2, 90*time.Second, waits)
	minute()
	worker.until(3, 90*time.Second, waits)
	minute()
	worker.until(1, 90*time.Second, with("changes can be made again"))
	minute()
	worker.until(len(all), time.Minute, applied)
	took := time.Since(over)
	t.Logf("calls in each minute: %d; all applied %v after it was over", minutes, took.Round(time.Millisecond))
	if slices.Max(minutes) >= 30 || took > 30*time.Second {
		t.Error("want under 30 calls a minute, and all applied within 30 s")
	}
	if overlaps := lines[peoplesim.Stats](t, r.people, "/stats")[0].Overlapped; len(overlaps) > 0 {
		t.Errorf("calls of a user overlapped: %v", overlaps)
	}
	for at, c := range r.contacts() {
		if name := givenName(c); name != "second" {
			t.Errorf("%v is %q in the end, want second", at, name)
		}
	}
	said, _ := worker.since(0)
	if slices.ContainsFunc(said, func(line string) bool { return strings.Contains(line, `"verdict":"dead_lettered"`) }) {
		t.Error("a change was dead-lettered")
	}
}
