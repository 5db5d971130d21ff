package worker

import (
	"bytes"
	"io"
	"net/http"
	"regexp"
	"testing"
	"time"

	"github.com/contactrelay/contactrelay/internal/peoplesim"
	"github.com/contactrelay/contactrelay/messages"
)

func TestAReadIsStaleByItsEtagOrByTheTimeOfItsChange(t *testing.T) {
	h := &history{}
	h.wrote(etag{"%1", true}, sight{"2", at(2)}) // "1" is what that replaced, and nobody knows
	h.saw(sight{"4", at(4)})
	h.saw(sight{"3", at(3)}) // a read that lags behind
	h.refused(ofSource("5"))
	for _, test := range []struct {
		read sight
		want bool
	}{
		{sight{"1", at(1)}, true},
		{sight{"2", at(2)}, true},
		{sight{"3", at(3)}, true},
		{sight{"4", at(4)}, false},
		{sight{"4", at(1)}, false}, // the etag says more than a time that is told otherwise
		{sight{"5", at(9)}, true},
		{sight{"6", at(4)}, false},
		{sight{"6", at(6)}, false},
		{sight{"6", time.Time{}}, false},
		{sight{}, false},
	} {
		if got := h.stale(test.read); got != test.want {
			t.Errorf("stale(%v) = %v, want %v", test.read, got, test.want)
		}
	}
	h.wrote(ofSource("6"), sight{etag: "7"})
	if !h.stale(sight{"1", at(1)}) {
		t.Error("an answer without a time lets what was seen before it be forgotten")
	}
}

// TestWhateverACallShowsIsSeen has a call show the contact after somebody's edit, and then a change want what was there before
// that, which a read that lags behind shows.
func TestWhateverACallShowsIsSeen(t *testing.T) {
	typed := edit{contact: one, set: texts{"names": "typed"}}
	for name, test := range map[string]struct {
		first  messages.Message
		fails  []peoplesim.Fault
		ends   Outcome
		behind int
	}{
		"a read":                        {typed.patch(), nil, AlreadyApplied, 1},
		"a read before a batch":         {together(typed, edit{contact: contactName(2), set: typed.set}), nil, Applied, 1},
		"a read after all attempts":     {typed.patch(), []peoplesim.Fault{failing(peoplesim.Get)}, AlreadyApplied, 1},
		"the answer to a photo":         {picture(one), nil, Applied, 2},
		"the answer to a guarded write": {edit{contact: one, set: texts{"nicknames": "CRM"}, version: 2}.patch(), nil, Applied, 2},
	} {
		t.Run(name, func(t *testing.T) {
			courierWorld(t, func(t *testing.T, w *world, c *courier) {
				time.Sleep(time.Second)
				w.hand(one, typed.set)
				w.fail(append(test.fails, latency(10*time.Millisecond))...)
				c.bring("1", at(1), test.first)
				w.ended(test.ends)
				w.fail(readBehind(test.behind))
				c.bring("2", at(2), named("Seed", 0).patch())
				w.ended(test.ends, Applied)
				w.holds(one, texts{"names": "Seed"})
			})
		})
	}
}

// TestAReadOfBeforeAWriteOnThePersonsEtagIsStale has a change want what the contact held before the one ahead of it. A read
// that lags behind shows that, and an etag that this worker never met: the producer knows that of the person alone.
func TestAReadOfBeforeAWriteOnThePersonsEtagIsStale(t *testing.T) {
	back := edit{contact: one, set: texts{"names": "Seed"}}
	for kind, m := range map[string]messages.Message{"patch": back.patch(), "batch": together(back)} {
		t.Run(kind, func(t *testing.T) {
			courierWorld(t, func(t *testing.T, w *world, c *courier) {
				c.bring("1", at(1), namedOnThePersonsEtag(t, w, "CRM"))
				w.ended(Applied)
				w.fail(readBehind(1))
				c.bring("2", at(2), m)
				time.Sleep(10 * time.Second)
				w.ended(Applied, Applied)
				w.holds(one, texts{"names": "Seed"})
			})
		})
	}
}

// TestTimesOfChangesThatRunBackwardsHoldUpNoChangeForEver has the service tell an earlier time of a contact's last change than
// it told before, with an etag that is new. At first that looks like a read that lags behind. What fails then has all its
// attempts before it.
func TestTimesOfChangesThatRunBackwardsHoldUpNoChangeForEver(t *testing.T) {
	backwardsWorld(t, func(w *world) {
		w.hand(one, texts{"names": "typed"})
		w.fail(peoplesim.Fault{Kind: peoplesim.Unavailable, Rate: 1, Calls: 1, Methods: []string{peoplesim.UpdateContact}})
		w.publish(ann, edit{contact: one, set: texts{"names": "second"}}.patch())
		w.drain(10 * time.Minute)
		w.check(map[string]int{"applied": 2})
		w.holds(one, texts{"names": "second"})
	})
}

// TestWhatAWriteIsAnsweredWithIsTheNewestWhateverItsTime has the times run backwards at a write of this worker: its answer
// lags behind nothing, and a read that shows the same needs no wait.
func TestWhatAWriteIsAnsweredWithIsTheNewestWhateverItsTime(t *testing.T) {
	backwardsWorld(t, func(w *world) {
		w.publish(ann, named("second", 2).patch(), named("third", 0).patch())
		w.drain(10 * time.Second)
		w.check(map[string]int{"applied": 3})
		w.holds(one, texts{"names": "third"})
	})
}

// TestReadsThatAreBothBehindAndContradictEachOtherEndAsALetter has the service tell two etags by turns, and refuse both.
func TestReadsThatAreBothBehindAndContradictEachOtherEndAsALetter(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.contacts(1, seeded)
		w.hand(one, texts{"names": "typed"})
		service := &turningService{next: w.people}
		w.transport = service
		w.publish(ann, named("CRM", 0).patch())
		w.start()
		w.drain(time.Hour)
		w.check(map[string]int{"retries_exhausted": 1})
	})
}

// TestAnEtagThatWasRefusedAndIsReadForEverEndsAsALetter has the service contradict itself for good: no time makes up for that.
func TestAnEtagThatWasRefusedAndIsReadForEverEndsAsALetter(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.contacts(1, seeded)
		w.hand(one, texts{"nicknames": "typed"})
		w.fail(peoplesim.Fault{
			Kind: peoplesim.StaleRead, Rate: 1, Delay: peoplesim.Duration(24 * time.Hour), Versions: 1, Methods: []string{peoplesim.Get},
		})
		w.publish(ann, named("CRM", 1).patch())
		w.start()
		w.drain(20 * time.Minute)
		w.check(map[string]int{"retries_exhausted": 1})
	})
}

// backwardsWorld is a world where one change was made, and from then on times of changes run backwards.
func backwardsWorld(t *testing.T, story func(w *world)) {
	bubble(t, func(t *testing.T, w *world) {
		w.contacts(1, seeded)
		service := &backwardsService{next: w.people}
		w.transport = service
		w.publish(ann, named("first", 1).patch())
		w.start()
		w.drain(time.Minute)
		service.backwards = true
		story(w)
	})
}

// backwardsService tells that every contact was changed long ago, from some time on.
type backwardsService struct {
	next      http.RoundTripper
	backwards bool
}

var updateTime = regexp.MustCompile(`("updateTime": *)"[^"]*"`)

func (s *backwardsService) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := s.next.RoundTrip(r)
	if err != nil || !s.backwards {
		return answer, err
	}
	return rewritten(answer, func(body []byte) []byte {
		return updateTime.ReplaceAll(body, []byte(`$1"1999-01-01T00:00:00Z"`))
	})
}

// rewritten is an answer with another body.
func rewritten(answer *http.Response, with func(body []byte) []byte) (*http.Response, error) {
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, err
	}
	body = with(body)
	answer.Body, answer.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	answer.Header.Del("Content-Length")
	return answer, nil
}

// turningService shows in its reads two contacts by turns, each with an etag that it refuses.
type turningService struct {
	next  http.RoundTripper
	reads int
}

func (s *turningService) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := s.next.RoundTrip(r)
	if err != nil || r.Method != http.MethodGet {
		return answer, err
	}
	s.reads++
	n := byte('1' + s.reads%2)
	return rewritten(answer, func(body []byte) []byte {
		body = updateTime.ReplaceAll(body, []byte(`$1"1999-01-01T00:00:0`+string(n)+`Z"`))
		return sourceEtags.ReplaceAll(body, []byte(`$1"#wrong`+string(n)+`"`))
	})
}

var sourceEtags = regexp.MustCompile(`("etag": *)"#[^"]*"`)
