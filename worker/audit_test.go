package worker

import (
	"strings"
	"testing"
)

// TestTheAuditorFindsAChangeThatEndsAfterALaterOneOfItsContact lets changes end as a worker that is right never would.
func TestTheAuditorFindsAChangeThatEndsAfterALaterOneOfItsContact(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.start()
		ended := func(number int64, user, contact string, written, replay bool) {
			h := &held{id: "message", number: number, replay: replay}
			h.message.OrderingKey = user
			p := &part{message: h, resource: contact}
			p.found.written = written
			h.parts = []*part{p}
			w.worker.audit.finished(h, w.worker)
		}
		for i, step := range []struct {
			number          int64
			user, contact   string
			written, replay bool
			want            int // violations after it
		}{
			{3, ann, one, true, false, 0},
			{4, ann, one, true, false, 0},
			{2, ann, "people/c2", true, false, 0}, // of another contact
			{1, ben, one, true, false, 0},         // of another user
			{2, ann, one, false, false, 0},        // it wrote nothing
			{1, ann, one, true, true, 0},          // a replay is older than what was done since
			{2, ann, one, true, false, 1},
			{3, ann, one, true, false, 2}, // the fourth is still the last
			{5, ann, one, true, false, 2},
		} {
			ended(step.number, step.user, step.contact, step.written, step.replay)
			if got := w.worker.Tally().OrderViolations; got != step.want {
				t.Errorf("step %d: %d violations, want %d", i+1, got, step.want)
			}
		}
		if n := strings.Count(w.log.String(), `"level":"ERROR","msg":"order violation`); n != 2 {
			t.Errorf("%d error lines, want 2:\n%s", n, w.log)
		}
	})
}
