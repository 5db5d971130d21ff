package worker

import "time"

// lateFrom is the number of contacts from which a batch pays for the minute quotas: it costs 6 units whatever its
// size, a single call costs one.
const lateFrom = 6

// group names the messages that can go in one call with this one; empty: none can. It is what ordering.Config.Group
// asks, again after each call.
func (w *Worker) group(h *held) string {
	open := h.open()
	if h.verdict.outcome != "" || len(open) == 0 {
		return ""
	}
	for _, p := range open {
		if p.single() {
			return ""
		}
	}
	return open[0].group()
}

// touches is the contacts that a message changes. One that ends without a call touches none: it waits for nobody.
func (w *Worker) touches(h *held) []string {
	if h.fault != nil {
		return nil
	}
	return h.contacts()
}

// take says how many of the contacts that could go in one call do. A batch call costs 6 units of the minute quotas
// and, by the text, 200 of the daily one whatever its size. So a group goes as a batch when it has batch-min contacts,
// which with 100 is never more than twice the daily quota of single calls; or when it pays for the minute quotas and
// the oldest of it was published longer ago than batch-late: a lane that falls behind pays for speed. Otherwise the
// oldest goes by itself; nothing waits for company.
func (w *Worker) take(oldest *held, contacts int, now time.Time) int {
	c := w.config
	late := c.BatchLate > 0 && contacts >= lateFrom && now.Sub(oldest.publish) >= c.BatchLate
	if contacts >= c.BatchMin || late {
		return min(contacts, c.BatchMax)
	}
	return 1
}
