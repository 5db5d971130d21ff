//go:build soak

package main

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/contactrelay/contactrelay/internal/peoplesim"
	"github.com/contactrelay/contactrelay/messages"
)

// These tests are those of TestPromiseOnce… and TestPromiseHandsOff… with the built program and both simulators as
// processes of their own.

// settled is the lines of messages that are not to come again.
func settled(line string) bool {
	return with(`"message":"settled"`)(line) && !duplicate(line) && !with(`"verdict":"returned"`)(line)
}

// burst is three changes of each of the contacts of a user, all with the etag of before the first.
type burst struct {
	contacts    int
	base, photo bool // each says what it replaces; the second is a photo
	inSteps     bool // the first of all, then the second of all; else contact by contact
}

func (b burst) messages() (all []messages.Message) {
	number := func(c, step int) int { return 3*c + step }
	if b.inSteps {
		number = func(c, step int) int { return step*b.contacts + c }
	}
	all = make([]messages.Message, 3*b.contacts)
	for c := range b.contacts {
		for step, base := range []string{"seed-0", "crm-1", "crm-2"} {
			switch {
			case !b.base:
				base = ""
			case b.photo && step == 2:
				base = "crm-1"
			}
			all[number(c, step)] = nickname(0, c, fmt.Sprint("crm-", step+1), base)
			if b.photo && step == 1 {
				all[number(c, step)] = picture(0, c, c)
			}
		}
	}
	return all
}

// calm makes calls take a while, so that what waits gathers.
func (s *site) calm(more ...peoplesim.Fault) {
	s.t.Helper()
	latency := peoplesim.Fault{Kind: peoplesim.Latency, Rate: 1, Delay: peoplesim.Duration(10 * time.Millisecond)}
	s.people.put(s.t, "PUT", "/faults", peoplesim.Faults{Seed: 1, List: append(more, latency)})
}

// values is the nicknames that were written to each contact through calls, one after the other.
func (s *site) values() map[string][]string {
	s.t.Helper()
	all := map[string][]string{}
	for _, w := range lines[peoplesim.Write](s.t, s.people, "/audit") {
		if found := markers.FindString(string(w.Values)); w.Method != peoplesim.ByHand && strings.HasPrefix(found, "crm-") {
			all[w.ResourceName] = append(all[w.ResourceName], found)
		}
	}
	return all
}

func TestSoakOnceABurstLeavesNoLetter(t *testing.T) {
	for name, b := range map[string]burst{"plain": {contacts: 300}, "photo": {contacts: 300, photo: true}, "base": {contacts: 300, base: true}} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			s.seed(1, b.contacts, "seed-0")
			s.calm()
			s.publish(b.messages())
			w := s.worker()
			w.until(3*b.contacts, time.Minute, settled)
			s.untilEmpty(w)
			n, letters := w.logged(applied), len(s.deadLetters())
			t.Logf("%d applied in %v, %d letters, the contacts hold %v; %d calls that write", n, w.span(t), letters, s.nicknames(), s.writes())
			t.Log(lines[peoplesim.Stats](t, s.people, "/stats")[0].Calls)
			if n != 3*b.contacts || letters > 0 || !maps.Equal(s.nicknames(), map[string]int{"crm-3": b.contacts}) {
				t.Error("want all applied, no letter, and the third everywhere")
			}
		})
	}
}

func TestSoakOnceAKilledWorker(t *testing.T) {
	for name, b := range map[string]burst{
		"base": {contacts: 300, base: true}, "base and photo": {contacts: 300, base: true, photo: true}, "bare": {contacts: 300},
		"bare, in steps": {contacts: 300, inSteps: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			s.seed(1, b.contacts, "seed-0")
			if s.calm(); b.inSteps {
				s.calm(slow) // so that the first of all are acknowledged before the second of all are made
			}
			s.publish(b.messages())
			first := s.worker()
			first.until(3*b.contacts/2, time.Minute, settled)
			first.kill()
			awaited[peoplesim.Stats](t, s.people, "/await?pending=0")
			before, finished := s.values(), 0
			for _, values := range before {
				if values[len(values)-1] == "crm-3" {
					finished++
				}
			}
			s.untilEmpty(s.worker())
			parked := map[string]bool{}
			for _, l := range s.deadLetters() {
				change, err := messages.Decode(messages.Message{OrderingKey: l.Original.OrderingKey, Attributes: l.Original.Attributes, Data: l.Original.Data}, messages.Limits{})
				must(t, err)
				contact := change.Contacts()[0]
				if parked[contact] = true; len(before[contact]) == 0 {
					t.Errorf("a letter of %s, which the first worker had not written", contact)
				}
			}
			t.Logf("the first worker had written %d contacts, %d to the end; %d have letters; the contacts hold %v", len(before), finished, len(parked), s.nicknames())
			if len(before) == 0 || finished == b.contacts || len(parked) == 0 && b.inSteps {
				t.Error("none is written, all are to the end, or none has a letter: the test shows little")
			}
			if b.base && len(parked) > 0 {
				t.Errorf("%d contacts have letters", len(parked))
			}
			for contact, values := range s.values() {
				if !slices.IsSorted(values) || !parked[contact] && values[len(values)-1] != "crm-3" {
					t.Errorf("%s was written with %v", contact, values)
				}
			}
			if n := len(s.values()); n != b.contacts {
				t.Errorf("%d contacts were written, want all", n)
			}
		})
	}
}

func TestSoakHandsOffAHundredEdits(t *testing.T) {
	const n = 100
	for _, test := range []struct {
		name, field, base string
		letters           int
	}{
		{"another field, base", "occupations", "seed-0", 0},
		{"the same field, base", "nicknames", "seed-0", n},
		{"another field, bare", "occupations", "", n},
		{"the same field, bare", "nicknames", "", n},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.seed(1, n, "seed-0")
			s.calm()
			var all []messages.Message
			for c := range n {
				s.byHand(0, c, test.field, fmt.Sprint("hand-", c))
				all = append(all, nickname(0, c, "crm-1", test.base))
			}
			s.publish(all)
			w := s.worker()
			w.until(n, time.Minute, settled)
			letters := s.deadLetters()
			merged := w.logged(with(`"verdict":"applied"`, `"fields":"nicknames"`))
			t.Logf("%d merged, %d letters", merged, len(letters))
			if len(letters) != test.letters || merged != n-test.letters {
				t.Errorf("%d letters and %d merged, want %d letters", len(letters), merged, test.letters)
			}
			for contact, c := range s.contacts() {
				hand := string(c.Values)
				if !strings.Contains(hand, `"hand-`) || strings.Contains(hand, "crm-1") != (test.letters == 0) {
					t.Errorf("%v holds %s", contact, hand)
				}
			}
			for _, l := range letters {
				if l.Reason != "etag_conflict" || !slices.Equal(l.Fields, []string{"nicknames"}) || l.CurrentEtag == "" {
					t.Errorf("a letter %s on %v with etag %q", l.Reason, l.Fields, l.CurrentEtag)
				}
			}
		})
	}
}

func TestSoakOnceLostAnswersLeaveNoLetter(t *testing.T) {
	b := burst{contacts: 300}
	s := newSite(t)
	s.seed(1, b.contacts, "seed-0")
	s.calm(peoplesim.Fault{Kind: peoplesim.AnswerLost, Rate: 0.2})
	s.publish(b.messages())
	w := s.worker("--batch-min=300", "--batch-late=0") // as many calls as can be
	w.until(3*b.contacts, 5*time.Minute, settled)
	s.untilEmpty(w)
	lost := int64(0)
	for _, codes := range lines[peoplesim.Stats](t, s.people, "/stats")[0].Calls {
		lost += codes["lost"]
	}
	t.Logf("%d answers lost, %d applied, %d already applied, %d letters", lost, w.logged(applied), w.logged(already), len(s.deadLetters()))
	if n := len(s.deadLetters()); n > 0 || lost < 50 {
		t.Errorf("%d letters with %d answers lost", n, lost)
	}
	for contact, values := range s.values() {
		if !slices.Equal(values, []string{"crm-1", "crm-2", "crm-3"}) {
			t.Errorf("%s was written with %v", contact, values)
		}
	}
}

// countReads puts itself between worker and People API, and counts the reads of each contact.
func (s *site) countReads() (most func() int) {
	service := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: s.people.Listen})
	var mu sync.Mutex
	reads := map[string]int{}
	between := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			names := r.URL.Query()["resourceNames"]
			if len(names) == 0 {
				names = []string{strings.TrimPrefix(r.URL.Path, "/v1/")}
			}
			mu.Lock()
			for _, name := range names {
				reads[name]++
			}
			mu.Unlock()
		}
		service.ServeHTTP(w, r)
	}))
	s.t.Cleanup(between.Close)
	s.people.Listen = between.Listener.Addr().String()
	return func() int {
		mu.Lock()
		defer mu.Unlock()
		return slices.Max(append(slices.Collect(maps.Values(reads)), 0))
	}
}

func TestSoakOnceReadsThatStayStaleForTwoSecondsLeaveNoLetter(t *testing.T) {
	stale := peoplesim.Fault{Kind: peoplesim.StaleRead, Rate: 1, Delay: peoplesim.Duration(2 * time.Second), Versions: 2}
	lost := peoplesim.Fault{Kind: peoplesim.AnswerLost, Rate: 0.2, Methods: []string{peoplesim.UpdateContact, peoplesim.BatchUpdateContacts}}
	for name, test := range map[string]struct {
		burst
		moved  bool // the etags have just moved
		faults []peoplesim.Fault
		reads  int // of a contact, at most; six for each change where answers are lost besides
	}{
		"burst":                          {burst{contacts: 100}, false, []peoplesim.Fault{stale}, 6},
		"lost answers":                   {burst{contacts: 100}, false, []peoplesim.Fault{stale, lost}, 6 * 3},
		"the etags have just moved":      {burst{contacts: 100, base: true}, true, []peoplesim.Fault{stale}, 6},
		"moved, and lost answers":        {burst{contacts: 100, base: true}, true, []peoplesim.Fault{stale, lost}, 6 * 3},
		"photos between, and all of the": {burst{contacts: 100, base: true, photo: true}, true, []peoplesim.Fault{stale, lost}, 6 * 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.seed(1, test.contacts, "seed-0")
			s.calm(test.faults...)
			most := s.countReads()
			all := test.messages()
			if test.moved {
				for c := range test.contacts {
					s.people.put(t, "POST", "/hand-edit", peoplesim.Edit{User: peoplesim.UserName(0), ResourceName: peoplesim.ContactName(0, c)})
				}
			}
			s.publish(all)
			w := s.worker()
			w.until(len(all), 3*time.Minute, settled)
			t.Logf("%d reads of the contact that was read most, %d letters, the contacts hold %v", most(), len(s.deadLetters()), s.nicknames())
			if n := len(s.deadLetters()); n > 0 || s.nicknames()["crm-3"] != test.contacts {
				t.Errorf("%d letters, %v", n, s.nicknames())
			}
			if most() > test.reads {
				t.Errorf("%d reads of one contact", most())
			}
		})
	}
}
