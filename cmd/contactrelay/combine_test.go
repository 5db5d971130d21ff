package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/contactrelay/contactrelay/messages"
)

// line is a patch of one field of a contact, as publish reads it.
func line(user, contact, field, id string) string {
	if id != "" {
		id = fmt.Sprintf(`"id":%q,"source":"//crm.example.com",`, id)
	}
	return fmt.Sprintf(`{"user":%q,"type":"patch",%s"body":{"person":{"resourceName":%q},"updatePersonFields":%q,"precondition":"latest"}}`, user, id, contact, field)
}

// combined publishes lines with a combiner and shows the messages: user, type, contacts, and the lines they are of.
func combined(t *testing.T, texts ...string) (all []string, out []outgoing) {
	t.Helper()
	c := newCombiner()
	for i, text := range texts {
		m, change, err := messages.ParseRecord([]byte(text), messages.Limits{})
		must(t, err)
		ready, err := c.add(i+1, m, change)
		must(t, err)
		out = append(out, ready...)
	}
	rest, err := c.rest()
	must(t, err)
	for _, o := range append(out, rest...) {
		change, err := messages.Decode(o.message, messages.Limits{})
		must(t, err)
		all = append(all, fmt.Sprint(change.User, " ", change.Type.Short(), " ", strings.Join(change.Contacts(), "+"), " ", o.lines))
	}
	return all, append(out, rest...)
}

func TestConsecutivePatchesOfAUserWithOneMaskBecomeABatch(t *testing.T) {
	photo := `{"user":"a","type":"photo","body":{"resourceName":"people/c1","photoBytes":"` + onePixel + `"}}`
	for _, test := range []struct {
		name  string
		lines []string
		want  []string
	}{
		{"one mask", []string{line("a", "people/c1", "names", ""), line("a", "people/c2", "names", ""), line("a", "people/c3", "names", "")},
			[]string{"a batch people/c1+people/c2+people/c3 [1 2 3]"}},
		{"a lone patch stays one", []string{line("a", "people/c1", "names", "")}, []string{"a patch people/c1 [1]"}},
		{"another mask", []string{line("a", "people/c1", "names", ""), line("a", "people/c2", "urls", ""), line("a", "people/c3", "urls", "")},
			[]string{"a patch people/c1 [1]", "a batch people/c2+people/c3 [2 3]"}},
		{"the same mask in another order", []string{line("a", "people/c1", "names,urls", ""), line("a", "people/c2", "urls,names", "")},
			[]string{"a batch people/c1+people/c2 [1 2]"}},
		{"a contact twice", []string{line("a", "people/c1", "names", ""), line("a", "people/c2", "names", ""), line("a", "people/c1", "names", "")},
			[]string{"a batch people/c1+people/c2 [1 2]", "a patch people/c1 [3]"}},
		{"users apart", []string{line("a", "people/c1", "names", ""), line("b", "people/c2", "names", ""), line("a", "people/c3", "names", "")},
			[]string{"a batch people/c1+people/c3 [1 3]", "b patch people/c2 [2]"}},
		{"a photo between", []string{line("a", "people/c1", "names", ""), photo, line("a", "people/c3", "names", "")},
			[]string{"a patch people/c1 [1]", "a photo people/c1 [2]", "a patch people/c3 [3]"}},
		{"with and without ID", []string{line("a", "people/c1", "names", "1"), line("a", "people/c2", "names", "")},
			[]string{"a patch people/c1 [1]", "a patch people/c2 [2]"}},
	} {
		if got, _ := combined(t, test.lines...); !slices.Equal(got, test.want) {
			t.Errorf("%s:\n got %q\nwant %q", test.name, got, test.want)
		}
	}
}

func TestACombinedMessageHasAtMost200Contacts(t *testing.T) {
	var lines []string
	for i := range 450 {
		lines = append(lines, line("a", fmt.Sprintf("people/c%d", i), "names", fmt.Sprint(i)))
	}
	got, out := combined(t, lines...)
	if len(got) != 3 || len(out[0].lines) != 200 || len(out[2].lines) != 50 {
		t.Errorf("%d messages", len(got))
	}
	_, again := combined(t, lines...)
	if id := out[0].message.Attributes["ce-id"]; id == "" || id != again[0].message.Attributes["ce-id"] || id == out[1].message.Attributes["ce-id"] {
		t.Errorf("the IDs are %q, %q and again %q", id, out[1].message.Attributes["ce-id"], again[0].message.Attributes["ce-id"])
	}
}

func TestBaseGoesWithItsContact(t *testing.T) {
	with := strings.Replace(line("a", "people/c1", "names", ""), `"precondition"`, `"base":{"names":[{"givenName":"before"}]},"precondition"`, 1)
	_, out := combined(t, with, line("a", "people/c2", "names", ""))
	change, err := messages.Decode(out[0].message, messages.Limits{})
	must(t, err)
	if base := change.Batch.Base; len(base) != 1 || base["people/c1"].Names[0].GivenName != "before" {
		t.Errorf("base %v", base)
	}
}

func TestPublishCombineSaysHowManyMessagesItMade(t *testing.T) {
	w := devWorld(t)
	lines := goodLine("ann@example.com", 1) + "\n" + goodLine("ann@example.com", 2) + "\n" + goodLine("ben@example.com", 3)
	code, out, errs := ask(t, t.Context(), lines, "publish", "--combine", "-")
	if code != 0 || errs != "" || !strings.Contains(out, "published 3 of 3 changes to projects/demo/topics/contact-changes, as 2 messages") {
		t.Errorf("exit code %d, %q, %q", code, out, errs)
	}
	if n := len(waiting(t, w)); n != 2 {
		t.Errorf("%d messages in the subscription", n)
	}
}

func TestCombineRefusesAnEventThatStandsTwice(t *testing.T) {
	w := devWorld(t)
	lines := line("a", "people/c1", "names", "1") + "\n" + line("b", "people/c1", "names", "1") + "\n" + line("a", "people/c1", "names", "1")
	code, _, errs := ask(t, t.Context(), lines, "publish", "--combine", "-")
	if code != 1 || !strings.Contains(errs, "line 3: invalid: id: the event of line 1") || len(waiting(t, w)) != 0 {
		t.Errorf("exit code %d, %q", code, errs)
	}
	if code, _, errs = ask(t, t.Context(), lines, "publish", "-"); code != 0 {
		t.Errorf("without --combine: exit code %d, %q", code, errs)
	}
}
