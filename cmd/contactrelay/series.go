package main

import (
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/contactrelay/contactrelay/worker"
)

// series are metrics as they are collected. Their names are the whole ones, so that they are the same wherever they go.
type series struct {
	since, now time.Time
	all        []metricdata.Metrics
}

// of adds all that a worker tells.
func (s *series) of(t worker.Tally) {
	s.messages(t)
	s.calls(t)
	s.counter("contactrelay_retries_total", "Tries of messages that have to be made again, by why.", byLabel("cause", t.Retries)...)
	s.counter("contactrelay_conflicts_total", "Refused or outdated etags, by what became of the change.", byLabel("resolution", t.Conflicts)...)
	s.counter("contactrelay_outcomes_total", "Events for the outcome topic, by what became of them.", byLabel("result", t.Outcomes)...)
	s.counter("contactrelay_inversions_total", "Messages whose publish time ran against the order of delivery.", amount(t.Inversions))
	s.counter("contactrelay_order_violations_total", "Changes that ended after a later one of their contact. Must stay 0.", amount(t.OrderViolations))
	s.gauge("contactrelay_held_messages", "Messages that are held.", amount(t.HeldMessages))
	s.gauge("contactrelay_held_bytes", "Bytes of messages that are held.", amount(t.HeldBytes))
	s.gauge("contactrelay_lanes", "Users with messages that are held, by state; closed: what comes is returned.",
		amount(t.Working, "state", "working"), amount(t.Waiting, "state", "waiting"), amount(t.Closed, "state", "closed"))
	var paused []point
	for _, cause := range worker.PauseCauses() {
		now := 0
		if cause == t.Paused {
			now = 1
		}
		paused = append(paused, amount(now, "cause", cause))
	}
	s.gauge("contactrelay_paused", "1 while nothing but probes is done, by why.", paused...)
}

// messages adds what became of the messages.
func (s *series) messages(t worker.Tally) {
	var points []point
	for e, n := range t.Settled {
		points = append(points, amount(n, "type", e.Type, "outcome", string(e.Outcome), "reason", string(e.Reason)))
	}
	s.counter("contactrelay_messages_total", "Deliveries that ended, by how.", points...)
	s.histogram("contactrelay_message_age_seconds", "Time from publishing to acknowledgement.", spread(t.Ages))
}

// calls adds what became of the calls, of whatever type of message.
func (s *series) calls(t worker.Tally) {
	counts := map[[2]string]int{}
	for c, n := range t.Calls {
		counts[[2]string{c.Method, codeLabel(c.Code)}] += n
	}
	var points []point
	for c, n := range counts {
		points = append(points, amount(n, "method", c[0], "code", c[1]))
	}
	s.counter("contactrelay_people_calls_total", "Calls of the People API.", points...)
	var took []spreadPoint
	for method, h := range t.Seconds {
		took = append(took, spread(h, "method", method))
	}
	s.histogram("contactrelay_people_call_seconds", "Time that a call of the People API took.", took...)
	s.histogram("contactrelay_batch_contacts", "Contacts in a batch call.", spread(t.Sizes))
}

// codeLabel is the code of a call as metrics show it: those that the service is known to answer, and the class of any
// other, so that a series cannot be made by whatever stands between us and it. What is neither 4xx nor 5xx and not 200
// is no answer of the service.
func codeLabel(code string) string {
	switch code {
	case "200", "400", "401", "403", "404", "429", "500", "503":
		return code
	}
	switch code[0] {
	case '4', '5':
		return code[:1] + "xx"
	}
	return "network"
}

// point is one series of a counter or a gauge, and spreadPoint of a histogram.
type (
	point       = metricdata.DataPoint[int64]
	spreadPoint = metricdata.HistogramDataPoint[float64]
)

// amount is a number with pairs of label and value.
func amount(n int, labels ...string) point {
	return point{Attributes: labelled(labels), Value: int64(n)}
}

// byLabel is numbers by the value of a label.
func byLabel(label string, counts map[string]int) (points []point) {
	for name, n := range counts {
		points = append(points, amount(n, label, name))
	}
	return points
}

// spread is a histogram with pairs of label and value.
func spread(h worker.Histogram, labels ...string) spreadPoint {
	p := spreadPoint{Attributes: labelled(labels), Bounds: h.Bounds, Sum: h.Sum}
	for _, n := range h.Counts {
		p.BucketCounts = append(p.BucketCounts, uint64(n))
		p.Count += uint64(n)
	}
	return p
}

func labelled(pairs []string) attribute.Set {
	var all []attribute.KeyValue
	for i := 0; i < len(pairs); i += 2 {
		all = append(all, attribute.String(pairs[i], pairs[i+1]))
	}
	return attribute.NewSet(all...)
}

func (s *series) counter(name, help string, points ...point) {
	for i := range points {
		points[i].StartTime, points[i].Time = s.since, s.now
	}
	s.add(name, help, len(points), metricdata.Sum[int64]{DataPoints: points, Temporality: metricdata.CumulativeTemporality, IsMonotonic: true})
}

func (s *series) gauge(name, help string, points ...point) {
	for i := range points {
		points[i].Time = s.now // it is of no time but this
	}
	s.add(name, help, len(points), metricdata.Gauge[int64]{DataPoints: points})
}

func (s *series) histogram(name, help string, points ...spreadPoint) {
	points = slices.DeleteFunc(points, func(p spreadPoint) bool { return p.Count == 0 }) // it has no bounds yet
	for i := range points {
		points[i].StartTime, points[i].Time = s.since, s.now
	}
	s.add(name, help, len(points), metricdata.Histogram[float64]{DataPoints: points, Temporality: metricdata.CumulativeTemporality})
}

// add adds a metric, unless it has no series.
func (s *series) add(name, help string, points int, data metricdata.Aggregation) {
	if points > 0 {
		s.all = append(s.all, metricdata.Metrics{Name: name, Description: help, Data: data})
	}
}
