package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/contactrelay/contactrelay/deadletter"
	"github.com/contactrelay/contactrelay/internal/pubsubsim"
)

func TestReplayPublishesTheOriginalsAndRemovesTheLetters(t *testing.T) {
	t.Parallel()
	r := newBenchRig(t)
	l := aLetter(1, deadletter.Rejected, "alice@example.com")
	l.Original.Attributes["ce-id"], l.Replays = "event-1", 1
	r.park(l, aLetter(2, deadletter.NotFound, "bob@example.com"))
	file := filepath.Join(t.TempDir(), "audit.jsonl")
	code, out, errs := r.ask("", "replay", "LETTER000001", "--yes", "--audit="+file)
	if code != 0 || !strings.Contains(out, "replayed 1 of 1 letter to projects/demo/topics/contact-changes") {
		t.Fatalf("exit code %d, %q, %q", code, out, errs)
	}
	published := r.published()
	if len(published) != 1 {
		t.Fatalf("%d messages, want one", len(published))
	}
	m := published[0]
	want := map[string]string{
		"ce-type": "contactrelay.patch.v1", "ce-id": "event-1", "replay-letter": "LETTER000001", "replay-message-id": "m1",
		"replay-publish-time": "2026-10-01T08:00:00.001Z", "replay-count": "2",
	}
	if string(m.Data) != string(l.Original.Data) || m.OrderingKey != "alice@example.com" || fmt.Sprint(m.Attributes) != fmt.Sprint(want) {
		t.Errorf("published %v, %s; want %v", m.Attributes, m.Data, want)
	}
	if left := r.left(); len(left) != 1 || left[0].ID != "LETTER000002" {
		t.Errorf("%d letters are left, want the other one", len(left))
	}
	info, err := os.Stat(file)
	must(t, err)
	text, err := os.ReadFile(file)
	must(t, err)
	deeds := jsonLines[deed](t, string(text))
	if info.Mode().Perm() != 0o600 || len(deeds) != 1 {
		t.Fatalf("the audit has the mode %v and %d lines", info.Mode(), len(deeds))
	}
	if d := deeds[0]; d.Who == "" || d.Action != "replay" || d.Letter != "LETTER000001" || d.Message != m.ID || d.Reason != "rejected" || d.Replays != 2 {
		t.Errorf("the audit says %+v", d)
	}
	if !strings.Contains(errs, `"action":"replay"`) || !strings.Contains(errs, m.ID) || strings.Contains(errs, "alice@example.com") {
		t.Errorf("the log is to say so too, without the user: %q", errs)
	}
}

func TestReplayKeepsEachUsersOrderAndUsersTogether(t *testing.T) {
	t.Parallel()
	r := newBenchRig(t)
	var all []*deadletter.Letter
	for n := range 300 {
		all = append(all, aLetter(n, deadletter.Rejected, fmt.Sprintf("user-%02d", n%20)))
	}
	for i := range all {
		r.park(all[i*7%len(all)]) // as they might have come in
	}
	if code, _, errs := r.ask("", "replay", "--all", "--yes", "--log-level=warn"); code != 0 {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	checkOrder(t, r.published(), 300)
	if n := len(r.left()); n > 0 {
		t.Errorf("%d letters are left", n)
	}
}

// checkOrder fails the test unless each letter was replayed, each user's in their order. A letter may have been published
// twice.
func checkOrder(t *testing.T, published []pubsubsim.Waiting, letters int) {
	t.Helper()
	last, seen := map[string]time.Time{}, map[string]int{}
	for _, m := range published {
		at, err := time.Parse(time.RFC3339Nano, m.Attributes["replay-publish-time"])
		must(t, err)
		id := m.Attributes["replay-letter"]
		if seen[id]++; seen[id] > 1 {
			continue
		}
		if at.Before(last[m.OrderingKey]) {
			t.Fatalf("letter %s of %s came behind a later one", id, m.OrderingKey)
		}
		last[m.OrderingKey] = at
	}
	if len(seen) != letters {
		t.Errorf("%d letters were replayed, want %d", len(seen), letters)
	}
}

func TestReplayAsksAndLeavesEverythingWithoutAYes(t *testing.T) {
	t.Parallel()
	r := newBenchRig(t)
	r.park(aLetter(1, deadletter.Rejected, "alice@example.com"), aLetter(2, deadletter.Rejected, "bob@example.com"))
	for answer, replayed := range map[string]int{"": 0, "n\n": 0, "yes please\n": 0} {
		code, _, errs := r.ask(answer, "replay", "--all")
		if code != 3 || len(r.published()) != replayed || !strings.Contains(errs, "Replay 2 letters of 2 users to contact-changes? [y/N]") {
			t.Errorf("%q: exit code %d, %q", answer, code, errs)
		}
	}
	if n := len(r.left()); n != 2 {
		t.Errorf("%d letters are left, want both", n)
	}
	if code, _, _ := r.ask("Y\n", "replay", "--all"); code != 0 || len(r.published()) != 2 {
		t.Errorf("exit code %d, %d messages", code, len(r.published()))
	}
}

func TestReplayWantsToBeToldWhichLetters(t *testing.T) {
	t.Parallel()
	r := newBenchRig(t)
	r.park(aLetter(1, deadletter.Rejected, "alice@example.com"))
	for _, command := range [][]string{{"replay", "--yes"}, {"discard", "--yes", "--because=x"}} {
		if code, _, errs := r.ask("", command[0], command[1:]...); code != 2 || !strings.Contains(errs, "--all") {
			t.Errorf("%v: exit code %d, %q", command, code, errs)
		}
	}
	if code, _, errs := r.ask("", "replay", "LETTER9", "--yes"); code != 1 || !strings.Contains(errs, `no letter "LETTER9"`) {
		t.Errorf("exit code %d, %q", code, errs)
	}
	if len(r.left()) != 1 {
		t.Error("a letter is gone")
	}
}

func TestReplayLeavesWhatIsNoLetterAndWhatWasReplayedTooOften(t *testing.T) {
	t.Parallel()
	r := newBenchRig(t)
	foreign := assorted(r)
	often := aLetter(9, deadletter.Rejected, "dave@example.net")
	often.Replays = 5
	r.park(often)
	code, _, errs := r.ask("", "replay", "--all", "--yes", "--log-level=warn")
	text := unwrapped(errs)
	if code != 3 || !strings.Contains(text, "left 1, damaged") || !strings.Contains(text, "left 2, foreign: see --foreign") || !strings.Contains(text, "left 1, replayed 5 times or more") {
		t.Errorf("exit code %d: %s", code, text)
	}
	if n := len(r.published()); n != 4 {
		t.Errorf("%d messages, want 4", n)
	}
	code, _, errs = r.ask("", "replay", foreign, "--foreign", "--yes")
	m := r.published()[4]
	if code != 0 || m.OrderingKey != "eve@example.com" || m.Attributes["replay-publish-time"] != "2026-10-01T08:00:00.5Z" || len(m.Attributes) != 4 {
		t.Errorf("exit code %d, the foreign message was replayed as %v; %s", code, m.Attributes, errs)
	}
	if code, _, _ = r.ask("", "replay", "LETTER000009", "--yes", "--max-replays=6"); code != 0 || len(r.published()) != 6 {
		t.Errorf("exit code %d, %d messages: want the one with 5 replays, too", code, len(r.published()))
	}
}

func TestALetterOfPartsAndOneOfCopiesIsReplayedOnce(t *testing.T) {
	t.Parallel()
	r := newBenchRig(t)
	large := aLetter(1, deadletter.Invalid, "alice@example.com")
	noise := make([]byte, 9_900_000)
	for i, x := 0, uint32(1); i < len(noise); i++ { // what no gzip makes smaller
		x = x*1664525 + 1013904223
		noise[i] = byte(x >> 24)
	}
	large.Original.Data = noise
	copied := aLetter(2, deadletter.Rejected, "alice@example.com")
	r.park(large, copied, copied)
	if messages, err := large.Encode(); err != nil || len(messages) < 2 {
		t.Fatalf("the letter has %d parts, %v: the test shows nothing", len(messages), err)
	}
	code, _, errs := r.ask("", "replay", "--all", "--yes", "--wait=3s", "--log-level=warn") // megabytes take a while to come
	published := r.published()
	if code != 0 || len(published) != 2 || len(r.left()) != 0 {
		t.Fatalf("exit code %d, %d messages, %d letters left; %s", code, len(published), len(r.left()), errs)
	}
	if string(published[0].Data) != string(noise) {
		t.Error("the parts were not joined")
	}
}

func TestALetterOfWhichAPartIsMissingIsLeft(t *testing.T) {
	t.Parallel()
	r := newBenchRig(t)
	r.put(deadletter.Message{Data: []byte("half"), Attributes: map[string]string{
		"dl-reason": "invalid", "dl-letter": "LETTER1", "dl-part": "1/2", "ce-type": "contactrelay.patch.v1",
	}})
	if _, out, _ := r.ask("", "list"); !strings.Contains(out, " incomplete ") {
		t.Errorf("not listed as incomplete:\n%s", out)
	}
	code, _, errs := r.ask("", "replay", "--all", "--yes")
	if code != 3 || !strings.Contains(unwrapped(errs), "left 1, incomplete") || len(r.left()) != 1 {
		t.Errorf("exit code %d, %d left; %s", code, len(r.left()), errs)
	}
}

func TestAReplayThatIsToldToGoSlowlyShowsItsProgress(t *testing.T) {
	t.Setenv("TERM", "xterm")
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	must(t, err)
	defer screen.Close()
	for _, c := range []struct {
		command replayCommand
		letters int
		shown   bool
	}{
		{replayCommand{}, 10, false}, {replayCommand{}, barFrom, true}, {replayCommand{Rate: 1}, 10, true}, {replayCommand{Ramp: true}, 10, true},
	} {
		if got := c.command.bar(terminal{err: screen}, c.letters); (got != nil) != c.shown {
			t.Errorf("%d letters at a rate of %d: shown is %v", c.letters, c.command.Rate, got != nil)
		}
		if c.command.bar(terminal{err: io.Discard}, c.letters) != nil {
			t.Error("a bar without a terminal")
		}
	}
}

func TestReplayKeepsToItsRate(t *testing.T) {
	t.Parallel()
	r := newBenchRig(t)
	for n := range 30 {
		r.park(aLetter(n, deadletter.Rejected, "alice@example.com"))
	}
	begin := time.Now()
	if code, _, errs := r.ask("", "replay", "--all", "--yes", "--rate=30", "--log-level=warn"); code != 0 {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	if took := time.Since(begin); took < 900*time.Millisecond {
		t.Errorf("30 letters at 30 a second took %v", took)
	}
}
