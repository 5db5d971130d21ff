package main

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

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
	for _, command := range parser.Model.Children {
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
	case !strings.Contains(", "+row[1]+",", ", "+command.Name+","):
		t.Errorf("the README has --%s for %q, not for %s", flag.Name, row[1], command.Name)
	case flag.Default != "" && !strings.HasPrefix(row[0], "`"+flag.Default+"`"):
		t.Errorf("the README has %s for the default of --%s, it is %s", row[0], flag.Name, flag.Default)
	}
}

func TestTheREADMEsExamplesAreValid(t *testing.T) {
	types := []messages.Type{messages.Patch, messages.Photo, messages.Batch}
	examples := regexp.MustCompile("(?s)\\*\\*(patch|photo|batch)\\*\\*.*?```json\n(.*?)```").FindAllStringSubmatch(readme(t), -1)
	if len(examples) != len(types) {
		t.Fatalf("%d examples of the contract, want %d", len(examples), len(types))
	}
	for i, example := range examples {
		if _, err := messages.Decode(raw("user", types[i], []byte(example[2])), messages.Limits{}); err != nil {
			t.Errorf("the example of a %s: %v", example[1], err)
		}
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
