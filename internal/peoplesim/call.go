package peoplesim

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"sort"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// call is one request on its way through the service.
type call struct {
	method   *method
	token    string
	user     string
	resource string // from the path
	query    url.Values
	body     []byte
	socket   bool // it came over one

	selector selector // of the answer, nil for all of it

	op      operation // nil if the request was refused
	refusal *problem  // of the request itself, or of a quota

	came    time.Time // before it was read: the latency counts from here
	number  int64
	arrived time.Time
	fate    fate
	flight  *flight // of a mutate
}

// operation is what a request asks for.
type operation interface {
	// contacts gives the resource names that it is about.
	contacts() []string
	// perform does it; the lock is held. It gives what writes the answer, which needs no lock.
	perform(s *Sim, c *call, now time.Time) (render func([]byte) []byte, p *problem)
}

// contacts gives the resource names that a call is about, as far as they are known.
func (c *call) contacts() []string {
	switch {
	case c.op != nil:
		return c.op.contacts()
	case c.resource != "":
		return []string{c.resource}
	}
	return nil
}

// serve takes a request from its arrival to its answer. It blocks for the latency, or until the client gives up.
func (s *Sim) serve(r *http.Request, socket bool) reply {
	came := time.Now()
	c := s.route(r)
	if c == nil {
		s.count(unknownMethod, strconv.Itoa(http.StatusNotFound))
		return problemReply(pageError(http.StatusNotFound), false)
	}
	c.socket, c.came = socket, came
	if p := s.authenticate(c); p != nil {
		s.count(c.method.name, strconv.Itoa(p.http))
		return problemReply(p, false)
	}
	if err := s.readBody(c, r); err != nil {
		s.count(c.method.name, string(abandoned))
		return reply{cut: abandoned, err: err}
	}
	c.op, c.refusal = s.parse(c, r)
	s.arrive(c)
	answer := s.run(r.Context(), c)
	s.leave(c, answer)
	return answer
}

// arrive notes the call and settles its fate.
func (s *Sim) arrive(c *call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.arrived = time.Now()
	s.settle(c.arrived)
	s.sequence++
	c.number = s.sequence
	u := s.user(c.user)
	u.calls++
	c.fate = s.faults.draw(c, u.calls, len(u.flights) > 0, c.arrived)
	if c.method.mutates {
		c.flight = u.depart(c.arrived)
	}
	if !c.fate.refused() {
		if p := s.meter.charge(s.faults.Quota, u, c.method.cost(), c.arrived); p != nil {
			c.op, c.refusal = nil, p
		}
	}
}

// run answers a call once its latency is over.
func (s *Sim) run(ctx context.Context, c *call) reply {
	if !sleep(ctx, time.Until(c.came.Add(c.fate.delay))) {
		s.abandon(c, c.fate.delay) // the service does not notice that the client is gone
		return reply{cut: abandoned}
	}
	v := c.fate.verdict
	if v != nil && v.Kind == Hang {
		s.abandon(c, c.fate.delay+time.Duration(v.Delay))
		<-ctx.Done()
		return reply{cut: abandoned}
	}
	var answer reply
	if c.fate.writes() {
		answer = s.perform(c)
	}
	switch {
	case v == nil:
		return answer
	case v.Kind == Reset:
		return reply{cut: reset}
	case v.Kind == AnswerLost:
		return reply{cut: lost}
	}
	p := v.problem(c.method)
	p.retryAfter = time.Duration(v.RetryAfter)
	return problemReply(p, c.fate.legacy).pretty(c)
}

// sleep reports whether the time passed before the client gave up.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// perform does what the call asks for, now.
func (s *Sim) perform(c *call) reply {
	if c.op == nil {
		return problemReply(c.refusal, c.fate.legacy).pretty(c)
	}
	render, p := s.performLocked(c)
	if p != nil {
		return problemReply(p, c.fate.legacy).pretty(c)
	}
	return reply{status: http.StatusOK, body: render(nil)}.selected(c).pretty(c)
}

func (s *Sim) performLocked(c *call) (func([]byte) []byte, *problem) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.settle(now)
	return c.op.perform(s, c, now)
}

// abandon lets a mutate whose client is gone, or will be, take effect when its time comes.
func (s *Sim) abandon(c *call, after time.Duration) {
	if !c.method.mutates || c.op == nil || !c.fate.writes() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	due := c.came.Add(after)
	i := sort.Search(len(s.pending), func(i int) bool { return s.pending[i].due.After(due) })
	s.pending = slices.Insert(s.pending, i, pendingWrite{due, c})
}

// leave notes the answer. It comes before the client can see it, so that the client's next call is never taken for one
// that overlaps.
func (s *Sim) leave(c *call, answer reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.flight != nil {
		var grace time.Duration
		if c.socket && answer.cut == abandoned {
			grace = abandonGrace
		}
		s.user(c.user).land(c.flight, grace, time.Now())
	}
	s.tally.add(c.method.name, answer.code(), 1)
}

// pretty indents the body unless the request asked for it not to be.
func (a reply) pretty(c *call) reply {
	if a.html || c.query.Get("prettyPrint") == "false" {
		return a
	}
	v := jsontext.Value(a.body)
	if err := v.Indent(jsontext.WithIndent("  ")); err != nil {
		return a // it is JSON that the simulator made itself
	}
	a.body = append(v, '\n')
	return a
}
