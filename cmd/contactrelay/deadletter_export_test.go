package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/contactrelay/contactrelay/deadletter"
	"github.com/contactrelay/contactrelay/internal/pubsubsim"
)

func TestDiscardAsksRemovesAndWritesWhy(t *testing.T) {
	t.Parallel()
	r := newBenchRig(t)
	r.park(aLetter(1, deadletter.NotFound, "alice@example.com"), aLetter(2, deadletter.Invalid, "alice@example.com"))
	file := filepath.Join(t.TempDir(), "audit.jsonl")
	if code, _, errs := r.ask("", "discard", "--reason=not_found", "--yes"); code != 2 || !strings.Contains(errs, "--because") {
		t.Errorf("without a reason: exit code %d, %q", code, errs)
	}
	if code, _, errs := r.ask("n\n", "discard", "--reason=not_found", "--because=left the company"); code != 3 || len(r.left()) != 2 || !strings.Contains(errs, "Remove 1 letter of 1 user for good?") {
		t.Errorf("after a no: exit code %d, %d left, %q", code, len(r.left()), errs)
	}
	code, out, errs := r.ask("", "discard", "--reason=not_found", "--because=left the company", "--yes", "--audit=/dev/full")
	if code != 1 || len(r.left()) != 2 || strings.Contains(errs, `"discard"`) {
		t.Errorf("without a trace: exit code %d, %d left, %q, %q", code, len(r.left()), out, errs)
	}
	code, out, _ = r.ask("", "discard", "--reason=not_found", "--because=left the company", "--yes", "--audit="+file)
	left := r.left()
	if code != 0 || out != "discarded 1 of 1 letter\n" || len(left) != 1 || left[0].ID != "LETTER000002" || len(r.published()) != 0 {
		t.Errorf("exit code %d, %q, %d left", code, out, len(left))
	}
	text, err := os.ReadFile(file)
	must(t, err)
	var d deed
	must(t, json.Unmarshal(text, &d))
	if d.Action != "discard" || d.Why != "left the company" || d.Letter != "LETTER000001" || d.Message != "" {
		t.Errorf("the audit says %+v", d)
	}
}

func TestAnExportIsRepairedAndReplacesItsLetters(t *testing.T) {
	t.Parallel()
	r := newBenchRig(t)
	broken := aLetter(1, deadletter.Invalid, "alice@example.com")
	broken.Original.Data = []byte("{\"person\": {\"resourceName\": \"people/c1001\", \"name\": \"Nora\"},\n \"updatePersonFields\": \"names\", \"precondition\": \"latest\"}")
	half := aLetter(2, deadletter.Malformed, "bob@example.com")
	half.Original.Data = []byte(`{"person":`)
	r.park(broken, half, aLetter(3, deadletter.NotFound, "bob@example.com"))
	file := filepath.Join(t.TempDir(), "letters.jsonl")
	code, out, errs := r.ask("", "export", "--reason=invalid,malformed", "--to="+file)
	info, err := os.Stat(file)
	must(t, err)
	if code != 0 || out != "" || info.Mode().Perm() != 0o600 {
		t.Fatalf("exit code %d, %q, mode %v, %s", code, out, info.Mode(), errs)
	}
	text, err := os.ReadFile(file)
	must(t, err)
	if n := strings.Count(string(text), "\n"); n != 2 || !strings.Contains(string(text), `"bytes":"eyJwZXJzb24iOg=="`) {
		t.Fatalf("%d lines:\n%s", n, text)
	}
	if _, out, _ := r.ask("", "export", "LETTER000003"); strings.Count(out, "\n") != 1 || !strings.Contains(out, `"letter":"LETTER000003"`) {
		t.Errorf("to standard output: %q", out)
	}

	code, _, errs = r.ask("", "replay", "--from="+file, "--yes")
	if code != 1 || len(r.published()) != 0 || !strings.Contains(unwrapped(errs), `line 1: invalid: person.name: unknown name`) || !strings.Contains(errs, "line 2: malformed: not JSON") {
		t.Errorf("without a repair: exit code %d, %d published, %q", code, len(r.published()), errs)
	}
	mended := strings.Replace(string(text), `"name":"Nora"`, `"names":[{"givenName":"Nora"}]`, 1)
	mended = strings.Replace(mended, `"bytes":"eyJwZXJzb24iOg=="`, `"body":{"person":{"resourceName":"people/c2001"},"updatePersonFields":"urls","precondition":"latest"}`, 1)
	must(t, os.WriteFile(file, []byte(mended), 0o600))
	code, _, errs = r.ask("", "replay", "--from="+file, "--yes", "--log-level=warn")
	published := r.published()
	if code != 0 || len(published) != 2 || len(r.left()) != 1 {
		t.Fatalf("exit code %d, %d published, %d left: %s", code, len(published), len(r.left()), errs)
	}
	i := slices.IndexFunc(published, func(m pubsubsim.Waiting) bool { return m.Attributes["replay-letter"] == "LETTER000001" })
	if m := published[max(0, i)]; i < 0 || !strings.Contains(string(m.Data), `"givenName":"Nora"`) || m.Attributes["replay-message-id"] != "m1" {
		t.Errorf("published %s, %v", m.Data, m.Attributes)
	}
	code, _, errs = r.ask("", "replay", "--from="+file, "--yes")
	if code != 3 || len(r.published()) != 2 || !strings.Contains(unwrapped(errs), "left 2, not there") {
		t.Errorf("a second time: exit code %d, %q", code, errs)
	}
}

func TestAnExportEditedIntoNonsenseIsRefusedByLineAndField(t *testing.T) {
	t.Parallel()
	r := newBenchRig(t)
	for n := range 9 {
		r.park(aLetter(n, deadletter.Rejected, "alice@example.com"))
	}
	body := `"attributes":{"ce-type":"contactrelay.patch.v1"},"body":{"person":{"resourceName":"people/c1"},"updatePersonFields":"names","precondition":"latest"}`
	lines := []string{
		`{"letter":"LETTER000000","user":"u",` + body + `}`, // right
		`{"letter":"LETTER000001","user":"u"`,
		`{"letter":"LETTER000002","user":"u","colour":"red",` + body + `}`,
		`{"letter":"LETTER000003","user":7,` + body + `}`,
		`{"user":"u",` + body + `}`,
		`{"letter":"LETTER000000","user":"u",` + body + `}`,
		`{"letter":"LETTER000004","user":"",` + body + `}`,
		`{"letter":"LETTER000005","user":"u","attributes":{},"body":{}}`,
		`{"letter":"LETTER000006","user":"u",` + body + `,"bytes":"AAAA"}`,
		`{"letter":"LETTER000007","user":"u",` + strings.Replace(body, `"names"`, `"photos"`, 1) + `}`,
	}
	code, _, errs := r.ask(strings.Join(lines, "\n"), "replay", "--from=-", "--yes")
	text := unwrapped(errs)
	for _, want := range []string{
		"line 2: not JSON at byte", "line 3: colour: unknown name", "line 4: user: does not fit its type", "line 5: letter: required",
		"line 6: letter: stands in an earlier line", "line 7: invalid: orderingKey: required", "line 8: unsupported_type: ce-type: required",
		"line 9: bytes: must not stand beside", "line 10: invalid: updatePersonFields: path 1 is no writable field",
		"9 of 10 lines are wrong; nothing was published",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("nothing of %q:\n%s", want, errs)
		}
	}
	if code != 1 || len(r.published()) != 0 || len(r.left()) != 9 || strings.Contains(text, "line 1:") {
		t.Errorf("exit code %d, %d published, %d left", code, len(r.published()), len(r.left()))
	}
}

func TestAFileOfLettersIsNotCombinedWithAFilter(t *testing.T) {
	t.Setenv("PUBSUB_EMULATOR_HOST", "127.0.0.1:1")
	code, _, errs := ask(t, t.Context(), "", "deadletter", "replay", "--from=-", "--all", "--on-conflict=shout", "--rate=-1", "--step-wait=0s",
		"--max-failures=-1", "--max-replays=0", "--topic=x", "--log-level=loud")
	if code != 2 {
		t.Errorf("exit code %d, want 2", code)
	}
	for _, flag := range []string{"from", "yes", "on-conflict", "rate", "step-wait", "max-failures", "max-replays", "topic", "log-level"} {
		if !slices.ContainsFunc(strings.Split(errs, "\n"), func(line string) bool { return strings.Contains(line, "--"+flag+": ") }) {
			t.Errorf("nothing about --%s:\n%s", flag, errs)
		}
	}
}
