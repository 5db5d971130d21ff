package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/contactrelay/contactrelay/deadletter"
	"github.com/contactrelay/contactrelay/internal/peoplesim"
	"github.com/contactrelay/contactrelay/internal/pubsubsim"
	"github.com/contactrelay/contactrelay/messages"
)

// againstEachBroker runs a test against the simulator as a process of its own, with 10 and with any number of messages
// of a key outstanding, and against Google's emulator where there is one.
func againstEachBroker(t *testing.T, test func(t *testing.T, broker string)) {
	for _, outstanding := range []string{"10", "0"} {
		t.Run("simulator with outstanding "+outstanding, func(t *testing.T) {
			test(t, simulate(t, "pubsub", "--outstanding-per-key", outstanding).Listen)
		})
	}
	if emulator := os.Getenv(emulatorVariable); emulator != "" {
		t.Run("emulator", func(t *testing.T) { test(t, emulator) })
	}
}

// The lines of the log that say how messages ended.
var (
	applied      = with(`"verdict":"applied"`)
	deadLettered = with(`"verdict":"dead_lettered"`)
	duplicate    = with(`"verdict":"duplicate"`)
	already      = with(`"verdict":"already_applied"`)
)

// change is a patch of a contact's given name.
func change(user, contact, given string, etag string) messages.Message {
	person := map[string]any{"resourceName": contact, "names": []any{map[string]any{"givenName": given}}}
	body := map[string]any{"person": person, "updatePersonFields": "names"}
	if etag == "" {
		body["precondition"] = "latest"
	} else {
		person["metadata"] = map[string]any{"sources": []any{map[string]any{"type": "CONTACT", "etag": etag}}}
	}
	data, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	return raw(user, messages.Patch, data)
}

func raw(user string, t messages.Type, data []byte) messages.Message {
	return messages.Message{OrderingKey: user, Attributes: map[string]string{"ce-type": string(t)}, Data: data}
}

// firstChange is a change of a contact as Generate made it.
func firstChange(user, contact int, given string) messages.Message {
	name := peoplesim.ContactName(user, contact)
	return change(peoplesim.UserName(user), name, given, peoplesim.SourceEtag(name, peoplesim.FirstVersion))
}

func TestEndToEndTenThousandPatchesOfFiveHundredUsers(t *testing.T) {
	t.Parallel()
	const users, contacts, rounds = 500, 10, 2
	againstEachBroker(t, func(t *testing.T, broker string) {
		r := newRig(t, broker)
		r.people.put(t, "POST", "/seed", peoplesim.Seeding{Users: users, Contacts: contacts})
		var all []messages.Message
		for round := range rounds {
			for c := range contacts {
				for u := range users {
					all = append(all, change(peoplesim.UserName(u), peoplesim.ContactName(u, c), fmt.Sprintf("round %d", round), ""))
				}
			}
		}
		worker := r.worker()
		r.publish(all)
		worker.until(users*contacts*rounds, 2*time.Minute, applied)

		for key, c := range r.contacts() {
			if got := givenName(c); got != "round 1" {
				t.Fatalf("%v ended as %q", key, got)
			}
		}
		r.neverOverlapped()
		r.inOrder(rounds)
		if took, err := worker.terminate(); err != nil || took > 8*time.Second {
			t.Errorf("SIGTERM to exit: %v, %v; want under 8 s and no error", took, err)
		}
	})
}

// inOrder fails the test unless every contact was written once a round, in the order of the rounds.
func (r *rig) inOrder(rounds int) {
	r.t.Helper()
	type contact struct{ user, name string }
	written := map[contact][]string{}
	for _, write := range lines[peoplesim.Write](r.t, r.people, "/audit") {
		key := contact{write.User, write.ResourceName}
		written[key] = append(written[key], write.Hash)
	}
	var want []string
	for key, hashes := range written {
		if want == nil {
			want = hashes // all contacts get the same values
		}
		if len(hashes) != rounds || !slices.Equal(hashes, want) {
			r.t.Fatalf("%v was written %d times, or in another order than the others", key, len(hashes))
		}
	}
}

// neverOverlapped fails the test if two mutate requests of one user were ever in flight.
func (r *rig) neverOverlapped() {
	r.t.Helper()
	if over := lines[peoplesim.Stats](r.t, r.people, "/stats")[0].Overlapped; len(over) > 0 {
		r.t.Errorf("mutates of %d users overlapped", len(over))
	}
}

func TestEndToEndAStopUnderLoadLosesNothing(t *testing.T) {
	t.Parallel()
	const users, contacts = 100, 20
	againstEachBroker(t, func(t *testing.T, broker string) {
		r := newRig(t, broker)
		r.people.put(t, "POST", "/seed", peoplesim.Seeding{Users: users, Contacts: contacts})
		r.people.put(t, "PUT", "/faults", peoplesim.Faults{List: []peoplesim.Fault{
			{Kind: peoplesim.Latency, Rate: 1, Delay: peoplesim.Duration(20 * time.Millisecond)},
		}})
		var all []messages.Message
		for c := range contacts {
			for u := range users {
				all = append(all, firstChange(u, c, "changed"))
			}
		}
		r.publish(all)
		first := r.worker()
		first.until(users*contacts/4, time.Minute, applied)
		if took, err := first.terminate(); err != nil || took > 8*time.Second {
			t.Errorf("SIGTERM to exit: %v, %v; want under 8 s and no error", took, err)
		}
		done := first.logged(applied)
		if done == users*contacts {
			t.Fatal("the first worker was done before it was stopped: the test shows nothing")
		}
		second := r.worker()
		second.until(users*contacts-done, 75*time.Second, applied) // a lease of a minute is the most that may have to run out
		for key, c := range r.contacts() {
			if got := givenName(c); got != "changed" {
				t.Errorf("%v ended as %q", key, got)
			}
		}
		if n := len(lines[peoplesim.Write](t, r.people, "/audit")); n != users*contacts {
			t.Errorf("%d writes for %d changes", n, users*contacts)
		}
		r.neverOverlapped()
	})
}

// badMessages is every kind of message that ends as a dead letter before any call, with its reason.
func badMessages(user string) (all []messages.Message, reasons []deadletter.Reason) {
	add := func(reason deadletter.Reason, m messages.Message) {
		all, reasons = append(all, m), append(reasons, reason)
	}
	patch := func(body string) messages.Message { return raw(user, messages.Patch, []byte(body)) }
	person := `"person":{"resourceName":"people/c1","metadata":{"sources":[{"type":"CONTACT","etag":"#e"}]}`
	add(deadletter.Malformed, patch(`{"person":`))
	add(deadletter.Malformed, patch(``))
	add(deadletter.Malformed, patch("{\"person\":\"\xff\xfe\"}"))
	add(deadletter.Malformed, patch(strings.Repeat(`{"person":`, 100_000)))
	add(deadletter.UnsupportedType, raw(user, "contactrelay.merge.v1", []byte(`{}`)))
	add(deadletter.Invalid, raw("", messages.Patch, []byte(`{`+person+`},"updatePersonFields":"names"}`)))
	add(deadletter.Invalid, patch(`{`+person+`,"name":"x"},"updatePersonFields":"names"}`))
	add(deadletter.Invalid, patch(`{`+person+`,"names":"x"},"updatePersonFields":"names"}`))
	add(deadletter.Invalid, patch(`{`+person+`},"updatePersonFields":""}`))
	add(deadletter.Invalid, patch(`{`+person+`},"updatePersonFields":"names,photos"}`))
	add(deadletter.Invalid, patch(`{"person":{"resourceName":"people/c1"},"updatePersonFields":"names"}`))
	add(deadletter.Invalid, patch(`{`+person+`,"names":[{},{}]},"updatePersonFields":"names"}`))
	add(deadletter.Invalid, patch(`{`+person+`},"updatePersonFields":"memberships"}`))
	add(deadletter.Invalid, patch(`{`+person+`},"updatePersonFields":"names","personFields":"shoeSize"}`))
	add(deadletter.Invalid, patch(`{`+person+`},"updatePersonFields":"names","sources":["READ_SOURCE_TYPE_NONE"]}`))
	add(deadletter.Invalid, raw(user, messages.Batch, []byte(`{"contacts":{},"updateMask":"names"}`)))
	add(deadletter.Invalid, raw(user, messages.Photo, []byte(`{"resourceName":"c1","photoBytes":"`+onePixel+`"}`)))
	add(deadletter.Invalid, raw(user, messages.Photo, []byte(`{"resourceName":"people/c1","photoBytes":"R0lGODlh"}`)))
	return all, reasons
}

// onePixel is a PNG of one pixel.
const onePixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

// largePhoto is a photo message with a body of 9.9 MB: far over the limit of a photo.
func largePhoto(user string) messages.Message {
	photo, err := base64.StdEncoding.DecodeString(onePixel)
	if err != nil {
		panic(err)
	}
	const body = `{"resourceName":"people/c1","photoBytes":""}`
	photo = append(photo, bytes.Repeat([]byte("noise. "), 1_100_000)...)
	encoded := base64.StdEncoding.EncodeToString(photo)[:(9_900_000-len(body))/4*4]
	return raw(user, messages.Photo, []byte(strings.Replace(body, `""`, `"`+encoded+`"`, 1)))
}

func TestEndToEndEveryBadMessageIsParkedWholeAndTheNextIsApplied(t *testing.T) {
	t.Parallel()
	againstEachBroker(t, func(t *testing.T, broker string) {
		r := newRig(t, broker)
		r.people.put(t, "POST", "/seed", peoplesim.Seeding{Users: 1, Contacts: 1})
		user := peoplesim.UserName(0)
		all, reasons := badMessages(user)
		all, reasons = append(all, largePhoto(user)), append(reasons, deadletter.Invalid)
		worker := r.worker()
		r.publish(append(all, firstChange(0, 0, "after")))
		worker.until(1, time.Minute, applied)
		worker.until(len(all), time.Minute, deadLettered)

		want := map[string]deadletter.Reason{}
		for i, m := range all {
			want[string(m.Data)] = reasons[i]
		}
		letters := r.letters(len(all))
		if len(letters) != len(all) {
			t.Errorf("%d letters, want %d", len(letters), len(all))
		}
		for _, l := range letters {
			if large := len(l.Original.Data) > 9_000_000; large != (l.encoding == "gzip-envelope") {
				t.Errorf("a letter with %d bytes has the encoding %q", len(l.Original.Data), l.encoding)
			}
			if reason, ok := want[string(l.Original.Data)]; !ok || l.Reason != reason {
				t.Errorf("a letter %q (%s) with %d bytes, want %q", l.Reason, l.Detail, len(l.Original.Data), reason)
			}
		}
	})
}

func TestEndToEndFaultsOfBothServicesLoseNoChange(t *testing.T) {
	t.Parallel()
	const users, contacts = 100, 10
	broker := simulate(t, "pubsub", "--outstanding-per-key", "10")
	r := newRig(t, broker.Listen)
	r.people.put(t, "POST", "/seed", peoplesim.Seeding{Users: users, Contacts: contacts})
	r.people.put(t, "PUT", "/faults", peoplesim.Faults{Seed: 1, List: []peoplesim.Fault{
		{Kind: peoplesim.Unavailable, Rate: 0.10},
		{Kind: peoplesim.AnswerLost, Rate: 0.05},
		{Kind: peoplesim.Reset, Rate: 0.05},
	}})
	broker.put(t, "PUT", "/faults", pubsubsim.Faults{LostAck: 0.05, Duplicate: 0.05})
	var all []messages.Message
	for c := range contacts {
		for u := range users {
			all = append(all, firstChange(u, c, "changed"))
		}
	}
	r.publish(all)
	worker := r.worker()
	worker.until(len(all), 2*time.Minute, func(line string) bool { return applied(line) || already(line) })
	for key, c := range r.contacts() {
		if got := givenName(c); got != "changed" {
			t.Errorf("%v ended as %q", key, got)
		}
	}
	r.neverOverlapped()
	if n := worker.logged(deadLettered); n > 0 {
		t.Errorf("%d dead letters:\n%s", n, worker.tail())
	}
	t.Logf("%d applied, %d found applied (their answers were lost), %d duplicates", worker.logged(applied), worker.logged(already), worker.logged(duplicate))
}
