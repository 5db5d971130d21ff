package main

import (
	"bufio"
	"context"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/contactrelay/contactrelay/deadletter"
)

// walkThrough is the commands of the README's way from the feed to an applied change.
func walkThrough(t *testing.T) (commands []string) {
	t.Helper()
	_, section, found := strings.Cut(readme(t), "#### From the feed to an applied change\n")
	section, _, _ = strings.Cut(section, "\n## ")
	for _, line := range regexp.MustCompile(`(?m)^    contactrelay (deadletter .*)$`).FindAllStringSubmatch(section, -1) {
		commands = append(commands, line[1])
	}
	if !found || len(commands) != 5 {
		t.Fatalf("the README has %d commands for the way of a letter", len(commands))
	}
	return commands
}

// TestTheREADMEsWayFromTheFeedToAnAppliedChange runs the commands against a dev that has worked its feed.
func TestTheREADMEsWayFromTheFeedToAnAppliedChange(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	read, out := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		ended <- execute(ctx, []string{"dev"}, terminal{in: strings.NewReader(""), out: out, err: out})
		out.Close()
	}()
	applied, replaying, variables := "", make(chan struct{}), []string(nil)
	for shown := bufio.NewScanner(read); shown.Scan(); {
		line := shown.Text()
		if variable, ok := strings.CutPrefix(line, "  export "); ok {
			variables = append(variables, variable)
		}
		switch {
		case strings.Contains(line, "contactrelay publish FILE"):
			go func() { followWalk(t, variables); close(replaying) }()
		case strings.Contains(line, "bob@example.com") && strings.Contains(line, "people/c2001"):
			applied = line // the last that is said of it
			if strings.HasPrefix(line, "applied") {
				go func() { <-replaying; stop() }()
			}
		}
	}
	<-replaying
	if code := <-ended; code != 0 || !strings.HasPrefix(applied, "applied") {
		t.Errorf("exit code %d; of the contact was said at last: %q", code, applied)
	}
}

// followWalk runs the commands, with the variables that dev shows, and looks whether each shows what the README says.
func followWalk(t *testing.T, variables []string) {
	wants := []string{"etag_conflict", "c2001", "free to merge|conflict", "conflict", "replayed 1 of 1 letter"}
	id := ""
	for i, command := range walkThrough(t) {
		code, out, errs := invoke(t, t.Context(), variables, "", strings.Fields(strings.ReplaceAll(command, "ID", id))...)
		if !regexp.MustCompile(wants[i]).MatchString(out) || code != 0 {
			t.Errorf("%s: exit code %d\n%s%s", command, code, out, errs)
		}
		if strings.HasPrefix(command, "deadletter list") {
			lines := strings.Fields(out)
			id = lines[len(lines)-1]
		}
	}
	code, out, _ := invoke(t, t.Context(), variables, "", "deadletter", "list", "--json")
	if code != 0 || out == "" {
		t.Errorf("exit code %d, the other letters are %q", code, out)
	}
	for _, l := range jsonLines[listedLetter](t, out) {
		if strings.HasPrefix(l.ID, id) || l.Reason == string(deadletter.EtagConflict) && l.Type == "patch" {
			t.Errorf("the letter is still there: %+v", l)
		}
	}
}
