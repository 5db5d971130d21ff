package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/contactrelay/contactrelay/worker"
)

func TestMetricsTellWhatTheWorkerCounted(t *testing.T) {
	handler, err := newMetrics(func() worker.Tally {
		return worker.Tally{
			Settled: map[worker.Ending]int{
				{Type: "patch", Outcome: worker.Applied}:                               7,
				{Type: "photo", Outcome: worker.DeadLettered, Reason: "etag_conflict"}: 2,
			},
			Calls: map[worker.Call]int{
				{Type: "patch", Method: "people.get", Code: "200"}: 3, {Type: "photo", Method: "people.get", Code: "200"}: 4,
			},
			Conflicts: map[string]int{"merged": 5}, Inversions: 1, OrderViolations: 0,
			Paused: "outage", Pauses: map[string]int{"outage": 2, "fuse": 1},
		}
	})
	must(t, err)
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for _, line := range []string{
		`contactrelay_messages_total{outcome="applied",reason="",type="patch"} 7`,
		`contactrelay_messages_total{outcome="dead_lettered",reason="etag_conflict",type="photo"} 2`,
		`contactrelay_people_calls_total{code="200",method="people.get"} 7`,
		`contactrelay_conflicts_total{resolution="merged"} 5`,
		`contactrelay_inversions_total 1`,
		`contactrelay_order_violations_total 0`,
		`contactrelay_paused{cause="outage"} 1`,
		`contactrelay_paused{cause="fuse"} 0`,
	} {
		if !strings.Contains(answer.Body.String(), "\n"+line+"\n") {
			t.Errorf("%q is missing in\n%s", line, answer.Body)
		}
	}
}
