package worker

import (
	"testing"
	"time"

	"github.com/contactrelay/contactrelay/internal/peoplesim"
)

// TestNothingWaitsForTheLateEffectOfABatchThatWasAnswered has contacts fail in a batch call that succeeds as a whole. What
// follows need not wait for a write that may still take effect.
func TestNothingWaitsForTheLateEffectOfABatchThatWasAnswered(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.config.BatchMin = 3
		w.seed(ann, 4)
		w.fail(latency(10*time.Millisecond), peoplesim.Fault{Kind: peoplesim.ContactStatus, Rate: 1, Code: 10, Calls: 3})
		w.publish(ann, overwrite("people/c4", "first"))
		for i := range 3 {
			w.publish(ann, overwrite(contactName(i+1), "first"))
		}
		for i := range 3 {
			w.publish(ann, overwrite(contactName(i+1), "second"))
		}
		w.start()
		time.Sleep(3 * time.Second)
		w.check(map[string]int{"applied": 7})
		if w.people.Stats().Calls["people.batchUpdateContacts"] == nil {
			t.Error("there was no batch call")
		}
	})
}
