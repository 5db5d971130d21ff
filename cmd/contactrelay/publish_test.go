package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/contactrelay/contactrelay/internal/pubsubsim"
	"github.com/contactrelay/contactrelay/messages"
)

// devWorld is the world of dev with nobody who works in it, and the variables that lead to it.
func devWorld(t *testing.T) *world {
	t.Helper()
	w, err := newWorld(t.Context(), byEmulator)
	must(t, err)
	t.Cleanup(w.close)
	t.Setenv("PUBSUB_EMULATOR_HOST", w.pubsubAddress)
	return w
}

// goodLine is a line that publish takes.
func goodLine(user string, n int) string {
	return fmt.Sprintf(`{"user":%q,"type":"patch","id":"e%d","source":"//crm.example.com","body":{"person":{"resourceName":"people/c%d"},"updatePersonFields":"names","precondition":"latest"}}`, user, n, n)
}

func waiting(t *testing.T, w *world) []pubsubsim.Waiting {
	t.Helper()
	all, err := w.broker.Backlog(devSubscription, 0)
	must(t, err)
	return all
}

func TestPublishSendsEachLineWithTheUserAsOrderingKey(t *testing.T) {
	w := devWorld(t)
	file := filepath.Join(t.TempDir(), "feed.jsonl")
	text := "\ufeff" + goodLine("ann@example.com", 1) + "\n\n" + goodLine("ben@example.com", 2) + "\r\n" + goodLine("ann@example.com", 3)
	must(t, os.WriteFile(file, []byte(text), 0o600))
	code, out, errs := ask(t, t.Context(), "", "publish", file)
	if code != 0 || errs != "" || !strings.Contains(out, "published 3 of 3 changes to projects/demo/topics/contact-changes") {
		t.Errorf("exit code %d, %q, %q", code, out, errs)
	}
	var got []string
	for _, m := range waiting(t, w) {
		c, err := messages.Decode(messages.Message{OrderingKey: m.OrderingKey, Attributes: m.Attributes, Data: m.Data}, messages.Limits{})
		must(t, err)
		got = append(got, c.User+" "+c.ID)
	}
	if len(got) != 3 || !(strings.Contains(strings.Join(got, ","), "ann@example.com e1")) {
		t.Errorf("published %q", got)
	}
}

func TestPublishReadsStandardInput(t *testing.T) {
	w := devWorld(t)
	code, _, errs := ask(t, t.Context(), goodLine("ann@example.com", 1)+"\n", "publish", "-")
	if code != 0 || len(waiting(t, w)) != 1 {
		t.Errorf("exit code %d, %q, %d messages", code, errs, len(waiting(t, w)))
	}
}

func TestAWrongLineKeepsAllFromBeingPublished(t *testing.T) {
	w := devWorld(t)
	lines := []string{goodLine("ann@example.com", 1), `{"user":"ann@example.com"`, "", `{"user":"ann@example.com","type":"patch","body":{"person":{},"updatePersonFields":"shoes"}}`}
	code, _, errs := ask(t, t.Context(), strings.Join(lines, "\n"), "publish", "-")
	if code != 1 || !strings.Contains(errs, "line 2: malformed") || !strings.Contains(errs, "line 4: invalid") || !strings.Contains(errs, "2 of 3 lines are wrong; nothing was published") {
		t.Errorf("exit code %d, %q", code, errs)
	}
	if strings.Contains(errs, "line 1:") || len(waiting(t, w)) != 0 {
		t.Errorf("%d messages were published; %q", len(waiting(t, w)), errs)
	}
}

func TestAPartlyFailedPublicationNamesTheLinesThatAreNotIn(t *testing.T) {
	w := devWorld(t)
	must(t, w.broker.DeleteTopic(devTopic))
	code, out, errs := ask(t, t.Context(), goodLine("ann@example.com", 1)+"\n"+goodLine("ben@example.com", 2), "publish", "-")
	if code != 1 || !strings.Contains(out, "published 0 of 2") || !strings.Contains(errs, "NotFound") {
		t.Errorf("exit code %d, %q, %q", code, out, errs)
	}
	if !strings.Contains(errs, "not confirmed: lines 1-2") && !strings.Contains(errs, "not published: all after line 1") {
		t.Errorf("the lines that are not in are not named: %q", errs)
	}
}

func TestAnInterruptedPublicationNamesTheLinesThatAreNotIn(t *testing.T) {
	w := devWorld(t)
	must(t, w.broker.SetFaults(pubsubsim.Faults{PublishLost: 1})) // the client tries again and again
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	code, out, errs := ask(t, ctx, goodLine("ann@example.com", 1)+"\n"+goodLine("ben@example.com", 2), "publish", "-")
	if code != 1 || !strings.Contains(out, "published 0 of 2") || !strings.Contains(errs, "interrupted") || !strings.Contains(errs, "not confirmed: lines 1-2") {
		t.Errorf("exit code %d, %q, %q", code, out, errs)
	}
}

func TestRangesOfNumbersAreSpelledShort(t *testing.T) {
	for want, numbers := range map[string][]int{"line 4": {4, 4}, "lines 1-2": {2, 1}, "lines 1-3, 7, 9-10": {9, 1, 2, 10, 3, 7, 2}} {
		if got := ranges(numbers); got != want {
			t.Errorf("ranges(%v) = %q, want %q", numbers, got, want)
		}
	}
}
