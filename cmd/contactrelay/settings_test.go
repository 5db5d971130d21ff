package main

import (
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
)

// unwrapped is text on one line.
func unwrapped(text string) string { return strings.Join(strings.Fields(text), " ") }

func TestAllWrongSettingsAreReportedTogether(t *testing.T) {
	t.Setenv("CONTACTRELAY_ATTEMPTS", "many")
	t.Setenv("CONTACTRELAY_MAX_BYTES", "-1")
	t.Setenv("CONTACTRELAY_LOG_USERS", "maybe")
	t.Setenv("CONTACTRELAY_SUBSCRIPTION", " ")
	code, _, text := ask(t, t.Context(), "", "run", "--max-calls=0", "--call-timeout=soon", "--drain=1h", "--log-format=xml",
		"--log-level=loud", "--log-hash-key-file=/nowhere/key", "--credentials=none", "--batch-max=201", "--batch-min=0", "--user-writes-per-minute=11", "--project-writes-per-minute=-1",
		"--dead-letter-topic=", "--people-endpoint=http://", "--allow-users=a.example.com, ,b.example.com", "--http=:99999")
	if code != 2 {
		t.Errorf("exit code %d, want 2", code)
	}
	for _, flag := range []string{"attempts", "max-bytes", "max-calls", "call-timeout", "drain", "log-format", "log-level", "log-hash-key-file", "credentials", "project",
		"log-users", "subscription", "dead-letter-topic", "batch-max", "batch-min", "user-writes-per-minute", "project-writes-per-minute", "people-endpoint", "allow-users", "http"} {
		if n := strings.Count(text, "--"+flag+":"); n != 1 {
			t.Errorf("--%s is named %d times, want once:\n%s", flag, n, text)
		}
	}
}

func TestFlagsComeBeforeTheEnvironment(t *testing.T) {
	t.Setenv("CONTACTRELAY_MAX_CALLS", "0")
	t.Setenv("PEOPLE_EMULATOR_HOST", "127.0.0.1:1")
	t.Setenv("PUBSUB_EMULATOR_HOST", "127.0.0.1:1")
	_, _, text := ask(t, t.Context(), "", "run", "--max-calls=1", "--attempts=0")
	if strings.Count(text, "\n") != 2 || !strings.Contains(text, "--attempts: must be 1 or more") {
		t.Errorf("want a fault of --attempts alone:\n%s", text)
	}
}

// parsed is the settings that a command line leads to.
func parsed(t *testing.T, args ...string) *commandLine {
	t.Helper()
	c := &commandLine{}
	parser, err := newParser(c, &settingFaults{})
	must(t, err)
	_, err = parser.Parse(args)
	must(t, err)
	return c
}

func TestAnEmulatorImpliesProjectAndCredentials(t *testing.T) {
	t.Setenv("PEOPLE_EMULATOR_HOST", "127.0.0.1:8087")
	t.Setenv("PUBSUB_EMULATOR_HOST", "127.0.0.1:8085")
	c := parsed(t, "run").Run
	if err := c.check(t.Context(), &settingFaults{}); err != nil {
		t.Fatal(err)
	}
	if c.Project != "demo" || c.Credentials != "emulator" || c.PeopleEndpoint != "http://127.0.0.1:8087" {
		t.Errorf("project %q, credentials %q, endpoint %q", c.Project, c.Credentials, c.PeopleEndpoint)
	}
}

func TestTheProjectComesFromTheCredentials(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key.json")
	must(t, os.WriteFile(file, []byte(`{"type":"service_account","project_id":"from-the-key","client_email":"w@example.com","private_key":"x","token_uri":"http://127.0.0.1:1"}`), 0o600))
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", file)
	p, faults := project{}, &settingFaults{}
	p.resolve(t.Context(), faults)
	if p.Project != "from-the-key" || faults.err() != nil {
		t.Errorf("project %q, %v", p.Project, faults.err())
	}
	if got := p.fullName("topics", "t"); got != "projects/from-the-key/topics/t" {
		t.Errorf("full name %q", got)
	}
	if got := p.fullName("topics", "projects/other/topics/t"); got != "projects/other/topics/t" {
		t.Errorf("full name %q", got)
	}
}

func TestUnknownFlagsAndCommandsEndWithCode2(t *testing.T) {
	for _, args := range [][]string{
		{"run", "--max-cals=1"}, {"walk"}, {}, {"publish"}, {"run", "--max-calls"}, {"version", "--short"}, {"run", "-zq"}, {"dev", "twice"},
	} {
		if code, _, text := ask(t, t.Context(), "", args...); code != 2 || text == "" {
			t.Errorf("%q: exit code %d, text %q; want 2 and why", args, code, text)
		}
	}
}

func TestSizesAreRead(t *testing.T) {
	for text, want := range map[string]int{"0": 0, "7": 7, "7B": 7, "2kB": 2000, "2KiB": 2048, "5MiB": 5 << 20, "10MB": 10_000_000, "1 GiB": 1 << 30, "": -1, "MiB": -1, "-1MiB": -1, "1.5MiB": -1, "9999999999GiB": -1, "1TB": -1} {
		got, err := parseByteSize(text)
		if (err != nil) != (want < 0) || err == nil && int(got.(byteSize)) != want {
			t.Errorf("parseByteSize(%q) = %v, %v; want %d", text, got, err, want)
		}
	}
}

func TestUnknownFlagsDoNotHideOtherFaults(t *testing.T) {
	code, _, text := ask(t, t.Context(), "", "run", "--max-cals=1", "--drain=1h", "--quiet", "--attempts=0")
	for _, want := range []string{"--max-cals", "--quiet", "--drain:", "--attempts:"} {
		if code != 2 || !strings.Contains(text, want) {
			t.Errorf("exit code %d, no word of %s:\n%s", code, want, text)
		}
	}
}

func TestArgumentsThatCannotBeUnderstoodDoNotHideOtherFaults(t *testing.T) {
	t.Setenv("PUBSUB_EMULATOR_HOST", "127.0.0.1:1")
	for _, args := range [][]string{
		{"publish", "--topic=x"}, {"publish", "--topic=x", "a", "b"}, {"publish", "--max-photo-bytes", "--topic=x", "a"}, {"publish", "-q", "--topic=x", "a"},
	} {
		code, _, text := ask(t, t.Context(), "", args...)
		if code != 2 || !strings.Contains(text, "--topic: ") || strings.Count(text, "\n") < 3 {
			t.Errorf("%q: exit code %d, want two faults:\n%s", args, code, text)
		}
		tooWide(t, text)
	}
}

func TestTheHashKeyHasALimit(t *testing.T) {
	dir := t.TempDir()
	for name, size := range map[string]int{"short": minHashKey - 1, "good": minHashKey, "large": maxHashKey, "over": maxHashKey + 1} {
		file := filepath.Join(dir, name)
		must(t, os.WriteFile(file, make([]byte, size), 0o600))
		l, faults := logSettings{LogFormat: "text", LogLevel: "info", LogHashKeyFile: file}, &settingFaults{}
		l.check(faults)
		if wrong := faults.err() != nil; wrong != (name == "short" || name == "over") {
			t.Errorf("a key of %d bytes: %v", size, faults.err())
		}
	}
	if _, err := readHashKey("/dev/zero"); err == nil {
		t.Error("a key without end is accepted")
	}
}

func TestEmulatorCredentialsNeverGoToTheRealService(t *testing.T) {
	for _, endpoint := range []string{"", "https://people.googleapis.com", "https://PEOPLE.googleapis.com:443/", "https://people.googleapis.com."} {
		p, faults := peopleSettings{PeopleEndpoint: endpoint, signInSettings: signInSettings{Credentials: byEmulator}}, &settingFaults{}
		p.resolve(faults)
		if faults.err() == nil {
			t.Errorf("%q is accepted with emulator credentials", endpoint)
		}
	}
}

func TestBlanksAroundAllowedUsersDoNotCount(t *testing.T) {
	t.Setenv("PEOPLE_EMULATOR_HOST", "127.0.0.1:1")
	t.Setenv("PUBSUB_EMULATOR_HOST", "127.0.0.1:1")
	c := parsed(t, "run", "--allow-users=a.example.com, b.example.com").Run
	must(t, c.check(t.Context(), &settingFaults{}))
	if len(c.AllowUsers) != 2 || c.AllowUsers[1] != "b.example.com" {
		t.Errorf("allowed users %q", c.AllowUsers)
	}
}

func TestTheVersionComesFromTheBuild(t *testing.T) {
	settings := func(pairs ...string) (all []debug.BuildSetting) {
		for i := 0; i < len(pairs); i += 2 {
			all = append(all, debug.BuildSetting{Key: pairs[i], Value: pairs[i+1]})
		}
		return all
	}
	const commit = "0123456789abcdef0123456789abcdef01234567"
	for _, c := range []struct {
		stamped string
		info    debug.BuildInfo
		want    string
	}{
		{"v1.2.3", debug.BuildInfo{Main: debug.Module{Version: "v1.0.0"}}, "v1.2.3"},
		{"", debug.BuildInfo{Main: debug.Module{Version: "v1.0.0"}, Settings: settings("vcs.revision", commit)}, "v1.0.0"},
		{"", debug.BuildInfo{Main: debug.Module{Version: "(devel)"}, Settings: settings("vcs.revision", commit)}, "devel-0123456789ab"},
		{"", debug.BuildInfo{Settings: settings("vcs.revision", commit, "vcs.modified", "true")}, "devel-0123456789ab+dirty"},
		{"", debug.BuildInfo{Main: debug.Module{Version: "(devel)"}}, "devel"},
	} {
		if got := versionOf(c.stamped, &c.info); got != c.want {
			t.Errorf("versionOf(%q, %+v) = %q, want %q", c.stamped, c.info, got, c.want)
		}
	}
}

func TestVersionIsPrinted(t *testing.T) {
	code, out, _ := ask(t, t.Context(), "", "version")
	if code != 0 || !strings.HasPrefix(out, "contactrelay ") || strings.Count(out, "\n") != 1 {
		t.Errorf("exit code %d, %q", code, out)
	}
}

func TestHelpFitsEightyColumns(t *testing.T) {
	for _, args := range [][]string{{"--help"}, {"run", "--help"}, {"dev", "--help"}, {"publish", "--help"}} {
		code, out, _ := ask(t, t.Context(), "", args...)
		if code != 0 || out == "" {
			t.Errorf("%q: exit code %d", args, code)
		}
		tooWide(t, out)
	}
}

// tooWide fails the test for lines of more than 80 characters.
func tooWide(t *testing.T, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > 80 {
			t.Errorf("a line of %d characters: %s", n, line)
		}
	}
}
