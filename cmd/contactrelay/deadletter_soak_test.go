//go:build soak

package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/contactrelay/contactrelay/deadletter"
)

// The letters of the soak tests.
const soakLetters, soakUsers = 10_000, 500

func TestSoakTenThousandLettersAreListedCountedAndReplayed(t *testing.T) {
	broker := simulate(t, "pubsub")
	r := newRig(t, broker.Listen)
	r.parkLetters(soakLetters, soakUsers)
	timed := func(args ...string) (string, time.Duration) {
		command, begin := r.bench(args...), time.Now()
		out, err := command.Output()
		if err != nil {
			t.Fatalf("%v: %v", args, err)
		}
		return string(out), time.Since(begin)
	}
	out, took := timed("list")
	if n := strings.Count(out, "\n"); n != soakLetters+1 || took > 5*time.Second {
		t.Errorf("list: %d lines in %v", n, took)
	}
	t.Logf("list %v", took.Round(10*time.Millisecond))
	out, took = timed("stats", "--json")
	var s deadletter.Stats
	must(t, json.Unmarshal([]byte(out), &s))
	if s.Letters != soakLetters || s.UserCount != soakUsers || took > 5*time.Second {
		t.Errorf("stats: %d letters of %d users in %v", s.Letters, s.UserCount, took)
	}
	t.Logf("stats %v", took.Round(10*time.Millisecond))
	if n := r.left(broker); n != soakLetters {
		t.Fatalf("looking left %d letters", n)
	}

	begin := time.Now()
	var first, last time.Time
	timed("replay", "--all", "--yes", "--log-level=warn")
	all := r.replayed(broker)
	checkOrder(t, all, soakLetters)
	for _, m := range all {
		if first.IsZero() || m.PublishTime.Before(first) {
			first = m.PublishTime
		}
		if m.PublishTime.After(last) {
			last = m.PublishTime
		}
	}
	speed := soakLetters / last.Sub(first).Seconds()
	t.Logf("replay %v in all, %.0f letters a second", time.Since(begin).Round(10*time.Millisecond), speed)
	if speed < 3000 || len(all) != soakLetters || r.left(broker) != 0 {
		t.Errorf("%.0f letters a second, %d published, %d left", speed, len(all), r.left(broker))
	}
}

func TestSoakAReplayOfTenThousandThatIsKilledCanBeRunAgain(t *testing.T) {
	killedHalfWay(t, soakLetters, soakUsers)
}
