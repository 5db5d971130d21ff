package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// wrongSettings asks run for its settings and returns what is wrong with them: each fault on one line.
func wrongSettings(t *testing.T, args ...string) string {
	t.Helper()
	c, faults := &commandLine{}, &settingFaults{}
	parser, err := newParser(c, faults)
	must(t, err)
	_, err = parser.Parse(append([]string{"run"}, args...))
	must(t, err)
	if err := c.Run.check(t.Context(), faults); err != nil {
		return err.Error()
	}
	return ""
}

// emulators sets the variables with which nothing else is needed.
func emulators(t *testing.T) {
	t.Helper()
	t.Setenv("PUBSUB_EMULATOR_HOST", "127.0.0.1:1")
	t.Setenv("PEOPLE_EMULATOR_HOST", "127.0.0.1:1")
}

func TestNamesOfTopicsAndSubscriptionsKeepToTheRules(t *testing.T) {
	emulators(t)
	for name, good := range map[string]bool{
		"contact-changes": true, "abc": true, "A.b_c~d+e%f-9": true, "a" + strings.Repeat("b", 254): true,
		"projects/p/KIND/abc": true, "projects/example.com:p-1/KIND/abc": true,
		"": false, "ab": false, "1abc": false, "-abc": false, "goog-x": false, "a b c": false, "a/b": false, "äbc": false,
		"abc\n": false, "a" + strings.Repeat("b", 255): false,
		"projects/p/other/abc": false, "projects/p/KIND": false, "projects//KIND/abc": false, "projects/p/KIND/ab": false,
		"projects/p/KIND/abc/d": false, "projects/a b/KIND/abc": false, "projects/p/KIND/": false,
	} {
		for flag, kind := range map[string]string{"--subscription": "subscriptions", "--dead-letter-topic": "topics"} {
			text := wrongSettings(t, flag+"="+strings.ReplaceAll(name, "KIND", kind))
			if (text == "") != good || !good && (!strings.HasPrefix(text, flag+": ") || strings.Contains(text, "\n")) {
				t.Errorf("%s=%q: %q, want good: %t", flag, name, text, good)
			}
		}
	}
}

func TestTheProjectKeepsToTheRulesOfItsPlace(t *testing.T) {
	for name, good := range map[string]struct{ service, emulator bool }{
		"contacts-prod": {true, true}, "example.com:contacts": {true, true}, "123456789012": {true, true},
		"demo": {false, true}, "Test_1": {false, true}, "contacts-": {false, true},
		"-a": {false, false}, "a/b": {false, false}, "a b": {false, false}, "projects/p": {false, false},
	} {
		t.Setenv("PUBSUB_EMULATOR_HOST", "")
		t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", "")
		t.Setenv("PEOPLE_EMULATOR_HOST", "127.0.0.1:1")
		if text := wrongSettings(t, "--project="+name); (text == "") != good.service {
			t.Errorf("the service, %q: %q", name, text)
		}
		t.Setenv("PUBSUB_EMULATOR_HOST", "127.0.0.1:1")
		if text := wrongSettings(t, "--project="+name); (text == "") != good.emulator {
			t.Errorf("an emulator, %q: %q", name, text)
		}
	}
}

func TestAnEmptyVariableDoesNotHideTheProject(t *testing.T) {
	emulators(t)
	t.Setenv("CONTACTRELAY_PROJECT", "")
	t.Setenv("GOOGLE_CLOUD_PROJECT", "contacts-prod")
	c := parsed(t, "run").Run
	must(t, c.check(t.Context(), &settingFaults{}))
	if c.Project != "contacts-prod" {
		t.Errorf("project %q, want that of GOOGLE_CLOUD_PROJECT", c.Project)
	}
}

func TestCredentialsThatCannotBeReadAreAFaultWithItsCause(t *testing.T) {
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", filepath.Join(t.TempDir(), "gone.json"))
	for _, args := range [][]string{{"publish", "-"}, {"publish", "-", "--project=contacts-prod"}} {
		code, _, text := ask(t, t.Context(), "", args...)
		if code != 2 || !strings.Contains(text, "GOOGLE_APPLICATION_CREDENTIALS: ") || !strings.Contains(unwrapped(text), "gone.json: no such file") {
			t.Errorf("%q: exit code %d, %s", args, code, text)
		}
	}
}
