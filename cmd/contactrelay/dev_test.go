package main

import (
	"context"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/contactrelay/contactrelay/deadletter"
	"github.com/contactrelay/contactrelay/internal/peoplesim"
	"github.com/contactrelay/contactrelay/messages"
)

func TestDevOnceShowsEveryReasonAndItsNumbersAddUp(t *testing.T) {
	t.Parallel()
	for _, credentials := range []string{byEmulator, byTokens} {
		t.Run(credentials, func(t *testing.T) { devOnce(t, "dev", "--once", "--credentials="+credentials) })
	}
}

func devOnce(t *testing.T, args ...string) {
	t.Helper()
	temporary := t.TempDir()
	code, out, errs := invoke(t, t.Context(), []string{"TMPDIR=" + temporary}, "", args...)
	if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
		t.Errorf("%d files are left behind, %v", len(left), err)
	}
	if code != 0 || errs != "" {
		t.Errorf("exit code %d, errors %q", code, errs)
	}
	for _, reason := range deadletter.Reasons() {
		if !regexp.MustCompile(`(?m)^` + string(reason) + ` `).MatchString(out) {
			t.Errorf("no dead letter %s in the table", reason)
		}
	}
	if strings.Count(out, "\nok ") != 6 || strings.Contains(out, "WRONG") {
		t.Errorf("want six checks that hold:\n%s", out)
	}
	tooWide(t, out)
	if strings.Contains(out, "\x1b") {
		t.Error("colours though the output is no terminal")
	}
}

func TestDevServesOnUntilItIsStopped(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	out := &lineWaiter{wanted: "contactrelay publish FILE", found: cancel}
	if code := execute(ctx, []string{"dev"}, terminal{in: strings.NewReader(""), out: out, err: out}); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if !strings.Contains(out.text.String(), "export PUBSUB_EMULATOR_HOST=127.0.0.1:") || !strings.Contains(out.text.String(), "export PEOPLE_EMULATOR_HOST=127.0.0.1:") {
		t.Errorf("no export lines:\n%s", out.text.String())
	}
}

func TestDevEndsWithoutACryWhenItIsInterruptedAtOnce(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if code, _, errs := ask(t, ctx, "", "dev"); code != 0 || errs != "" {
		t.Errorf("dev: exit code %d, %q", code, errs)
	}
	if code, _, errs := ask(t, ctx, "", "dev", "--once"); code != 1 || errs != "contactrelay: interrupted before the feed was done\n" {
		t.Errorf("dev --once: exit code %d, %q", code, errs)
	}
}

// lineWaiter calls found when what is written to it holds wanted.
type lineWaiter struct {
	text   strings.Builder
	wanted string
	found  func()
}

func (w *lineWaiter) Write(p []byte) (int, error) {
	w.text.Write(p)
	if strings.Contains(w.text.String(), w.wanted) {
		w.found()
	}
	return len(p), nil
}

// TestTheSampleFeedFitsItsContacts sees to it that the etags in feed.jsonl are those of freshly seeded contacts.
func TestTheSampleFeedFitsItsContacts(t *testing.T) {
	all, err := feed()
	must(t, err)
	types := map[messages.Type]int{}
	for i, m := range all {
		c, err := messages.Decode(m, messages.Limits{})
		if err != nil {
			continue // of broken.jsonl
		}
		types[c.Type]++
		if c.Type == messages.Patch && c.Patch.Precondition == messages.Etag {
			want := peoplesim.SourceEtag(c.Patch.Person.ResourceName, peoplesim.FirstVersion)
			if got := c.Patch.Person.Metadata.Sources[0].Etag; got != want {
				t.Errorf("message %d: etag %q, want %q", i, got, want)
			}
		}
	}
	if len(types) != 3 {
		t.Errorf("the feed has the types %v, want all three", types)
	}
}

func TestALongTextIsWrappedUnderItself(t *testing.T) {
	got := indented("one two three "+strings.Repeat("x", 60)+" four", 10)
	want := "one two three\n" + strings.Repeat(" ", 10) + strings.Repeat("x", 60) + " four"
	if got != want {
		t.Errorf("indented = %q, want %q", got, want)
	}
}
