package worker

import (
	"fmt"
	"testing"
	"time"

	"github.com/contactrelay/contactrelay/internal/peoplesim"
	"github.com/contactrelay/contactrelay/messages"
)

// TestTheEtagOfALongBurstStaysInTheChain has more changes of a contact carry one etag than a chain has room for. The last
// is of a field that this worker has not changed: the chain alone tells that nobody else has.
func TestTheEtagOfALongBurstStaysInTheChain(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.seed(ann, 1)
		for i := range 2 * maxEtags {
			w.publish(ann, rename("people/c1", fmt.Sprint("name ", i), 1))
		}
		w.publish(ann, message(messages.Patch, map[string]any{
			"person": map[string]any{
				"resourceName": "people/c1", "nicknames": []any{map[string]any{"value": "last"}},
				"metadata": map[string]any{"sources": []any{map[string]any{"type": "CONTACT", "etag": peoplesim.SourceEtag("people/c1", 1)}}},
			},
			"updatePersonFields": "nicknames",
		}))
		w.start()
		time.Sleep(time.Minute)
		w.check(map[string]int{"applied": 2*maxEtags + 1})
		if n := w.people.Stats().Calls["people.updateContact"]["400"]; n > 0 {
			t.Errorf("%d etags were refused", n)
		}
	})
}
