package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	peopleapi "google.golang.org/api/people/v1"

	"github.com/contactrelay/contactrelay/deadletter"
	"github.com/contactrelay/contactrelay/internal/peoplesim"
	"github.com/contactrelay/contactrelay/messages"
	"github.com/contactrelay/contactrelay/worker"
)

func TestShowSetsWantedBaseAndNowSideBySide(t *testing.T) {
	t.Parallel()
	r := newBenchRig(t)
	must(t, r.people.Generate(1, 1))
	user, name := peoplesim.UserName(0), peoplesim.ContactName(0, 0)
	body := fmt.Sprintf(`{"person":{"resourceName":%q,"metadata":{"sources":[{"type":"CONTACT","etag":"#old"}]},"names":[{"givenName":"CRM"}],"nicknames":[{"value":"Nick"}],"urls":[]},
		"updatePersonFields":"names,nicknames,urls","base":{"names":[{"givenName":"Base"}],"nicknames":[]}}`, name)
	must(t, r.people.HandEdit(user, name, &peopleapi.Person{Names: []*peopleapi.Name{{GivenName: "Hand"}}, ForceSendFields: []string{"Nicknames", "Urls"}}, "names,nicknames,urls"))
	r.park(letterOf("LETTER-A", deadletter.EtagConflict, raw(user, messages.Patch, []byte(body)), time.Now().Add(-time.Hour)))
	code, out, errs := r.ask("", "show", "LETTER")
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	for _, want := range []string{
		"letter LETTER-A", "reason etag_conflict", `"updatePersonFields": "names,nicknames,urls"`,
		name + " conflict",
		`names conflict wanted [{"givenName":"CRM"}] base [{"givenName":"Base"}] now [{"givenName":"Hand"`,
		`nicknames free to merge wanted [{"value":"Nick"}] base (empty) now (empty)`, `urls equal wanted (empty)`,
	} {
		if !strings.Contains(unwrapped(out), want) {
			t.Errorf("nothing of %q:\n%s", want, out)
		}
	}
	_, out, _ = r.ask("", "show", "LETTER-A", "--json")
	var shown shownLetter
	must(t, json.Unmarshal([]byte(out), &shown))
	if shown.Effect != deadletter.Conflict || len(shown.Prospects) != 1 || len(shown.Prospects[0].Fields) != 3 || len(shown.Body) == 0 {
		t.Errorf("got %s", out)
	}
	if len(r.left()) != 1 {
		t.Error("showing removed the letter")
	}
}

func TestABodyIsShownAsItWasPublished(t *testing.T) {
	for body, want := range map[string]string{
		`{"b":1,"a":12345678901234567890123,"b":2}`:            `{ "b": 1, "a": 12345678901234567890123, "b": 2 }`,
		`{"photoBytes":"` + strings.Repeat("A", 900) + `"}`:    `{ "photoBytes": "` + strings.Repeat("A", 63) + `… (918 bytes) }`,
		`not JSON` + strings.Repeat(" at all", 99) + "\x1b[2J": `not JSON` + strings.Repeat(" at all", 99) + "?[2J",
		"two\nlines": "two lines",
		"":           "",
	} {
		if got := unwrapped(pretty([]byte(body))); got != want {
			t.Errorf("%.40s… is shown as %s, want %s", body, got, want)
		}
	}
}

func TestAContactThatNobodyCanReadDoesNotHideTheOthers(t *testing.T) {
	t.Parallel()
	r := newBenchRig(t)
	must(t, r.people.Generate(1, 3))
	user, before := peoplesim.UserName(0), time.Now().Add(-time.Hour)
	r.park(
		letterOf("LETTER-A", deadletter.Forbidden, firstChange(0, 2, "now"), before),
		letterOf("LETTER-B", deadletter.Rejected, firstChange(0, 0, "now"), before),
		letterOf("LETTER-C", deadletter.NotFound, change(user, "people/c-none", "gone", "#x"), before),
		letterOf("LETTER-D", deadletter.Rejected, firstChange(0, 1, "now"), before),
	)
	must(t, r.people.SetFaults(peoplesim.Faults{List: []peoplesim.Fault{{Kind: peoplesim.Internal, Rate: 1, Contacts: []string{peoplesim.ContactName(0, 2)}}}}))
	code, out, errs := r.ask("", "replay", "--all", "--dry-run")
	if got := effects(out); code != 0 || got["clean"] != 2 || got["gone"] != 1 || got["unread"] != 1 ||
		!strings.Contains(unwrapped(errs), "1 contact could not be read: people.getBatchGet: internal (HTTP 500") {
		t.Errorf("exit code %d, %v, %q\n%s", code, got, errs, out)
	}
}

func TestWithoutTheRightToReadContactsEverythingElseIsShown(t *testing.T) {
	t.Parallel()
	r := newBenchRig(t)
	r.park(aLetter(1, deadletter.EtagConflict, "alice@example.com"), aLetter(2, deadletter.EtagConflict, "bob@example.com"))
	bad := aLetter(3, deadletter.Invalid, "bob@example.com")
	bad.Original.Data = []byte(`{}`)
	r.park(bad)
	must(t, r.people.SetFaults(peoplesim.Faults{List: []peoplesim.Fault{{Kind: peoplesim.ScopeMissing, Rate: 1}}}))
	code, out, errs := r.ask("", "replay", "--all", "--dry-run")
	if got := effects(out); code != 0 || got["unread"] != 2 || got["still invalid"] != 1 || strings.Count(errs, "could not be read") != 1 {
		t.Errorf("exit code %d, %v, %q\n%s", code, got, errs, out)
	}
	code, _, errs = r.ask("", "replay", "--all", "--yes", "--on-conflict=discard", "--log-level=warn")
	if code != 3 || len(r.published()) != 1 || !strings.Contains(unwrapped(errs), "left 2, unread") {
		t.Errorf("exit code %d, %d published: what cannot be read is left; %q", code, len(r.published()), errs)
	}
	r.set("PEOPLE_EMULATOR_HOST", "")
	code, out, errs = r.ask("", "show", "LETTER000001")
	if code != 0 || !strings.Contains(out, "people/c1") || !strings.Contains(unwrapped(errs), "contacts were not read: ") {
		t.Errorf("exit code %d, %q, %q", code, out, errs)
	}
	code, _, errs = r.ask("", "replay", "--all", "--yes", "--on-conflict=overwrite")
	if code != 1 || len(r.published()) != 1 || !strings.Contains(unwrapped(errs), "nothing was replayed") {
		t.Errorf("exit code %d, %d published, %q", code, len(r.published()), errs)
	}
}

func TestARampStopsWhenTheCauseIsNotMended(t *testing.T) {
	t.Parallel()
	r := newBenchRig(t)
	const letters = 1000
	for n := range letters { // of contacts that are not there
		r.park(aLetter(n, deadletter.NotFound, "alice@example.com"))
	}
	r.work(nil)
	code, out, errs := r.ask("", "replay", "--all", "--yes", "--ramp", "--step-wait=10s", "--log-level=warn")
	if code != 3 || !strings.Contains(errs, "stopped: the cause is not mended") || !strings.Contains(out, "came back") {
		t.Errorf("exit code %d, %q, %q", code, out, errs)
	}
	replayed := 0
	left := r.left()
	for _, e := range left {
		replayed += e.Replays
	}
	if replayed == 0 || replayed > 6 || len(left) != letters {
		t.Errorf("%d were replayed, %d are left", replayed, len(left))
	}
}

func TestARampGoesOnWhenNothingComesBack(t *testing.T) {
	t.Parallel()
	r := newBenchRig(t)
	must(t, r.people.Generate(1, 40))
	for n := range 40 {
		r.park(letterOf(fmt.Sprintf("LETTER-%02d", n), deadletter.Forbidden, firstChange(0, n, "now"), time.Now().Add(-time.Hour)))
	}
	var e ends
	r.work(e.settled)
	code, out, errs := r.ask("", "replay", "--all", "--yes", "--ramp", "--step-wait=200ms", "--log-level=warn")
	if code != 0 || !strings.Contains(out, "replayed 40 of 40 letters") || strings.Count(errs, "step of ") != 4 {
		t.Errorf("exit code %d, %q, %q", code, out, errs)
	}
	until(t, 10*time.Second, "all are applied", func() bool { return e.count(worker.Applied) == 40 })
}
