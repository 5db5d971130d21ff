package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/contactrelay/contactrelay/deadletter"
	"github.com/contactrelay/contactrelay/internal/peoplesim"
	"github.com/contactrelay/contactrelay/messages"
	"github.com/contactrelay/contactrelay/worker"
)

// ends is how messages ended in a worker, by their ordering number.
type ends struct {
	mu  sync.Mutex
	all []worker.Settlement
}

func (e *ends) settled(s worker.Settlement) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, s)
}

func (e *ends) count(o worker.Outcome) (n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, s := range e.all {
		if s.Outcome == o {
			n++
		}
	}
	return n
}

func (e *ends) total() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.all)
}

// effects counts the effects at the end of a dry run.
func effects(out string) map[string]int {
	counts := map[string]int{}
	_, sums, _ := strings.Cut(out, "\n\n")
	for line := range strings.Lines(sums) {
		var n int
		i := strings.LastIndexByte(strings.TrimSpace(line), ' ')
		if _, err := fmt.Sscan(line[i+1:], &n); err == nil {
			counts[strings.TrimSpace(line[:i])] = n
		}
	}
	return counts
}

// conflicts makes letters of changes that hand edits are in the way of, by a worker, which ends then. The changes are
// made on what the CRM read before; one in three says what its fields held.
func conflicts(r *benchRig, users, contacts int) {
	must(r.t, r.people.Generate(users, contacts))
	var all []messages.Message
	for u := range users {
		for c := range contacts {
			m := firstChange(u, c, fmt.Sprintf("CRM %d", c))
			if c%3 == 0 {
				var body map[string]any
				must(r.t, json.Unmarshal(m.Data, &body))
				body["base"] = map[string]any{"names": []any{map[string]any{"givenName": "before"}}}
				var err error
				m.Data, err = json.Marshal(body)
				must(r.t, err)
			}
			all = append(all, m)
			r.editName(peoplesim.UserName(u), peoplesim.ContactName(u, c), fmt.Sprintf("Hand %d", c))
		}
	}
	r.publishChanges(all...)
	var e ends
	stop := r.work(e.settled)
	until(r.t, 30*time.Second, "all are letters", func() bool { return e.count(worker.DeadLettered) == len(all) })
	stop()
	r.settle(r.t.Context())
}

// TestADryRunOfAHundredConflictsPredictsExactlyWhatHappens holds the prediction against a plain replay and against one
// that overwrites. Of the contacts, some are edited back, some deleted, some set to what the CRM wants.
func TestADryRunOfAHundredConflictsPredictsExactlyWhatHappens(t *testing.T) {
	t.Parallel()
	r := newBenchRig(t)
	// A contact is gone for fewer users than it takes for the worker to think that all is wrong, and to pause.
	const users, contacts, gone = 10, 10, 4
	const conflicting = 8*users - gone
	conflicts(r, users, contacts)
	for u := range users {
		user := peoplesim.UserName(u)
		r.editName(user, peoplesim.ContactName(u, 0), "before") // the base: free again
		r.editName(user, peoplesim.ContactName(u, 1), "CRM 1")  // as wanted
		if u < gone {
			must(t, r.people.Delete(user, peoplesim.ContactName(u, 2)))
		}
	}
	code, out, errs := r.ask("", "replay", "--all", "--dry-run")
	want := map[string]int{"merge": users, "no-op": users, "gone": gone, "conflict": conflicting}
	if got := effects(out); code != 0 || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("exit code %d, predicted %v, want %v; %s", code, got, want, errs)
	}
	if len(r.left()) != users*contacts || len(r.published()) != 0 {
		t.Fatal("the dry run changed something")
	}

	var plain ends
	stop := r.work(plain.settled)
	if code, _, errs := r.ask("", "replay", "--all", "--yes", "--log-level=warn"); code != 0 {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	until(t, 30*time.Second, "all replays have ended", func() bool { return plain.total() == users*contacts })
	stop()
	got := map[string]int{"merge": plain.count(worker.Applied), "no-op": plain.count(worker.AlreadyApplied)}
	for _, e := range r.left() {
		got[map[deadletter.Reason]string{deadletter.NotFound: "gone", deadletter.EtagConflict: "conflict"}[e.Reason]]++
		if e.Replays != 1 {
			t.Errorf("a letter that came back has %d replays, want 1", e.Replays)
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("a plain replay came to %v, predicted was %v", got, want)
	}
	if r.nameOf(peoplesim.UserName(0), peoplesim.ContactName(0, 3)) != "Hand 3" {
		t.Error("a plain replay overwrote a hand edit")
	}

	_, out, _ = r.ask("", "replay", "--all", "--dry-run", "--on-conflict=overwrite")
	if got := effects(out); got["conflict"] != conflicting || got["gone"] != gone || strings.Count(out, "conflict: overwrite") != conflicting {
		t.Errorf("predicted %v for what came back", got)
	}
	var over ends
	stop = r.work(over.settled)
	code, out, errs = r.ask("", "replay", "--all", "--yes", "--log-level=warn", "--on-conflict=overwrite")
	if code != 0 || !strings.Contains(out, fmt.Sprintf("%d of them to overwrite", conflicting)) {
		t.Fatalf("exit code %d, %q, %s", code, out, errs)
	}
	until(t, 30*time.Second, "all have ended", func() bool { return over.total() == 8*users })
	stop()
	if a, d := over.count(worker.Applied), over.count(worker.DeadLettered); a != conflicting || d != gone {
		t.Errorf("%d were applied and %d became letters, want %d and %d", a, d, conflicting, gone)
	}
	for u := range users {
		for c := range contacts {
			if c == 2 && u < gone {
				continue // it is gone
			}
			want := fmt.Sprintf("CRM %d", c)
			if got := r.nameOf(peoplesim.UserName(u), peoplesim.ContactName(u, c)); got != want {
				t.Errorf("contact %d of user %d ended as %q, want %q", c, u, got, want)
			}
		}
	}
}

func TestConflictsCanBeDiscarded(t *testing.T) {
	t.Parallel()
	r := newBenchRig(t)
	conflicts(r, 2, 3)
	user := peoplesim.UserName(0)
	r.editName(user, peoplesim.ContactName(0, 1), "CRM 1")
	code, out, errs := r.ask("", "replay", "--all", "--yes", "--on-conflict=discard")
	if code != 0 || !strings.Contains(out, "discarded 5 in conflict") || len(r.left()) != 0 {
		t.Errorf("exit code %d, %q, %d left", code, out, len(r.left()))
	}
	if n := len(r.published()); n != 1 {
		t.Errorf("%d were published, want the one that is in no conflict", n)
	}
	if n := strings.Count(errs, `"action":"discard"`); n != 5 || !strings.Contains(errs, "--on-conflict discard: 1 contact changed since") {
		t.Errorf("%d discarded in the log: %s", n, errs)
	}
}

func TestAConflictIsNotDiscardedWithoutATrace(t *testing.T) {
	t.Parallel()
	r := newBenchRig(t)
	conflicts(r, 1, 3)
	code, out, errs := r.ask("", "replay", "--all", "--yes", "--on-conflict=discard", "--audit=/dev/full", "--log-level=warn")
	if n := len(r.left()); code == 0 || n != 3 || strings.Contains(out, "discarded") || !strings.Contains(errs, "write the audit") {
		t.Errorf("exit code %d, %d left, %q, %q", code, n, out, errs)
	}
}

// letterOf is a letter about a message, published at a time.
func letterOf(id string, reason deadletter.Reason, m messages.Message, published time.Time) *deadletter.Letter {
	return &deadletter.Letter{
		Reason: reason, Detail: "a fixed text", ID: id, Time: published.Add(time.Second),
		Original: deadletter.Original{Data: m.Data, Attributes: m.Attributes, OrderingKey: m.OrderingKey, MessageID: "m-" + id, PublishTime: published},
	}
}

// TestLatestPhotosAndBatchesAreOverwrittenToo replays what no etag of the producer's guards, of contacts that were changed
// since, and several letters of one contact.
func TestLatestPhotosAndBatchesAreOverwrittenToo(t *testing.T) {
	t.Parallel()
	r := newBenchRig(t)
	must(t, r.people.Generate(1, 5))
	user, name := peoplesim.UserName(0), func(c int) string { return peoplesim.ContactName(0, c) }
	before := time.Now().Add(-time.Hour)
	batch, err := json.Marshal(map[string]any{
		"contacts":   map[string]any{name(2): map[string]any{"nicknames": []any{map[string]any{"value": "Two"}}}, name(3): map[string]any{}},
		"updateMask": "nicknames", "precondition": "latest",
	})
	must(t, err)
	r.park(
		letterOf("LETTER-A", deadletter.EtagConflict, change(user, name(0), "first", ""), before),
		letterOf("LETTER-B", deadletter.EtagConflict, change(user, name(0), "second", ""), before.Add(time.Second)),
		letterOf("LETTER-C", deadletter.EtagConflict, raw(user, messages.Photo, fmt.Appendf(nil, `{"resourceName":%q,"photoBytes":%q}`, name(1), onePixel)), before),
		letterOf("LETTER-D", deadletter.EtagConflict, raw(user, messages.Batch, batch), before),
		letterOf("LETTER-E", deadletter.EtagConflict, change(user, name(4), "by etag", "#long-ago"), before),
	)
	for c := range 5 {
		r.editName(user, name(c), "typed")
	}
	var plain ends
	stop := r.work(plain.settled)
	_, out, _ := r.ask("", "replay", "--all", "--dry-run")
	predicted := effects(out)
	if want := name(1) + " photos: conflict"; !strings.Contains(out, want) {
		t.Errorf("nothing of %q:\n%s", want, out)
	}
	if code, _, errs := r.ask("", "replay", "--all", "--yes", "--log-level=warn"); code != 0 {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	until(t, 20*time.Second, "all replays have ended", func() bool { return plain.total() == 5 })
	stop()
	// The first of the two letters of one contact is explained by the second one behind it, or both are in conflict.
	if n := len(r.left()); n != predicted["conflict"] {
		t.Errorf("%d came back, predicted was %v", n, predicted)
	}
	var over ends
	stop = r.work(over.settled)
	code, out, errs := r.ask("", "replay", "--all", "--yes", "--log-level=warn", "--on-conflict=overwrite")
	if code != 0 {
		t.Fatalf("exit code %d, %q, %s", code, out, errs)
	}
	until(t, 20*time.Second, "all have ended", func() bool { return over.total() == predicted["conflict"] })
	stop()
	if n := over.count(worker.DeadLettered); n > 0 || len(r.left()) > 0 {
		t.Errorf("%d became letters again", n)
	}
	if got := r.nameOf(user, name(0)); got != "second" {
		t.Errorf("the contact with two letters ended as %q", got)
	}
	if got := r.nameOf(user, name(4)); got != "by etag" {
		t.Errorf("the contact with an etag ended as %q", got)
	}
	c, _ := r.people.Contact(user, name(2))
	if nick := c.Person().Nicknames; len(nick) != 1 || nick[0].Value != "Two" {
		t.Errorf("the batch left %v", nick)
	}
	if writes := r.people.Audit(0); !strings.Contains(fmt.Sprintf("%+v", writes), "hoto") {
		t.Error("the photo was not written")
	}
}

func TestWhatIsEditedAfterTheDecisionIsNotOverwritten(t *testing.T) {
	t.Parallel()
	r := newBenchRig(t)
	must(t, r.people.Generate(1, 2))
	user, name := peoplesim.UserName(0), func(c int) string { return peoplesim.ContactName(0, c) }
	before := time.Now().Add(-time.Hour)
	r.park(
		letterOf("LETTER-A", deadletter.EtagConflict, change(user, name(0), "by the CRM", ""), before),
		letterOf("LETTER-B", deadletter.EtagConflict, raw(user, messages.Photo, fmt.Appendf(nil, `{"resourceName":%q,"photoBytes":%q}`, name(1), onePixel)), before),
	)
	for c := range 2 {
		r.editName(user, name(c), "typed")
	}
	if code, _, errs := r.ask("", "replay", "--all", "--yes", "--log-level=warn", "--on-conflict=overwrite"); code != 0 {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	for c := range 2 {
		r.editName(user, name(c), "typed again")
	}
	var e ends
	stop := r.work(e.settled)
	until(t, 20*time.Second, "both have ended", func() bool { return e.total() == 2 })
	stop()
	if n := e.count(worker.DeadLettered); n != 2 || r.nameOf(user, name(0)) != "typed again" {
		t.Errorf("%d became letters, want both; the name is %q", n, r.nameOf(user, name(0)))
	}
}
