package worker

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	peopleapi "google.golang.org/api/people/v1"

	"github.com/contactrelay/contactrelay/deadletter"
	"github.com/contactrelay/contactrelay/internal/peoplesim"
	"github.com/contactrelay/contactrelay/messages"
)

// batchOf is a batch message that names the contacts with their first etags.
func batchOf(given string, contacts ...int) messages.Message {
	all := map[string]any{}
	for _, i := range contacts {
		name := contactName(i)
		all[name] = map[string]any{
			"names":    []any{map[string]any{"givenName": given}},
			"metadata": map[string]any{"sources": []any{map[string]any{"type": "CONTACT", "etag": peoplesim.SourceEtag(name, 1)}}},
		}
	}
	return message(messages.Batch, map[string]any{"contacts": all, "updateMask": "names"})
}

func TestABatchMessageIsOneCall(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.seed(ann, 200)
		var all []int
		for i := range 200 {
			all = append(all, i+1)
		}
		w.publish(ann, batchOf("together", all...))
		w.start()
		time.Sleep(time.Second)
		w.check(map[string]int{"applied": 1})
		if calls := w.people.Stats().Calls; calls["people.batchUpdateContacts"]["200"] != 1 || len(calls) != 1 {
			t.Errorf("calls %v, want one", calls)
		}
		if got := w.given(ann, "people/c200"); got != "together" {
			t.Errorf("the last contact's name is %q", got)
		}
	})
}

func TestABatchMessageLeavesOneLetterForEachReason(t *testing.T) {
	for _, habits := range []peoplesim.Habits{{}, {FirstErrorOnly: true}, {Errors: "legacy"}} {
		bubble(t, func(t *testing.T, w *world) {
			must(t, w.people.SetFaults(peoplesim.Faults{Seed: 1, Habits: habits}))
			w.seed(ann, 8)
			must(t, w.people.Delete(ann, "people/c2"))
			must(t, w.people.Delete(ann, "people/c3"))
			must(t, w.people.Touch(ann, "people/c5"))
			w.publish(ann, batchOf("together", 1, 2, 3, 4, 5, 6))
			w.start()
			time.Sleep(time.Minute)
			synctest.Wait()
			w.balanced()
			splits := map[deadletter.Reason]string{}
			bodies := map[deadletter.Reason][]string{}
			for _, l := range w.letters() {
				splits[l.Reason] = l.Split
				var body struct{ Contacts map[string]json.RawMessage }
				must(t, json.Unmarshal(l.Original.Data, &body))
				bodies[l.Reason] = slices.Sorted(maps.Keys(body.Contacts))
			}
			if want := map[deadletter.Reason]string{deadletter.NotFound: "2 of 6", deadletter.EtagConflict: "1 of 6"}; !maps.Equal(splits, want) {
				t.Errorf("%+v: letters %v, want %v", habits, splits, want)
			}
			if want := []string{"people/c2", "people/c3"}; !slices.Equal(bodies[deadletter.NotFound], want) {
				t.Errorf("%+v: the letter not_found has %v, want %v", habits, bodies[deadletter.NotFound], want)
			}
			for _, i := range []int{1, 4, 6} {
				if got := w.given(ann, contactName(i)); got != "together" {
					t.Errorf("%+v: contact %d is %q: a bad one cost it its change", habits, i, got)
				}
			}
			if tally := w.worker.Tally(); tally.Settled[Ending{"batch", DeadLettered, deadletter.EtagConflict}]+tally.Settled[Ending{"batch", DeadLettered, deadletter.NotFound}] != 1 {
				t.Errorf("%+v: the message counts as %v, want once", habits, tally.Settled)
			}
		})
	}
}

func TestABatchMessageOfWhichAllFailsIsParkedWhole(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		m := batchOf("x", 1, 2)
		w.publish(ann, m)
		w.start()
		time.Sleep(time.Second)
		w.check(map[string]int{"not_found": 1})
		if l := w.letters(); len(l) != 1 || l[0].Split != "" || string(l[0].Original.Data) != string(m.Data) {
			t.Errorf("letters %+v, want one with the body as it was", l)
		}
	})
}

func TestABatchAnswerThatOmitsContactsOrGivesThemAStatusIsNotTakenForSuccess(t *testing.T) {
	for _, kind := range []peoplesim.Kind{peoplesim.ContactStatus, peoplesim.ContactOmitted} {
		bubble(t, func(t *testing.T, w *world) {
			w.seed(ann, 5)
			w.fail(peoplesim.Fault{Kind: kind, Rate: 1, Contacts: []string{"people/c3"}, Calls: 1})
			w.publish(ann, batchOf("together", 1, 2, 3, 4, 5))
			w.start()
			time.Sleep(time.Minute)
			w.check(map[string]int{"applied": 1})
			if got := w.given(ann, "people/c3"); got != "together" {
				t.Errorf("%s: the contact is %q", kind, got)
			}
		})
	}
}

func TestABatchWhoseServiceNamesOnlyTheFirstOffenderDoesNotGoOnForLong(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		const n = 200
		must(t, w.people.SetFaults(peoplesim.Faults{
			Habits: peoplesim.Habits{FirstErrorOnly: true},
			List:   []peoplesim.Fault{latency(10 * time.Millisecond)}, // so that what was published gathers during the first call
		}))
		w.seed(ann, n)
		for i := range n {
			if i%2 == 0 {
				must(t, w.people.Touch(ann, contactName(i+1)))
			}
			w.publish(ann, rename(contactName(i+1), "x", 1))
		}
		w.config.BatchLate = 0
		w.config.BatchMin = 2
		w.start()
		w.drain(time.Minute)
		w.check(map[string]int{"applied": n / 2, "etag_conflict": n / 2})
		if calls := w.people.Stats().Calls["people.batchUpdateContacts"]; calls["400"]+calls["200"] > 5 {
			t.Errorf("%v batch calls: after the second failure they go single", calls)
		}
	})
}

func TestAnOutageDoesNotMakeABacklogSingle(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		const n = 400
		w.seed(ann, n)
		outage := always(peoplesim.Unavailable)
		outage.For = peoplesim.Duration(10 * time.Minute)
		w.fail(outage)
		for i := range n {
			w.publish(ann, rename(contactName(i+1), "x", 1))
		}
		w.start()
		w.drain(time.Hour)
		w.check(map[string]int{"applied": n})
		if single := w.people.Stats().Calls["people.updateContact"]["200"]; single > 2 {
			t.Errorf("%d single calls after the outage", single)
		}
	})
}

func TestAChangeOfTheOrderOfValuesIsNotTakenForMade(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		const n = 10
		w.seed(ann, n)
		w.config.BatchMin = 2
		mails := func(values ...string) (list []any) {
			for _, v := range values {
				list = append(list, map[string]any{"value": v + "@example.com"})
			}
			return list
		}
		for i := range n {
			must(t, w.people.HandEdit(ann, contactName(i+1), &peopleapi.Person{EmailAddresses: []*peopleapi.EmailAddress{
				{Value: "a@example.com"}, {Value: "b@example.com"}}}, "emailAddresses"))
			w.publish(ann, message(messages.Patch, map[string]any{
				"person":             map[string]any{"resourceName": contactName(i + 1), "emailAddresses": mails("b", "a")},
				"updatePersonFields": "emailAddresses", "precondition": "latest",
			}))
		}
		w.fail(peoplesim.Fault{Kind: peoplesim.Unavailable, Rate: 1, Calls: 3})
		w.start()
		w.drain(time.Minute)
		w.check(map[string]int{"applied": n})
		for i := range n {
			c, _ := w.people.Contact(ann, contactName(i+1))
			if got := c.Person().EmailAddresses[0].Value; got != "b@example.com" {
				t.Errorf("contact %d begins with %s", i+1, got)
			}
		}
	})
}

func TestALostAnswerAndStaleReadsMakeNoFalseConflict(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		const n = 50
		w.seed(ann, n)
		w.config.BatchMin = 2
		w.fail(
			peoplesim.Fault{Kind: peoplesim.AnswerLost, Rate: 1, Calls: 2},
			peoplesim.Fault{Kind: peoplesim.StaleRead, Rate: 1, Delay: peoplesim.Duration(5 * time.Second)},
		)
		for i := range n {
			w.publish(ann, rename(contactName(i+1), "x", 1))
		}
		w.start()
		w.drain(10 * time.Minute)
		synctest.Wait()
		if n := len(w.letters()); n > 0 {
			t.Errorf("%d letters; outcomes %v", n, w.outcomes())
		}
	})
}

func TestOneEventOnTwoContactsInOneCallIsMadeOnce(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.seed(ann, 3)
		w.config.BatchMin = 2
		w.fail(latency(100 * time.Millisecond))
		first, second := rename("people/c2", "x", 1), rename("people/c3", "x", 1)
		for _, m := range []messages.Message{first, second} {
			m.Attributes["ce-id"], m.Attributes["ce-source"] = "7", "//crm.example.com"
		}
		w.publish(ann, rename("people/c1", "x", 1), first, second)
		w.start()
		w.drain(time.Minute)
		w.check(map[string]int{"applied": 2, "duplicate": 1})
	})
}
