package main

import (
	"errors"
	"testing"

	"github.com/contactrelay/contactrelay/messages"
)

// decoded is a change as contactrelay reads it.
func decoded(t *testing.T, f *feed, number int) (*messages.Change, error) {
	t.Helper()
	m := f.changes[number].message(number)
	return messages.Decode(messages.Message{OrderingKey: m.OrderingKey, Attributes: m.Attributes, Data: m.Data}, messages.Limits{})
}

func TestWhatIsSoundDecodesAndWhatIsBadHasItsFlaw(t *testing.T) {
	f := mixed(2000)
	seen := map[flaw]int{}
	kinds := map[kind]int{}
	for n := range f.changes {
		c := &f.changes[n]
		seen[c.flaw]++
		kinds[c.kind]++
		_, err := decoded(t, f, n)
		fault, _ := errors.AsType[*messages.Error](err)
		switch {
		case (c.flaw == sound || c.flaw == nobody) && err != nil: // that there is no such contact is for the service to say
			t.Fatalf("change %d: %v", n, err)
		case c.flaw == cutShort && (fault == nil || fault.Reason != messages.Malformed):
			t.Fatalf("change %d, cut short: %v", n, err)
		case (c.flaw == badMask || c.flaw == guardless) && (fault == nil || fault.Reason != messages.Invalid):
			t.Fatalf("change %d with a flaw of its body: %v", n, err)
		}
	}
	if len(seen) != int(flaws) || seen[sound] < 1900 || kinds[photo] < 50 || kinds[batch] < 20 {
		t.Errorf("flaws %v, kinds %v", seen, kinds)
	}
}

func TestEachChangeOfTheMixedFeedSaysWhatItReplaces(t *testing.T) {
	f := mixed(3000)
	last := map[spot]int32{}
	chained := 0
	for n := range f.changes {
		c := &f.changes[n]
		for i := range c.count {
			before, known := last[c.spotOf(i)]
			if !known {
				before = -1
			}
			says := c.before
			if c.kind == batch {
				says = c.befores[i]
			}
			if says != before {
				t.Fatalf("change %d says that it replaces %d, want %d", n, says, before)
			}
			if known {
				chained++
			}
			if c.flaw == sound {
				last[c.spotOf(i)] = int32(n)
			}
		}
	}
	if chained == 0 {
		t.Error("no contact was changed twice")
	}
}

func TestFeedsHaveTheMessagesThatTheyPromise(t *testing.T) {
	for _, w := range workloads() {
		if w.n > 100_000 {
			continue // a matter of size alone
		}
		f := w.given(false)
		if len(f.changes) != w.n {
			t.Errorf("%s: %d messages, want %d", w.name, len(f.changes), w.n)
		}
		for n, c := range f.changes {
			if int(c.user) >= f.users || int(c.contact+c.count) > f.contacts {
				t.Fatalf("%s: change %d is about a contact that is not seeded", w.name, n)
			}
		}
	}
	if f := primer(); len(f.changes) != 200_000 || f.users*f.contacts != 100_000 {
		t.Errorf("the primer has %d changes of %d contacts", len(f.changes), f.users*f.contacts)
	}
}
