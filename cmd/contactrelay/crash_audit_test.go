package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/contactrelay/contactrelay/deadletter"
	"github.com/contactrelay/contactrelay/internal/peoplesim"
)

// crashAudit holds what became of the contacts against what the feed wanted.
type crashAudit struct {
	t        *testing.T
	feed     *crashFeed
	steps    map[spot][]crashStep
	versions map[string]int64 // by etag
	letters  []crashLetter
	turns    map[string][]crashTurn // of the workers, by message
	moved    int                    // letters of messages that another worker was given meanwhile
}

// crashStep is one write of a field.
type crashStep struct {
	value   string
	method  string
	version int64 // of the contact after it
	number  int   // of the change that wrote it; -1: a person did
}

// crashLetter is a dead letter, and the change that it is about.
type crashLetter struct {
	*deadletter.Letter
	change *crashChange
}

// markers are the values of fields: who wrote them, and a number.
var markers = regexp.MustCompile(`(crm|hand|seed)-(\d+)`)

// newCrashAudit sorts the writes of the contacts by field.
func newCrashAudit(t *testing.T, f *crashFeed, writes []peoplesim.Write, letters []*deadletter.Letter, turns map[string][]crashTurn) *crashAudit {
	t.Helper()
	a := &crashAudit{t: t, feed: f, steps: map[spot][]crashStep{}, versions: map[string]int64{}, turns: turns}
	for _, w := range writes {
		a.versions[w.NewEtag] = w.NewVersion
		values := map[string]json.RawMessage{photoField: json.RawMessage(f.photos[w.Hash])}
		if len(w.Values) > 0 {
			must(t, json.Unmarshal(w.Values, &values))
		}
		for _, field := range w.Fields {
			s := spot{w.User, w.ResourceName, field}
			found := markers.FindStringSubmatch(string(values[field]))
			if found == nil {
				t.Fatalf("%v was written by %s without a value of the feed: %s", s, w.Method, values[field])
			}
			step := crashStep{value: found[0], method: w.Method, version: w.NewVersion, number: -1}
			if found[1] == "crm" {
				step.number, _ = strconv.Atoi(found[2])
			}
			a.steps[s] = append(a.steps[s], step)
		}
	}
	for _, l := range letters {
		id, _ := strings.CutPrefix(l.Original.Attributes["ce-id"], "change-")
		number, err := strconv.Atoi(id)
		must(t, err)
		a.letters = append(a.letters, crashLetter{l, f.changes[number]})
	}
	return a
}

// verify fails the test for each promise that was broken. Lonely is whether there was one worker at a time.
func (a *crashAudit) verify(contacts map[[2]string]peoplesim.Contact, lonely bool) {
	a.t.Helper()
	for s, steps := range a.steps {
		a.handsOff(s, steps)
		a.inOrder(s, steps)
	}
	for _, c := range a.feed.changes {
		a.noLoss(c)
	}
	a.onlyTrueConflicts()
	a.lastChangeStands(contacts, lonely)
}

// handsOff: no hand edit is written over, except by latest and photos and where the CRM had seen it.
func (a *crashAudit) handsOff(s spot, steps []crashStep) {
	for i, step := range steps[1:] {
		before := steps[i]
		if step.number < 0 || before.number >= 0 {
			continue
		}
		if c := a.feed.changes[step.number]; c.guarded() && (c.manner != baseContested || c.base[s] != before.value) {
			a.fail(s, "a hand edit was overruled: %s in place of %s", step.value, before.value)
		}
	}
}

// inOrder: what an etag guards is written once, and after all that was published before it.
func (a *crashAudit) inOrder(s spot, steps []crashStep) {
	newest := -1
	for _, step := range steps {
		if step.number < 0 {
			continue
		}
		if step.number <= newest && a.feed.changes[step.number].guarded() {
			a.fail(s, "%s was written after crm-%d", step.value, newest)
		}
		newest = max(newest, step.number)
	}
}

// noLoss: a change without a letter was written, or a newer one was in its place.
func (a *crashAudit) noLoss(c *crashChange) {
	for s := range c.base {
		lettered := slices.ContainsFunc(a.letters, func(l crashLetter) bool { return l.change == c && l.about(s.contact) })
		written := slices.ContainsFunc(a.steps[s], func(step crashStep) bool { return step.number >= c.number })
		if !lettered && !written {
			a.fail(s, "%s was lost", c.value())
		}
	}
}

// about reports whether a letter is about a contact: that of a batch message holds only those that failed.
func (l crashLetter) about(contact string) bool {
	return strings.Contains(string(l.Original.Data), strconv.Quote(contact))
}

// onlyTrueConflicts: a change with a base has a letter only if a person's value stood in the way of each field that the
// letter names, or if another worker was given the message meanwhile (crash_turn_test.go). Photos and latest have none.
func (a *crashAudit) onlyTrueConflicts() {
	explained := map[*crashChange]bool{}
	for _, l := range a.letters {
		explained[l.change] = explained[l.change] || a.isTrue(l)
	}
	for _, l := range a.letters {
		if !explained[l.change] {
			a.fail(spot{l.change.user, l.change.contacts[0], l.change.fields[0]}, "a letter that should not be: %s, %s, %s, fields %v, etag %s, split %q",
				l.change.value(), l.Reason, l.Detail, l.Fields, l.CurrentEtag, l.Split)
		}
	}
}

func (a *crashAudit) isTrue(l crashLetter) bool {
	c := l.change
	switch {
	case l.Reason != deadletter.EtagConflict, !c.guarded():
		return false
	case c.manner != withBase && c.manner != baseContested:
		return true // what a worker forgets with its process, a bare etag does not tell the next
	case a.movedOn(l):
		a.moved++
		return true
	case c.manner == withBase:
		return false
	}
	return !slices.ContainsFunc(l.Fields, func(field string) bool {
		s := spot{c.user, c.contacts[0], field}
		now := a.valueAt(s, l.CurrentEtag)
		return !strings.HasPrefix(now, "hand-") || now == c.base[s]
	})
}

// valueAt is what a field held when the contact had an etag.
func (a *crashAudit) valueAt(s spot, etag string) (value string) {
	for _, step := range a.steps[s] {
		if step.version <= a.versions[etag] {
			value = step.value
		}
	}
	return value
}

// lastChangeStands: a field whose changes carry base holds the last of them, and where there was one worker at a time so
// does one that latest or photos write, unless a person's value came after it.
func (a *crashAudit) lastChangeStands(contacts map[[2]string]peoplesim.Contact, lonely bool) {
	last := map[spot]*crashChange{}
	for _, c := range a.feed.changes {
		for s := range c.base {
			last[s] = c
		}
	}
	for s, c := range last {
		contact := contacts[[2]string{s.user, s.contact}]
		var values map[string]json.RawMessage
		must(a.t, json.Unmarshal(contact.Values, &values))
		got := markers.FindString(string(values[s.field]))
		if s.field == photoField {
			got = a.feed.photos[contact.Photo]
		}
		byHand := strings.HasPrefix(got, "hand-") && c.manner.contested()
		if must := c.guarded() && c.manner == withBase || !c.guarded() && lonely; must && !byHand && got != c.value() {
			a.fail(s, "it ended as %s", got)
		}
	}
}

// fail tells a fault with the story of the field: what was published and what was written.
func (a *crashAudit) fail(s spot, format string, args ...any) {
	a.t.Helper()
	var story strings.Builder
	for _, c := range a.feed.changes {
		if base, ok := c.base[s]; ok {
			fmt.Fprintf(&story, "\n  published %s of %v for %s", c.value(), c.fields, base)
		}
	}
	for _, step := range a.steps[s] {
		fmt.Fprintf(&story, "\n  written %s by %s", step.value, step.method)
	}
	a.t.Errorf("%v: %s%s", s, fmt.Sprintf(format, args...), &story)
}
