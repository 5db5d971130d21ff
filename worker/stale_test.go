package worker

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/contactrelay/contactrelay/internal/peoplesim"
	"github.com/contactrelay/contactrelay/messages"
)

// readCounter counts the reads of each contact on their way to the service.
type readCounter struct {
	next http.RoundTripper

	mu    sync.Mutex // guards reads
	reads map[string]int
}

func (c *readCounter) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodGet {
		names := r.URL.Query()["resourceNames"]
		if len(names) == 0 {
			names = []string{strings.TrimPrefix(r.URL.Path, "/v1/")}
		}
		c.mu.Lock()
		for _, name := range names {
			c.reads[name]++
		}
		c.mu.Unlock()
	}
	return c.next.RoundTrip(r)
}

// most is the number of reads of the contact that was read most.
func (c *readCounter) most() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Max(append(slices.Collect(maps.Values(c.reads)), 0))
}

func TestPromiseOnceReadsThatStayStaleForTwoSecondsLeaveNoLetter(t *testing.T) {
	stale := peoplesim.Fault{Kind: peoplesim.StaleRead, Rate: 1, Delay: peoplesim.Duration(2 * time.Second), Versions: 2}
	writes := []string{peoplesim.UpdateContact, peoplesim.BatchUpdateContacts}
	for _, test := range []struct {
		name    string
		changes int  // of each contact
		moved   bool // by nobody, just now; the changes carry base then
		faults  []peoplesim.Fault
		reads   int // of each contact at most
	}{
		{"the etag is that of before the first", 3, false, []peoplesim.Fault{stale}, 0},
		{"the etag has just moved", 1, true, []peoplesim.Fault{stale}, 6},
		{"answers are lost", 1, false, []peoplesim.Fault{stale, {Kind: peoplesim.AnswerLost, Rate: 1, Methods: writes, Calls: 5}}, 6},
		{"the etag has just moved, and the merge is followed by changes", 3, true, []peoplesim.Fault{stale}, 6},
	} {
		eachSize(t, func(t *testing.T, w *world) {
			counter := &readCounter{next: w.people, reads: map[string]int{}}
			w.transport = counter
			const n = 100
			w.contacts(n, seeded)
			time.Sleep(time.Minute)
			w.fail(test.faults...)
			for step := range test.changes {
				for i := range n {
					e := edit{contact: contactName(i + 1), set: texts{"names": steps[step+1]}, version: 1}
					if test.moved {
						e.base = texts{"names": steps[step]}
					}
					w.publish(ann, e.patch())
				}
			}
			for i := range n {
				if test.moved {
					must(t, w.people.Touch(ann, contactName(i+1)))
				}
			}
			w.start()
			w.drain(30 * time.Minute)
			if n := len(w.letters()); n > 0 {
				t.Errorf("%s: %d letters", test.name, n)
			}
			if most := counter.most(); most > test.reads {
				t.Errorf("%s: %d reads of one contact, want at most %d", test.name, most, test.reads)
			}
			w.forwards()
			for i := range n {
				w.holds(contactName(i+1), texts{"names": steps[test.changes]})
			}
		})
	}
}

// TestAReadThatStaysStaleForLongIsNoConflict has reads lag for three minutes: the change waits for longer than the waits
// for a stale read last, which then count as an attempt and never as a verdict.
func TestAReadThatStaysStaleForLongIsNoConflict(t *testing.T) {
	courierWorld(t, func(t *testing.T, w *world, c *courier) {
		w.fail(peoplesim.Fault{Kind: peoplesim.StaleRead, Rate: 1, Delay: peoplesim.Duration(3 * time.Minute)})
		time.Sleep(10 * time.Minute)
		w.hand(one, texts{"nicknames": "typed"})
		c.bring("1", at(1), edit{contact: one, set: texts{"names": "CRM"}, base: seeded, version: 1}.patch())
		time.Sleep(10 * time.Minute)
		w.ended(Applied)
		w.holds(one, texts{"names": "CRM", "nicknames": "typed"})
	})
}

// behind is a service whose reads show for so long what was there before the last write.
func behind(d time.Duration) peoplesim.Fault {
	return peoplesim.Fault{Kind: peoplesim.StaleRead, Rate: 1, Delay: peoplesim.Duration(d)}
}

// TestAStaleReadOfABatchProvesNothing has a batch want what the contact held before our last write, which a read that lags
// behind still shows.
func TestAStaleReadOfABatchProvesNothing(t *testing.T) {
	courierWorld(t, func(t *testing.T, w *world, c *courier) {
		c.bring("1", at(1), named("before", 0).patch())
		c.bring("2", at(2), named("between", 0).patch())
		w.ended(Applied, Applied)
		w.fail(latency(10*time.Millisecond), behind(10*time.Second))
		c.bring("3", at(3), together(named("before", 0), edit{contact: contactName(2), set: texts{"names": "before"}}))
		time.Sleep(30 * time.Second)
		w.ended(Applied, Applied, Applied)
		w.holds(one, texts{"names": "before"})
	})
}

// TestAStaleReadAfterAWriteThatWasFoundMadeProvesNothing loses the answer to a write: the etag that it replaced is past all
// the same.
func TestAStaleReadAfterAWriteThatWasFoundMadeProvesNothing(t *testing.T) {
	courierWorld(t, func(t *testing.T, w *world, c *courier) {
		w.fail(latency(10*time.Millisecond), peoplesim.Fault{
			Kind: peoplesim.AnswerLost, Rate: 1, Calls: 1, Methods: []string{peoplesim.UpdateContact},
		})
		c.bring("1", at(1), named("CRM", 0).patch())
		w.ended(AlreadyApplied)
		w.fail(latency(10*time.Millisecond), behind(35*time.Second))
		c.bring("2", at(2), named("Seed", 0).patch())
		time.Sleep(time.Minute) // it waits for the call timeout first
		w.ended(AlreadyApplied, Applied)
		w.holds(one, texts{"names": "Seed"})
	})
}

// TestAFieldThatAStaleReadShowsAsWantedIsStillWritten has a read of before somebody's edit say that one field of a change
// needs no write. The write of the other field is guarded by the etag of that read, and refused.
func TestAFieldThatAStaleReadShowsAsWantedIsStillWritten(t *testing.T) {
	for name, e := range map[string]edit{
		"with base":   {one, texts{"names": "New", "nicknames": ""}, texts{"names": "Seed", "nicknames": "Nick"}, 2},
		"with latest": {one, texts{"names": "New", "nicknames": ""}, nil, 0},
	} {
		for kind, m := range map[string]messages.Message{"patch": e.patch(), "batch": together(e)} {
			t.Run(name+", "+kind, func(t *testing.T) {
				bubble(t, func(t *testing.T, w *world) {
					w.contacts(1, seeded)
					w.hand(one, texts{"nicknames": "Nick"})
					w.hand(one, texts{"biographies": "typed"})
					w.fail(readBehind(2))
					w.publish(ann, m)
					w.start()
					time.Sleep(time.Minute)
					w.check(map[string]int{"applied": 1})
					w.holds(one, texts{"names": "New", "nicknames": "", "biographies": "typed"})
				})
			})
		}
	}
}

// TestAFieldThatAStaleReadShowsAsWantedGivesWayToANewerChange has both changes made before, and the newer one explain to the
// older what the fresh read shows.
func TestAFieldThatAStaleReadShowsAsWantedGivesWayToANewerChange(t *testing.T) {
	for name, both := range map[string][]edit{
		"with base": {
			{one, texts{"names": "New", "nicknames": ""}, texts{"names": "Seed", "nicknames": "Nick"}, 1},
			{one, texts{"nicknames": "Second"}, texts{"nicknames": ""}, 1},
		},
		"with latest": {{one, texts{"names": "New", "nicknames": ""}, nil, 0}, {one, texts{"nicknames": "Second"}, nil, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				w.contacts(1, texts{"names": "Seed", "nicknames": "Nick"})
				for _, step := range []texts{{"nicknames": ""}, {"names": "New"}, {"nicknames": "Second"}} {
					w.hand(one, step)
				}
				w.fail(latency(10*time.Millisecond), readBehind(2))
				w.publish(ann, both[0].patch(), both[1].patch())
				w.start()
				time.Sleep(time.Minute)
				w.check(map[string]int{"already_applied": 2})
				w.holds(one, texts{"names": "New", "nicknames": "Second"})
				if n := len(w.writes(one)); n != 0 {
					t.Errorf("%d writes, want none", n)
				}
			})
		})
	}
}

// TestTheLetterOfAnOvertakenReplayNamesTheFieldThatAStaleReadShowedAsWanted: that one was changed.
func TestTheLetterOfAnOvertakenReplayNamesTheFieldThatAStaleReadShowedAsWanted(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.contacts(1, seeded)
		published := time.Now()
		time.Sleep(time.Second)
		w.hand(one, texts{"names": "New", "nicknames": "typed"})
		w.fail(readBehind(1))
		w.publish(ann, replay(edit{contact: one, set: texts{"names": "New", "nicknames": ""}}.patch(), "1", published))
		w.start()
		time.Sleep(time.Minute)
		w.conflicts(1, "names", "nicknames")
	})
}

// readBehind shows in one read of a contact what it held so many versions ago.
func readBehind(versions int) peoplesim.Fault {
	return peoplesim.Fault{
		Kind: peoplesim.StaleRead, Rate: 1, Delay: peoplesim.Duration(time.Minute), Versions: versions, Calls: 1,
		Methods: []string{peoplesim.Get, peoplesim.BatchGet},
	}
}
