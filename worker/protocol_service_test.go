package worker

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/contactrelay/contactrelay/internal/people"
)

// cardfile is the People API as people-api.md has it, as far as section 6 of the design depends on it: writes guarded by
// either kind of etag, photos that nothing guards, reads that lag behind our own writes, answers that are lost, and
// writes that take effect after their caller gave up. It is the transport of the client of all workers of a run.
type cardfile struct {
	run    *protocol
	client *people.Client
	cards  []*card
	late   []lateWrite
}

// lateWrite is a write of which no answer came and that has not taken effect yet.
type lateWrite struct {
	due  time.Time
	desk *desk
	done func()
}

// lag is for how long after a write a read may show what was before it.
const lag = 2 * time.Second

var errCut = errors.New("the connection was cut")

// RoundTrip answers a call, unless something comes between.
func (s *cardfile) RoundTrip(r *http.Request) (*http.Response, error) {
	d := s.run.calling
	if d.dead {
		return nil, errCut
	}
	name, method, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/v1/"), ":")
	if name == "people" {
		return s.together(d, r)
	}
	c := s.cardOf(name)
	s.run.meanwhile(c, d)
	if r.Method == http.MethodGet {
		shown := s.lagging(c)
		s.run.oracle.told(d, c, shown)
		return s.answer(http.StatusOK, s.person(c, shown))
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	w := s.newWrite(d, c)
	w.photo = method == "updateContactPhoto"
	w.decode(body, r.URL.Query().Get("updatePersonFields"))
	return s.write(w)
}

// cardOf is the contact of a resource name.
func (s *cardfile) cardOf(name string) *card { return s.cards[int(name[len("people/c")]-'1')] }

// newWrite is a write of a contact in the call that runs.
func (s *cardfile) newWrite(d *desk, c *card) *cardWrite {
	h := d.handles(c)
	return &cardWrite{card: c, desk: d, crmEdit: s.run.editOf(h), replay: h.replay}
}

// write makes a write, or a part of the way to it.
func (s *cardfile) write(w *cardWrite) (*http.Response, error) {
	rng, c, d := s.run.rng, s.run.climate, w.desk
	switch {
	case w.crmEdit.sick:
		w.crmEdit.refused = true
		return s.refuse("INVALID_ARGUMENT", "Invalid value.")
	case rng.Float64() < c.crash/4:
		d.crash()
		s.run.unsure[w.crmEdit] = true
		if rng.IntN(2) == 0 {
			s.make(w)
		}
		return nil, errCut
	case rng.Float64() < c.lost:
		s.run.note("call of %v fails, nothing was written", w.crmEdit)
		return nil, errCut
	case rng.Float64() < c.lost:
		s.run.note("answer to %v is lost", w.crmEdit)
		s.run.unsure[w.crmEdit] = true
		s.make(w)
		return nil, errCut
	case rng.Float64() < c.late:
		s.run.note("call of %v fails, it may be made later", w.crmEdit)
		s.run.unsure[w.crmEdit] = true
		after := time.Duration(rng.Int64N(int64(protocolCallTimeout)))
		s.late = append(s.late, lateWrite{time.Now().Add(after), d, func() { w.late = true; s.make(w) }})
		return nil, errCut
	case !s.make(w):
		d.past[w.guard] = true
		return s.refuse("FAILED_PRECONDITION", "Request person.metadata.sources.etag is different than the current "+
			"person.metadata.sources.etag. Clear local cache and get the latest person.")
	}
	if !w.photo {
		d.past[w.guard] = true
		w.card.now().known = d
		return s.answer(http.StatusOK, s.person(w.card, w.card.current()))
	}
	return s.answer(http.StatusOK, fmt.Sprintf(`{"person":%s}`, s.person(w.card, w.card.current())))
}

// make lets a write take effect and reports whether its etag was the contact's.
func (s *cardfile) make(w *cardWrite) bool {
	c := w.card
	if !w.photo && w.guard != c.etag(c.current()) && w.guard != c.ofPerson(c.current()) {
		s.run.note("%s refused: %v has %s, is %s", c.name(), w.crmEdit, w.guard, c.etag(c.current()))
		return false
	}
	before := c.now().fields
	if !w.photo || s.run.climate.photosMove {
		c.move()
	}
	c.written = time.Now()
	for _, f := range w.fields {
		e := entry{value: w.values[f], by: w.crmEdit, desk: w.desk, late: w.late, replay: w.replay}
		s.run.oracle.written(c, f, before[f], e)
		c.put(f, e)
	}
	s.run.note("%s written by %v of %v: %v = %q, now %s", c.name(), w.desk, w.crmEdit, w.fields, w.values, c.etag(c.current()))
	return true
}

// overdue lets the writes take effect whose time has come.
func (s *cardfile) overdue() {
	now := time.Now()
	s.late = slices.DeleteFunc(s.late, func(l lateWrite) bool {
		if l.due.After(now) {
			return false
		}
		l.done()
		return true
	})
}

// forget keeps the writes of a worker that ends from taking effect.
func (s *cardfile) forget(d *desk) {
	s.late = slices.DeleteFunc(s.late, func(l lateWrite) bool { return l.desk == d })
}

// lagging is the version that a read shows: up to two of them before the contact's.
func (s *cardfile) lagging(c *card) int {
	back := 0
	if s.run.climate.lag && time.Since(c.written) < lag {
		back = s.run.rng.IntN(3)
	}
	return max(0, c.current()-back)
}

// person is a version of a contact as the service tells it.
func (s *cardfile) person(c *card, version int) string {
	v, d := c.versions[version], s.run.calling
	d.told[c] = max(d.told[c], version)
	var b strings.Builder
	fmt.Fprintf(&b, `{"resourceName":%q,"etag":%q,"metadata":{"sources":[{"type":"CONTACT","etag":%q,"updateTime":%q}]}`,
		c.name(), c.ofPerson(version), c.etag(version), v.at.UTC().Format(time.RFC3339Nano))
	for f, field := range protocolFields[:photoIndex] {
		if value := v.fields[f].value; value != "" {
			fmt.Fprintf(&b, `,%q:[{"value":%q}]`, field, value)
		}
	}
	s.run.note("%s told as of %s", c.name(), c.etag(version))
	return b.String() + "}"
}

func (s *cardfile) answer(status int, body string) (*http.Response, error) {
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)),
	}, nil
}

func (s *cardfile) refuse(status, text string) (*http.Response, error) {
	return s.answer(http.StatusBadRequest, fmt.Sprintf(`{"error":{"code":400,"status":%q,"message":%q}}`, status, text))
}

// cardWrite is a write as it was asked for.
type cardWrite struct {
	card    *card
	desk    *desk
	crmEdit *crmEdit
	photo   bool
	replay  bool
	late    bool // nobody waits for the answer any more
	guard   string
	fields  []int
	values  [len(protocolFields)]string
}

// decode reads the body and the mask of a write.
func (w *cardWrite) decode(body []byte, mask string) {
	if w.photo {
		w.fields = []int{photoIndex}
		w.values[photoIndex] = w.crmEdit.wanted[photoIndex]
		return
	}
	var person struct {
		Etag     string
		Metadata struct{ Sources []struct{ Etag string } }
	}
	var values map[string]json.RawMessage
	for _, err := range []error{json.Unmarshal(body, &person), json.Unmarshal(body, &values)} {
		if err != nil {
			panic(err)
		}
	}
	w.guard = person.Metadata.Sources[0].Etag + person.Etag // one of them is empty
	for f, field := range protocolFields {
		if !slices.Contains(strings.Split(mask, ","), field) {
			continue
		}
		w.fields = append(w.fields, f)
		_, value, _ := bytes.Cut(values[field], []byte(`"value":"`))
		value, _, _ = bytes.Cut(value, []byte(`"`))
		w.values[f] = string(value)
	}
}
