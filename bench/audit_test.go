package main

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/contactrelay/contactrelay/internal/peoplesim"
)

// written is an audit after the writes of these changes, each to its first contact.
func written(t *testing.T, f *feed, numbers ...int) *audit {
	t.Helper()
	a := newAudit(f)
	for _, n := range numbers {
		w := peoplesim.Write{ResourceName: f.changes[n].contactName(0), Values: json.RawMessage(fmt.Sprintf(`{"urls":[{"value":%q}]}`, marker(n)))}
		if err := a.wrote(w); err != nil {
			t.Fatal(err)
		}
	}
	return a
}

func TestTheAuditCountsWhatMustNeverHappen(t *testing.T) {
	f := thrice(6) // of contact 0: 0, 1, 2; of contact 1: 3, 4, 5
	for _, c := range []struct {
		name    string
		writes  []int
		letters []int
		waiting []int
		want    verdict
	}{
		{name: "all as it should be", writes: []int{0, 3, 1, 4, 2, 5}},
		{name: "one is lost", writes: []int{0, 1, 3, 4, 5}, want: verdict{Lost: 1}},
		{name: "one waits", writes: []int{0, 1, 3, 4, 5}, waiting: []int{2}},
		{name: "one is superseded", writes: []int{0, 2, 3, 4, 5}},
		{name: "one is written twice", writes: []int{0, 0, 1, 2, 3, 4, 5}, want: verdict{Doubled: 1}},
		{name: "one overtakes another", writes: []int{1, 0, 2, 3, 4, 5}, want: verdict{OutOfOrder: 1}},
		{name: "one is dead-lettered", writes: []int{0, 1, 3, 4, 5}, letters: []int{2}, want: verdict{FalseLetters: 1}},
		{name: "one is made and dead-lettered", writes: []int{0, 1, 2, 3, 4, 5}, letters: []int{2}, want: verdict{FalseLetters: 1}},
	} {
		a := written(t, f, c.writes...)
		for _, n := range c.letters {
			a.letters[n] = true
		}
		for _, n := range c.waiting {
			a.waiting[n] = true
		}
		published := make([]time.Time, len(f.changes))
		for i := range published {
			published[i] = time.Now()
		}
		if got := a.verdict(published); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

func TestABadMessageIsLostWithoutALetter(t *testing.T) {
	f := hotUser(2, 1)
	f.changes[0].flaw, f.changes[1].flaw = nobody, badMask
	a := newAudit(f)
	a.letters[0] = true
	if got := a.verdict([]time.Time{time.Now(), time.Now()}); got != (verdict{Lost: 1}) {
		t.Errorf("%+v, want one lost", got)
	}
}

func TestABatchIsMadeWhenAllOfItsContactsAre(t *testing.T) {
	f := &feed{changes: []change{{kind: batch, count: 2}}}
	a := written(t, f, 0)
	if a.made(0) {
		t.Error("made, after one of two contacts")
	}
	second := f.changes[0]
	if err := a.wrote(peoplesim.Write{ResourceName: second.contactName(1), Values: json.RawMessage(`"crm-0"`)}); err != nil {
		t.Fatal(err)
	}
	if !a.made(0) || a.doubled != 0 {
		t.Errorf("made %v, %d doubled, after both contacts", a.made(0), a.doubled)
	}
}

func TestAPhotoIsKnownByItsHash(t *testing.T) {
	f := photosOf(2)
	a := newAudit(f)
	if len(a.photos) != 2 {
		t.Fatalf("%d photos differ, want 2", len(a.photos))
	}
	for hash, n := range a.photos {
		if err := a.wrote(peoplesim.Write{ResourceName: f.changes[n].contactName(0), Hash: hash}); err != nil {
			t.Fatal(err)
		}
	}
	if !a.made(0) || !a.made(1) {
		t.Error("a photo was written and is not known")
	}
}
