package worker

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/contactrelay/contactrelay/internal/peoplesim"
	"github.com/contactrelay/contactrelay/messages"
)

// burst is what a CRM that never reads back publishes: three changes of each contact at once, all with the etag of
// before the first.
type burst struct {
	contacts int
	base     bool // each change says what the one before it left
	photo    bool // the second is a photo
	inTurn   bool // the contacts one after the other; else all first changes, then all second, then all third
}

// The values that its changes leave behind one after the other; they sort.
var steps = []string{"Seed", "v1", "v2", "v3"}

// publish publishes the burst.
func (b burst) publish(w *world) {
	w.t.Helper()
	if b.inTurn {
		for i := range b.contacts {
			for step := 1; step < len(steps); step++ {
				w.publish(ann, b.change(i, step))
			}
		}
		return
	}
	for step := 1; step < len(steps); step++ {
		for i := range b.contacts {
			w.publish(ann, b.change(i, step))
		}
	}
}

// change is a change of a contact, counted from 1.
func (b burst) change(contact, step int) messages.Message {
	e := edit{contact: contactName(contact + 1), set: texts{"names": steps[step]}, version: 1}
	if b.photo && step == 2 {
		return picture(e.contact)
	}
	if b.base {
		e.base = texts{"names": steps[step-1]}
	}
	if b.base && b.photo && step == 3 {
		e.base = texts{"names": steps[1]}
	}
	return e.patch()
}

// eachSize runs a story with a worker that makes single calls and one that makes batches.
func eachSize(t *testing.T, story func(t *testing.T, w *world)) {
	for name, batchMin := range map[string]int{"single calls": 1000, "batches": 6} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				w.config.BatchMin, w.config.BatchLate, w.config.Drain = batchMin, 0, time.Millisecond
				w.config.MaxMessages = 10_000
				story(t, w)
			})
		})
	}
}

// sequences are the names written to each contact through calls, one after the other.
func (w *world) sequences() map[string][]string {
	all := map[string][]string{}
	for _, write := range w.people.Audit(0) {
		if write.Method != peoplesim.ByHand && write.Method != peoplesim.ByItself && slices.Contains(write.Fields, "names") {
			all[write.ResourceName] = append(all[write.ResourceName], string(write.Values))
		}
	}
	return all
}

// forwards fails the test if an older value was ever written after a newer one.
func (w *world) forwards() {
	w.t.Helper()
	for contact, values := range w.sequences() {
		if !slices.IsSorted(values) {
			w.t.Errorf("%s was written in the order %v", contact, values)
		}
	}
}

func TestPromiseOnceABurstWithTheEtagOfBeforeTheFirstLeavesNoLetter(t *testing.T) {
	for _, b := range []burst{{contacts: 300}, {contacts: 300, photo: true}, {contacts: 300, base: true}} {
		eachSize(t, func(t *testing.T, w *world) {
			w.contacts(b.contacts, seeded)
			w.fail(latency(20 * time.Millisecond))
			b.publish(w)
			w.start()
			w.drain(10 * time.Minute)
			w.check(map[string]int{"applied": 3 * b.contacts})
			for i := range b.contacts {
				w.holds(contactName(i+1), texts{"names": "v3"})
			}
		})
	}
}

func TestAnEtagThatIsKnownToBeOutdatedIsNotSentAndHoldsUpNoBatch(t *testing.T) {
	b := burst{contacts: 60, base: true, photo: true}
	eachSize(t, func(t *testing.T, w *world) {
		w.contacts(b.contacts, seeded)
		w.fail(latency(20 * time.Millisecond))
		b.publish(w)
		w.start()
		w.drain(10 * time.Minute)
		w.check(map[string]int{"applied": 3 * b.contacts})
		calls := map[string]int{}
		for c, n := range w.worker.Tally().Calls {
			calls[c.Method+" "+c.Code] += n
		}
		for call, n := range calls {
			if strings.HasSuffix(call, " 400") {
				t.Errorf("%d calls of %s; want none", n, call)
			}
		}
		most := map[bool]int{true: b.contacts, false: 10}[w.config.BatchMin > b.contacts]
		if reads := calls["people.get 200"] + calls["people.getBatchGet 200"]; reads > most {
			t.Errorf("%d reads, want %d at most", reads, most)
		}
		if got := w.worker.Tally().Conflicts["merged"]; got != b.contacts {
			t.Errorf("%d changes count as merged, want %d", got, b.contacts)
		}
	})
}

// killedHalfWay has a worker begin the burst and die in the middle, with a call in flight that goes on at the service
// and acknowledgements that nobody hears, and another finish it. It returns what the first had written.
func (b burst) killedHalfWay(w *world) map[string]bool {
	w.t.Helper()
	w.contacts(b.contacts, seeded)
	w.fail(latency(20 * time.Millisecond))
	b.publish(w)
	w.start()
	half := int64(3 * b.contacts / 2)
	for w.people.Stats().Writes < half {
		time.Sleep(5 * time.Millisecond)
	}
	w.crash()
	time.Sleep(time.Second) // for the call in flight
	written := map[string]bool{}
	for contact := range w.sequences() {
		written[contact] = true
	}
	w.start()
	w.drain(30 * time.Minute)
	if left := len(w.backlog(changes)); left > 0 {
		w.t.Errorf("%d messages are left", left)
	}
	w.forwards()
	return written
}

func TestPromiseOnceAKilledWorkerWithBaseLeavesNoLetter(t *testing.T) {
	for _, b := range []burst{{contacts: 300, base: true}, {contacts: 300, base: true, photo: true}} {
		eachSize(t, func(t *testing.T, w *world) {
			b.killedHalfWay(w)
			if n := len(w.letters()); n > 0 {
				t.Errorf("%d letters", n)
			}
			for i := range b.contacts {
				w.holds(contactName(i+1), texts{"names": "v3"})
			}
		})
	}
}

// TestPromiseOnceAKilledWorkerWithoutBaseLeavesLettersOfWhatItHadWrittenAndNoWrongValue has a burst in which the first worker
// has begun with all contacts when it dies, and one in which it has not.
func TestPromiseOnceAKilledWorkerWithoutBaseLeavesLettersOfWhatItHadWrittenAndNoWrongValue(t *testing.T) {
	for _, b := range []burst{{contacts: 300}, {contacts: 600, inTurn: true}} {
		eachSize(t, func(t *testing.T, w *world) {
			written := b.killedHalfWay(w)
			if all := len(written) == b.contacts; all == b.inTurn {
				t.Errorf("%d contacts were written before the kill: the test shows nothing", len(written))
			}
			parked := map[string]bool{}
			for _, l := range w.letters() {
				change, err := messages.Decode(messages.Message{OrderingKey: ann, Attributes: l.Original.Attributes, Data: l.Original.Data}, messages.Limits{})
				must(t, err)
				contact := change.Contacts()[0]
				if parked[contact] = true; !written[contact] || l.Reason != "etag_conflict" {
					t.Errorf("a letter %s of %s, which the first worker had written: %v", l.Reason, contact, written[contact])
				}
			}
			for contact, values := range w.sequences() {
				if last := values[len(values)-1]; !parked[contact] && !strings.Contains(last, "v3") {
					t.Errorf("%s ends with %s and no letter says why", contact, last)
				}
			}
			if len(w.sequences()) != b.contacts {
				t.Errorf("%d contacts were written, want all", len(w.sequences()))
			}
		})
	}
}

func TestPromiseOnceLostAnswersLeaveNoLetterAndNoSecondValue(t *testing.T) {
	eachSize(t, func(t *testing.T, w *world) {
		const n = 300
		w.contacts(n, seeded)
		w.fail(latency(20*time.Millisecond), peoplesim.Fault{Kind: peoplesim.AnswerLost, Rate: 0.2})
		for i := range n {
			w.publish(ann, edit{contact: contactName(i + 1), set: texts{"names": "CRM"}, version: 1}.patch())
		}
		w.start()
		w.drain(30 * time.Minute)
		if got := w.outcomes(); got["applied"]+got["already_applied"] != n || len(w.letters()) > 0 {
			t.Errorf("outcomes %v, want all made", got)
		}
		for contact, values := range w.sequences() {
			if len(slices.Compact(values)) != 1 {
				t.Errorf("%s was written with %v", contact, values)
			}
		}
	})
}

func TestPromiseOnceLostAnswersInABurstLeaveNoLetter(t *testing.T) {
	eachSize(t, func(t *testing.T, w *world) {
		w.fail(latency(20*time.Millisecond), peoplesim.Fault{Kind: peoplesim.AnswerLost, Rate: 0.2})
		b := burst{contacts: 300}
		w.contacts(b.contacts, seeded)
		b.publish(w)
		w.start()
		w.drain(30 * time.Minute)
		if got := w.outcomes(); got["applied"]+got["already_applied"]+got["superseded"] != 900 || len(w.letters()) > 0 {
			t.Errorf("outcomes %v, want all made", got)
		}
		w.forwards()
		for i := range b.contacts {
			w.holds(contactName(i+1), texts{"names": "v3"})
		}
	})
}
