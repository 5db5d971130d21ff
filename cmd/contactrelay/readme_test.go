package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"github.com/contactrelay/contactrelay/deadletter"
	"github.com/contactrelay/contactrelay/messages"
)

func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	must(t, err)
	return string(text)
}

// settingsTable is the README's table of settings: the flag, its default, the commands that have it.
func settingsTable(t *testing.T) map[string][2]string {
	t.Helper()
	table := map[string][2]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `--([a-z-]+)` \\| (.*?) \\| (.*?) \\|").FindAllStringSubmatch(readme(t), -1) {
		table[row[1]] = [2]string{row[2], row[3]}
	}
	return table
}

func TestTheREADMEListsEverySettingWithItsDefault(t *testing.T) {
	parser, err := newParser(&commandLine{}, &settingFaults{})
	must(t, err)
	table := settingsTable(t)
	seen := map[string]bool{}
	for _, command := range parser.Model.Leaves(false) {
		for _, flag := range command.Flags {
			checkRow(t, command, flag, table)
			seen[flag.Name] = true
		}
	}
	for name := range table {
		if !seen[name] {
			t.Errorf("the README has --%s, no command does", name)
		}
	}
}

func checkRow(t *testing.T, command *kong.Node, flag *kong.Flag, table map[string][2]string) {
	t.Helper()
	row, ok := table[flag.Name]
	switch {
	case !ok:
		t.Errorf("the README lacks --%s of %s", flag.Name, command.Name)
	case !ofCommand(row[1], command):
		t.Errorf("the README has --%s for %q, not for %s", flag.Name, row[1], command.Name)
	case flag.Default != "" && !strings.HasPrefix(row[0], "`"+flag.Default+"`"):
		t.Errorf("the README has %s for the default of --%s, it is %s", row[0], flag.Name, flag.Default)
	}
}

// ofCommand reports whether a list of commands has one, or all of its kind.
func ofCommand(list string, command *kong.Node) bool {
	all := strings.Split(list, ", ")
	return slices.Contains(all, command.Name) || command.Parent != nil && slices.Contains(all, command.Parent.Name)
}

func TestTheREADMEsExamplesAreValid(t *testing.T) {
	types := []messages.Type{messages.Patch, messages.Photo, messages.Batch}
	examples := bodies(t)
	if len(examples) != len(types) {
		t.Fatalf("%d examples of the contract, want %d", len(examples), len(types))
	}
	for i, example := range examples {
		if _, err := messages.Decode(raw("user", types[i], []byte(example[2])), messages.Limits{}); err != nil {
			t.Errorf("the example of a %s: %v", example[1], err)
		}
	}
}

// bodies is the README's examples of the contract: type and body.
func bodies(t *testing.T) [][]string {
	t.Helper()
	return regexp.MustCompile("(?s)\\*\\*(patch|photo|batch)\\*\\*.*?```json\n(.*?)```").FindAllStringSubmatch(readme(t), -1)
}

// TestTheREADMEsExamplesAreAppliedByDev publishes them, and the line of "Try it" twice, to a dev that has worked its feed.
func TestTheREADMEsExamplesAreAppliedByDev(t *testing.T) {
	t.Parallel()
	line := regexp.MustCompile(`(?m)^    (\{"user": "alice@example.com".*\})$`).FindStringSubmatch(readme(t))
	if line == nil {
		t.Fatal("the README has no line to publish to dev")
	}
	all := []string{line[1], line[1]}
	for _, example := range bodies(t) {
		all = append(all, fmt.Sprintf(`{"user":"alice@example.com","type":%q,"body":%s}`, example[1], unwrapped(example[2])))
	}
	ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
	defer stop()
	read, out := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		ended <- execute(ctx, []string{"dev"}, terminal{in: strings.NewReader(""), out: out, err: out})
		out.Close()
	}()
	published, count, ends, variables := false, 0, map[string]int{}, []string(nil)
	for shown := bufio.NewScanner(read); shown.Scan(); {
		if variable, ok := strings.CutPrefix(shown.Text(), "  export "); ok {
			variables = append(variables, variable)
		}
		if strings.Contains(shown.Text(), "contactrelay publish FILE") {
			code, _, errs := invoke(t, t.Context(), variables, strings.Join(all, "\n"), "publish", "-")
			if published = true; code != 0 {
				t.Fatalf("exit code %d: %s", code, errs)
			}
		}
		if published && strings.Contains(shown.Text(), " alice@example.com ") {
			ends[strings.Fields(shown.Text())[0]]++
			if count++; count == len(all) {
				stop()
			}
		}
	}
	if code := <-ended; code != 0 || ends["applied"] != len(all)-1 || ends["duplicate"] != 1 || len(ends) != 2 {
		t.Errorf("exit code %d, the examples ended as %v; want %d applied and a duplicate", code, ends, len(all)-1)
	}
}

func TestTheREADMENamesEveryReason(t *testing.T) {
	for _, reason := range deadletter.Reasons() {
		if !strings.Contains(readme(t), "`"+string(reason)+"`") {
			t.Errorf("the README lacks the reason %s", reason)
		}
	}
}

func TestEachPromiseOfTheREADMEHasItsTest(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "test", "-list", "TestPromise", "../../worker").Output()
	must(t, err)
	named := regexp.MustCompile("`(TestPromise[A-Za-z]+)…`").FindAllStringSubmatch(readme(t), -1)
	if len(named) < 9 {
		t.Errorf("%d promises name a test, want all", len(named))
	}
	for _, name := range named {
		if !strings.Contains("\n"+string(out), "\n"+name[1]) {
			t.Errorf("there is no test %s…", name[1])
		}
	}
}
