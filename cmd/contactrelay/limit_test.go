package main

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/contactrelay/contactrelay/internal/peoplesim"
	"github.com/contactrelay/contactrelay/internal/pubsubsim"
	"github.com/contactrelay/contactrelay/messages"
)

// These tests are the rows of the README's table of limits: what a restart or a second worker can cause, and that it is
// no more than that.

func TestLimitWithoutBaseARestartMakesLettersOfLaterChangesToContactsAlreadyWritten(t *testing.T) {
	t.Parallel()
	const n = 20
	for base, want := range map[string]int{"crm-1": 0, "": n} {
		t.Run("base "+base, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.seed(1, n, "seed-0")
			var first, second []messages.Message
			for c := range n {
				first = append(first, nickname(0, c, "crm-1", ""))
				second = append(second, nickname(0, c, "crm-2", base))
			}
			w := s.worker()
			s.publish(first)
			w.until(n, time.Minute, applied)
			s.untilEmpty(w)
			w.kill()
			s.publish(second)
			s.untilEmpty(s.worker())
			if got := len(s.deadLetters()); got != want {
				t.Errorf("%d letters, want %d", got, want)
			}
			if got := s.nicknames(); got["crm-1"] != want || got["crm-2"] != n-want {
				t.Errorf("the contacts hold %v", got)
			}
		})
	}
}

func TestLimitWithoutBaseASecondWorkerMakesLetters(t *testing.T) {
	t.Parallel()
	const users, rounds = 20, 3
	for _, based := range []bool{true, false} {
		t.Run(fmt.Sprint("base ", based), func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.seed(users, 1, "crm-0")
			w, _ := s.worker(), s.worker()
			for round := range rounds {
				var all []messages.Message
				for u := range users {
					base := ""
					if based {
						base = fmt.Sprint("crm-", round)
					}
					all = append(all, nickname(u, 0, fmt.Sprint("crm-", round+1), base))
				}
				s.publish(all)
				s.untilEmpty(w)
			}
			letters, last := len(s.deadLetters()), s.nicknames()[fmt.Sprint("crm-", rounds)]
			t.Logf("%d letters of %d changes", letters, users*rounds)
			if based && (letters > 0 || last != users) || !based && letters == 0 {
				t.Errorf("%d letters, and %d of %d contacts hold the last change", letters, last, users)
			}
		})
	}
}

func TestLimitAfterARestartAnOlderPhotoComesBackForAMoment(t *testing.T) {
	first, second := photoName(1), photoName(2)
	forEachPair(t, map[string]string{
		"photo":  strings.Join([]string{first, second, first, second}, " ") + ", 0 letters",
		"latest": "crm-1 crm-2, 0 letters",
		"base":   "crm-1 crm-2, 0 letters",
		"etag":   "crm-1 crm-2, 0 letters",
	}, func(s *site, pair []messages.Message) {
		s.acks(false)
		w := s.worker()
		s.publish(pair)
		w.until(2, time.Minute, applied)
		s.restart(w)
	})
}

func TestLimitAPhotoThatTheServiceFinishesLateStays(t *testing.T) {
	forEachPair(t, map[string]string{
		"photo":  strings.Join([]string{photoName(1), photoName(2), photoName(1)}, " ") + ", 0 letters",
		"latest": "crm-1 crm-2, 0 letters",
	}, func(s *site, pair []messages.Message) {
		s.people.put(s.t, "PUT", "/faults", peoplesim.Faults{List: []peoplesim.Fault{{
			Kind: peoplesim.Latency, Rate: 1, Calls: 1, Delay: peoplesim.Duration(2 * time.Second),
			Methods: []string{peoplesim.UpdateContact, peoplesim.UpdateContactPhoto},
		}}})
		w := s.worker()
		s.publish(pair)
		s.untilOutstanding(2)
		awaited[peoplesim.Stats](s.t, s.people, "/await?maxOverlap=1") // a write is on its way
		s.restart(w)
		awaited[peoplesim.Stats](s.t, s.people, "/await?pending=0")
	})
}

func TestLimitAnEventPublishedAgainAfterARestart(t *testing.T) {
	forEachPair(t, map[string]string{
		"photo":  strings.Join([]string{photoName(1), photoName(2), photoName(1)}, " ") + ", 0 letters",
		"latest": "crm-1 crm-2 crm-1, 0 letters",
		"base":   "crm-1 crm-2, 1 letters",
		"etag":   "crm-1 crm-2, 1 letters",
	}, func(s *site, pair []messages.Message) {
		event := pair[0]
		event.Attributes = map[string]string{"ce-id": "1", "ce-source": "//crm.example.com", "ce-type": event.Attributes["ce-type"]}
		w := s.worker()
		s.publish([]messages.Message{event, pair[1]})
		w.until(2, time.Minute, applied)
		s.untilEmpty(w)
		s.publish([]messages.Message{event})
		w.until(1, time.Minute, duplicate)
		w.kill()
		s.publish([]messages.Message{event})
		s.untilEmpty(s.worker())
	})
}

func TestLimitAHandEditBeforeTheAcknowledgementOfAChangeThatWasMade(t *testing.T) {
	forEachPair(t, map[string]string{
		"latest": "crm-1 hand-1 crm-1, 0 letters",
		"base":   "crm-1 hand-1, 1 letters",
		"etag":   "crm-1 hand-1, 1 letters",
	}, func(s *site, pair []messages.Message) {
		s.acks(false)
		w := s.worker()
		s.publish(pair[:1])
		w.until(1, time.Minute, applied)
		s.byHand(0, 0, "nicknames", "hand-1")
		s.restart(w)
	})
}

func TestLimitAfterARestartALetterComesTwiceUnderOneID(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.seed(1, 1, "seed-0")
	s.acks(false)
	s.byHand(0, 0, "nicknames", "hand-1")
	w := s.worker()
	s.publish(pairs["base"][:1])
	w.until(1, time.Minute, deadLettered)
	s.restart(w)
	if l := s.deadLetters(); len(l) != 2 || l[0].ID != l[1].ID {
		t.Errorf("%d letters, want 2 with one ID", len(l))
	}
}

// A worker is stopped while it holds the first change, for longer than its leases; another one is given the key and makes
// both. When the first goes on nothing tells it of the second change, and it never comes.
func TestLimitOfTwoWorkersTheOneThatWasStoppedGoesOnWithWhatTheOtherMade(t *testing.T) {
	first, second := photoName(1), photoName(2)
	forEachPair(t, map[string]string{
		"photo":  strings.Join([]string{first, second, first}, " ") + ", 0 letters",
		"latest": "crm-1 crm-2 crm-1, 0 letters",
		"base":   "crm-1 crm-2, 1 letters",
		"etag":   "crm-1 crm-2, 1 letters",
	}, func(s *site, pair []messages.Message) {
		s.people.put(s.t, "PUT", "/faults", peoplesim.Faults{List: []peoplesim.Fault{
			{Kind: peoplesim.Unavailable, Rate: 1, RetryAfter: peoplesim.Duration(2 * time.Second)},
		}})
		w := s.worker("--log-level=debug")
		s.publish(pair[:1])
		w.until(1, time.Minute, with(`"message":"waiting"`, "unavailable"))
		must(s.t, w.command.Process.Signal(syscall.SIGSTOP))
		s.people.put(s.t, "PUT", "/faults", peoplesim.Faults{})
		s.pubsub.put(s.t, "PUT", "/faults", pubsubsim.Faults{CutStreamEvery: 1})
		s.await("streams=0")
		s.acks(true)
		s.publish(pair[1:])
		s.untilEmpty(s.worker())
		must(s.t, w.command.Process.Signal(syscall.SIGCONT))
		w.until(1, time.Minute, with(`"message":"settled"`))
	})
}

// The service takes an acknowledgement and forgets it, and meanwhile the worker was killed: the next one is given the
// newer change first, and the older one behind it. That it is older is in doubt then: it becomes a letter, and so does
// the newer one if nothing tells what it came after. The newer value is never lost.
func TestLimitAnAcknowledgementThatTheServiceForgets(t *testing.T) {
	forEachPair(t, map[string]string{
		"photo":  strings.Join([]string{photoName(1), photoName(2)}, " ") + ", 1 letters",
		"latest": "crm-1 crm-2, 1 letters",
		"base":   "crm-1 crm-2, 1 letters",
		"etag":   "crm-1, 1 letters",
	}, func(s *site, pair []messages.Message) {
		w := s.worker()
		s.pubsub.put(s.t, "PUT", "/faults", pubsubsim.Faults{LostAck: 1})
		s.publish(pair[:1])
		w.until(1, time.Minute, applied)
		s.await("lost_acks=1")
		w.kill()
		s.acks(true)
		s.people.put(s.t, "PUT", "/faults", peoplesim.Faults{List: []peoplesim.Fault{
			{Kind: peoplesim.Unavailable, Rate: 1, RetryAfter: peoplesim.Duration(time.Second)},
		}})
		next := s.worker("--call-timeout=1s")
		s.publish(pair[1:])
		s.untilOutstanding(1)
		s.expire(false)
		s.untilOutstanding(2)
		s.people.put(s.t, "PUT", "/faults", peoplesim.Faults{})
		next.until(2, time.Minute, func(line string) bool { return with(`"message":"settled"`)(line) && !duplicate(line) })
		for st := s.stats(); st.Backlog > 0; st = s.await("backlog=0", fmt.Sprint("dropped_acks=", st.DroppedAcks+1)) {
			s.expire(true) // the older one's acknowledgement went before the newer one's: it comes again
		}
	})
}
