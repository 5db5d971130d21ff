package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/contactrelay/contactrelay/deadletter"
	"github.com/contactrelay/contactrelay/worker"
)

// metricNames are those of the design.
var metricNames = []string{
	"contactrelay_messages_total", "contactrelay_people_calls_total", "contactrelay_people_call_seconds",
	"contactrelay_batch_contacts", "contactrelay_message_age_seconds", "contactrelay_lanes", "contactrelay_held_messages",
	"contactrelay_held_bytes", "contactrelay_retries_total", "contactrelay_conflicts_total", "contactrelay_paused",
	"contactrelay_order_violations_total",
}

// scrape is what /metrics says of a tally.
func scrape(t *testing.T, tally worker.Tally) string {
	t.Helper()
	handler, err := newCounts(func() worker.Tally { return tally }).handler()
	must(t, err)
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return answer.Body.String()
}

func TestMetricsTellWhatTheWorkerCounted(t *testing.T) {
	text := scrape(t, worker.Tally{
		Settled: map[worker.Ending]int{
			{Type: "patch", Outcome: worker.Applied}:                               7,
			{Type: "photo", Outcome: worker.DeadLettered, Reason: "etag_conflict"}: 2,
		},
		Calls: map[worker.Call]int{
			{Type: "patch", Method: "people.get", Code: "200"}: 3, {Type: "photo", Method: "people.get", Code: "200"}: 4,
			{Type: "patch", Method: "people.get", Code: "418"}: 1, {Type: "photo", Method: "people.get", Code: "302"}: 1,
		},
		Seconds:   map[string]worker.Histogram{"people.get": {Bounds: []float64{0.1, 1}, Counts: []int{3, 4, 2}, Sum: 12.5}},
		Sizes:     worker.Histogram{Bounds: []float64{10}, Counts: []int{1, 2}, Sum: 300},
		Ages:      worker.Histogram{Bounds: []float64{60}, Counts: []int{4, 1}, Sum: 90.5},
		Conflicts: map[string]int{"merged": 5}, Retries: map[string]int{"network": 6}, Outcomes: map[string]int{"published": 8},
		Inversions: 1, Paused: "outage", HeldMessages: 9, HeldBytes: 10, Working: 11, Waiting: 12, Closed: 13,
	})
	for _, line := range []string{
		`contactrelay_messages_total{outcome="applied",reason="",type="patch"} 7`,
		`contactrelay_messages_total{outcome="dead_lettered",reason="etag_conflict",type="photo"} 2`,
		`contactrelay_people_calls_total{code="200",method="people.get"} 7`,
		`contactrelay_people_calls_total{code="4xx",method="people.get"} 1`,
		`contactrelay_people_calls_total{code="network",method="people.get"} 1`,
		`contactrelay_people_call_seconds_bucket{method="people.get",le="0.1"} 3`,
		`contactrelay_people_call_seconds_bucket{method="people.get",le="1"} 7`,
		`contactrelay_people_call_seconds_bucket{method="people.get",le="+Inf"} 9`,
		`contactrelay_people_call_seconds_sum{method="people.get"} 12.5`,
		`contactrelay_batch_contacts_bucket{le="10"} 1`,
		`contactrelay_batch_contacts_sum 300`,
		`contactrelay_batch_contacts_count 3`,
		`contactrelay_message_age_seconds_bucket{le="60"} 4`,
		`contactrelay_message_age_seconds_sum 90.5`,
		`contactrelay_conflicts_total{resolution="merged"} 5`,
		`contactrelay_retries_total{cause="network"} 6`,
		`contactrelay_outcomes_total{result="published"} 8`,
		`contactrelay_inversions_total 1`,
		`contactrelay_order_violations_total 0`,
		`contactrelay_held_messages 9`,
		`contactrelay_held_bytes 10`,
		`contactrelay_lanes{state="working"} 11`,
		`contactrelay_lanes{state="waiting"} 12`,
		`contactrelay_lanes{state="closed"} 13`,
		`contactrelay_paused{cause="outage"} 1`,
		`contactrelay_paused{cause="fuse"} 0`,
	} {
		if !strings.Contains(text, "\n"+line+"\n") {
			t.Errorf("%q is missing in\n%s", line, text)
		}
	}
}

// worstTally has counted everything that a worker can: the names of methods and resolutions are read in its source.
func worstTally(t *testing.T) worker.Tally {
	t.Helper()
	spread := func(bounds int) (h worker.Histogram) {
		h.Counts = slices.Repeat([]int{1}, bounds+1)
		for i := range bounds {
			h.Bounds = append(h.Bounds, float64(i))
		}
		return h
	}
	all := worker.Tally{
		Settled: map[worker.Ending]int{}, Calls: map[worker.Call]int{}, Seconds: map[string]worker.Histogram{},
		Retries: ones(worker.RetryCauses()), Conflicts: ones(inWorker(t, `resolved\("(\w+)"\)`)),
		Outcomes: ones(inWorker(t, `announced\("(\w+)"`)),
		Sizes:    spread(bounds(t, "sizeBounds")), Ages: spread(bounds(t, "ageBounds")),
	}
	for _, messageType := range []string{"patch", "photo", "batch", "unknown"} {
		for _, e := range endings(messageType) {
			all.Settled[e] = 1
		}
	}
	for _, method := range inWorker(t, `timed\(ctx, "([A-Za-z.]+)"`) {
		all.Seconds[method] = spread(bounds(t, "callBounds"))
		all.Calls[worker.Call{Method: method, Code: "network"}] = 1
		for status := 100; status < 600; status++ {
			all.Calls[worker.Call{Method: method, Code: strconv.Itoa(status)}] = 1
		}
	}
	return all
}

// endings are all ways in which messages of a type can end.
func endings(messageType string) (all []worker.Ending) {
	unknown := messageType == "unknown"
	for _, outcome := range worker.Outcomes() {
		switch {
		case outcome == worker.DeadLettered:
			for _, reason := range deadletter.Reasons() {
				// A type that is none of ours is found before all else; a panic of ours may come before that, and after.
				early := reason == deadletter.UnsupportedType || reason == deadletter.Malformed || reason == deadletter.RetriesExhausted
				if unknown && early || !unknown && reason != deadletter.UnsupportedType {
					all = append(all, worker.Ending{Type: messageType, Outcome: outcome, Reason: reason})
				}
			}
		case !unknown || outcome == worker.Returned || outcome == worker.Duplicate:
			all = append(all, worker.Ending{Type: messageType, Outcome: outcome})
		}
	}
	return all
}

// inWorker is what a pattern finds in the worker's source, each once.
func inWorker(t *testing.T, pattern string) (found []string) {
	t.Helper()
	files, err := filepath.Glob("../../worker/*.go")
	must(t, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		must(t, err)
		for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(string(text), -1) {
			if !strings.HasSuffix(file, "_test.go") && !slices.Contains(found, match[1]) {
				found = append(found, match[1])
			}
		}
	}
	if len(found) < 1 {
		t.Errorf("the worker's source has nothing like %s", pattern)
	}
	return found
}

// bounds is how many a histogram of the worker has.
func bounds(t *testing.T, name string) int {
	t.Helper()
	return strings.Count(inWorker(t, name+` += \[\]float64\{(.*?)\}`)[0], ",") + 1
}

func ones(names []string) map[string]int {
	counts := map[string]int{}
	for _, name := range names {
		counts[name] = 1
	}
	return counts
}

// seriesIn counts the series of ours in a scrape.
func seriesIn(text string) int {
	return len(regexp.MustCompile(`(?m)^contactrelay_`).FindAllString(text, -1))
}

func TestThereAreNeverMoreThan200Series(t *testing.T) {
	text := scrape(t, worstTally(t))
	n := seriesIn(text)
	if n > 200 || n < 180 { // fewer than that, and the tally is not the worst
		t.Errorf("%d series, want 200 at most:\n%s", n, text)
	}
	t.Logf("%d series", n)
	lint(t, text)
}

func TestTheREADMEListsEveryMetric(t *testing.T) {
	var exported, listed []string
	for _, match := range regexp.MustCompile(`(?m)^# TYPE (\w+) `).FindAllStringSubmatch(scrape(t, worstTally(t)), -1) {
		exported = append(exported, match[1])
	}
	for _, row := range regexp.MustCompile("(?m)^\\| `contactrelay_.*").FindAllString(readme(t), -1) {
		first, _, _ := strings.Cut(row[1:], "|")
		for _, match := range regexp.MustCompile("`(\\w+)`").FindAllStringSubmatch(first, -1) {
			listed = append(listed, match[1])
		}
	}
	slices.Sort(exported)
	slices.Sort(listed)
	if !slices.Equal(exported, listed) {
		t.Errorf("the README lists %q, the program has %q", listed, exported)
	}
}

// lint fails the test if a scrape is not as Prometheus wants it, or lacks a metric of the design.
func lint(t *testing.T, text string) {
	t.Helper()
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	must(t, err)
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	for _, name := range metricNames {
		if !strings.Contains(text, fmt.Sprintf("\n# TYPE %s ", name)) {
			t.Errorf("%s is missing", name)
		}
	}
}
