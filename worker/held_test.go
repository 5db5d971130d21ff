package worker

import (
	"testing"
	"time"

	"github.com/contactrelay/contactrelay/messages"
)

func TestAMessageThatCannotBeDecodedIsOfTheTypeItNames(t *testing.T) {
	for named, want := range map[string]string{
		string(messages.Patch): "patch", string(messages.Photo): "photo", string(messages.Batch): "batch",
		"contactrelay.delete.v1": "unknown", "": "unknown", "patch": "unknown",
	} {
		bubble(t, func(t *testing.T, w *world) {
			w.publish(ann, messages.Message{Attributes: map[string]string{messages.AttrType: named}, Data: []byte("{")})
			w.start()
			time.Sleep(time.Second)
			w.mu.Lock()
			defer w.mu.Unlock()
			if len(w.settled) != 1 || w.settled[0].Type != want {
				t.Errorf("ce-type %q: settled %+v, want one of type %s", named, w.settled, want)
			}
		})
	}
}
