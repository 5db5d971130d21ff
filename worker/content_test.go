package worker

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/contactrelay/contactrelay/messages"
)

// TestAMessageThatWaitsHoldsItsBodyAlone brings each type of message: decoded, it would take many times the room.
func TestAMessageThatWaitsHoldsItsBodyAlone(t *testing.T) {
	r, noon := newRow(), time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)
	r.worker.config.MaxPhotoBytes = 1 << 20
	contacts := []edit{{contact: "people/c1", set: texts{"names": "one"}}, {contact: "people/c2", set: texts{"names": "two"}, base: texts{"names": "old"}}}
	for _, m := range []messages.Message{named("patch", 1).patch(), together(contacts...), picture("people/c1")} {
		m.OrderingKey = ann
		h, _ := r.worker.hold(delivery{id: m.Attributes[messages.AttrType], publish: noon, message: m, answer: unanswered{}})
		want, err := messages.Decode(m, messages.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if h.fault != nil || slices.ContainsFunc(h.parts, func(p *part) bool { return p.content != nil }) {
			t.Errorf("%s: its content waits with it, or %v", h.kind, h.fault)
		}
		for i, p := range h.parts {
			if got, want := p.said(), contentsOf(want)[i]; !reflect.DeepEqual(got.person, want.person) || !reflect.DeepEqual(got.base, want.base) || got.photo != want.photo {
				t.Errorf("%s: read again, %s is %+v, want %+v", h.kind, p.resource, got, want)
			}
		}
	}
}
