package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// full is a disk without room.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestLostOutputIsNoSuccess(t *testing.T) {
	devWorld(t)
	for _, args := range [][]string{{"version"}, {"--help"}, {"run", "--help"}, {"dev", "--once"}, {"publish", "-"}} {
		var errs bytes.Buffer
		code := execute(t.Context(), args, terminal{in: strings.NewReader(goodLine("ann@example.com", 1)), out: full{}, err: &errs})
		if code != 1 || errs.String() != "contactrelay: output is lost: no space left on device\n" {
			t.Errorf("%q: exit code %d, %q; want 1 and why", args, code, errs.String())
		}
	}
}

func TestLostOutputDoesNotHideWrongSettings(t *testing.T) {
	var errs bytes.Buffer
	if code := execute(t.Context(), []string{"walk"}, terminal{in: strings.NewReader(""), out: full{}, err: &errs}); code != 2 {
		t.Errorf("exit code %d, want 2: %s", code, errs.String())
	}
}

func TestComplaintsFitTheWidth(t *testing.T) {
	var errs bytes.Buffer
	terminal{err: &errs}.complain("contactrelay: %s\n%s", strings.Repeat("seven77 ", 20), "short")
	tooWide(t, errs.String())
	lines := strings.Split(errs.String(), "\n")
	if len(lines) != 5 || !strings.HasPrefix(lines[1], "  seven77") || lines[3] != "short" {
		t.Errorf("%q", lines)
	}
}

func TestNothingIsLeftOfTheProgressBar(t *testing.T) {
	for _, settled := range []int{700, 2000} {
		var screen bytes.Buffer
		b := drawBar(&screen, 2000)
		for range settled {
			b.add(1)
		}
		if !strings.Contains(screen.String(), "publishing") {
			t.Fatalf("no bar was drawn: %q", screen.String())
		}
		b.end()
		b.add(1) // what is settled late draws nothing
		if !strings.HasSuffix(screen.String(), "\x1b[2K\r") {
			t.Errorf("after %d of 2000 the line holds %q", settled, screen.String()[strings.LastIndex(screen.String(), "\r"):])
		}
	}
}
