package worker

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// protocolTogether is how calls for several contacts go.
type protocolTogether struct {
	of      float64 // the calls that could take several contacts, so many do
	partial bool    // of a call that fails, the good contacts are made
	naming  int     // who is at fault: 0 all, 1 the first alone, 2 nobody
}

// company is the messages that go in one call with one of those that can be handled, itself among them.
func (r *protocol) company(d *desk, all []*stand, with *stand) (some []*stand) {
	group := d.worker.group(with.held)
	if group == "" || !r.chance(r.climate.together.of) {
		return []*stand{with}
	}
	return slices.DeleteFunc(slices.Clone(all), func(s *stand) bool { return d.worker.group(s.held) != group })
}

// together answers a call for several contacts.
func (s *cardfile) together(d *desk, r *http.Request) (*http.Response, error) {
	s.run.meanwhile(s.cards[s.run.rng.IntN(len(s.cards))], d)
	if r.Method == http.MethodGet {
		var all []string
		for _, name := range r.URL.Query()["resourceNames"] {
			c := s.cardOf(name)
			shown := s.lagging(c)
			s.run.oracle.told(d, c, shown)
			all = append(all, fmt.Sprintf(`{"requestedResourceName":%q,"person":%s}`, name, s.person(c, shown)))
		}
		return s.answer(http.StatusOK, `{"responses":[`+strings.Join(all, ",")+`]}`)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	var request struct {
		Contacts   map[string]json.RawMessage
		UpdateMask string
	}
	if err := json.Unmarshal(body, &request); err != nil {
		panic(err)
	}
	var all []*cardWrite
	for _, name := range slices.Sorted(maps.Keys(request.Contacts)) {
		w := s.newWrite(d, s.cardOf(name))
		w.decode(request.Contacts[name], request.UpdateMask)
		all = append(all, w)
	}
	return s.writeAll(d, all)
}

// writeAll makes the writes of a call, or a part of the way to it.
func (s *cardfile) writeAll(d *desk, all []*cardWrite) (*http.Response, error) {
	rng, c := s.run.rng, s.run.climate
	unsure := func() {
		for _, w := range all {
			s.run.unsure[w.crmEdit] = true
		}
	}
	switch {
	case rng.Float64() < c.crash/4:
		d.crash()
		unsure()
		if rng.IntN(2) == 0 {
			s.makeAll(all)
		}
		return nil, errCut
	case rng.Float64() < c.lost:
		s.run.note("call for %d contacts fails, nothing was written", len(all))
		return nil, errCut
	case rng.Float64() < c.lost:
		s.run.note("answer for %d contacts is lost", len(all))
		unsure()
		s.makeAll(all)
		return nil, errCut
	case rng.Float64() < c.late:
		s.run.note("call for %d contacts fails, it may be made later", len(all))
		unsure()
		after := time.Duration(rng.Int64N(int64(protocolCallTimeout)))
		s.late = append(s.late, lateWrite{time.Now().Add(after), d, func() {
			for _, w := range all {
				w.late = true
			}
			s.makeAll(all)
		}})
		return nil, errCut
	}
	if bad := s.makeAll(all); len(bad) > 0 {
		unsure()
		return s.refuseSome(d, bad)
	}
	var results []string
	for _, w := range all {
		d.past[w.guard] = true
		w.card.now().known = d
		results = append(results, fmt.Sprintf(`%q:{"person":%s}`, w.card.name(), s.person(w.card, w.card.current())))
	}
	return s.answer(http.StatusOK, `{"updateResult":{`+strings.Join(results, ",")+`}}`)
}

// makeAll lets the writes of a call take effect, and returns those that cannot be made. If there are any, the others are made
// only if that is how the service is.
func (s *cardfile) makeAll(all []*cardWrite) (bad []*cardWrite) {
	var good []*cardWrite
	for _, w := range all {
		if current := w.card.current(); w.crmEdit.sick || w.guard != w.card.etag(current) && w.guard != w.card.ofPerson(current) {
			w.crmEdit.refused = w.crmEdit.refused || w.crmEdit.sick
			bad = append(bad, w)
			continue
		}
		good = append(good, w)
	}
	if len(bad) > 0 && !s.run.climate.together.partial {
		return bad
	}
	for _, w := range good {
		s.make(w)
	}
	return bad
}

// refuseSome answers a call that failed.
func (s *cardfile) refuseSome(d *desk, bad []*cardWrite) (*http.Response, error) {
	const differs = "Request person.metadata.sources.etag is different than the current person.metadata.sources.etag. " +
		"Clear local cache and get the latest person."
	named := bad
	switch s.run.climate.together.naming {
	case 1:
		named = bad[:1]
	case 2:
		named = nil
	}
	errors := map[string]any{}
	for _, w := range named {
		code, text := 9, differs
		if w.crmEdit.sick {
			code, text = 3, "Invalid value."
		} else {
			d.past[w.guard] = true
		}
		errors[w.card.name()] = map[string]any{"code": code, "message": text}
	}
	status, text := "FAILED_PRECONDITION", differs
	if bad[0].crmEdit.sick {
		status, text = "INVALID_ARGUMENT", "Invalid value."
	}
	failure := map[string]any{"code": http.StatusBadRequest, "status": status, "message": text}
	if len(errors) > 0 {
		failure["details"] = []any{map[string]any{
			"@type": "type.googleapis.com/google.people.v1.BatchUpdateContactsErrorDetails", "contactErrors": errors,
		}}
	}
	body, err := json.Marshal(map[string]any{"error": failure})
	if err != nil {
		panic(err)
	}
	s.run.note("refused: %d contacts, %d of them named", len(bad), len(named))
	return s.answer(http.StatusBadRequest, string(body))
}
