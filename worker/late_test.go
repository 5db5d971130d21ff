package worker

import (
	"log/slog"
	"testing"
	"time"

	"github.com/contactrelay/contactrelay/internal/people"
	"github.com/contactrelay/contactrelay/internal/peoplesim"
	"github.com/contactrelay/contactrelay/ordering"
)

// TestAChangeThatWasReturnedStillWaitsForItsLateCall has no answer come to a change, which is returned to the queue and comes
// again. A newer one explains then what the contact holds: as long as the call may still write over that, the older one is
// not superseded, or nothing would put right what the call does.
func TestAChangeThatWasReturnedStillWaitsForItsLateCall(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		client, err := people.New(t.Context(), people.Config{Endpoint: "http://people.test", Transport: w.people, Token: people.EmulatorToken})
		must(t, err)
		w.worker = New(w.config, nil, brokerTopic{w.broker}, client, slog.New(slog.NewTextHandler(w.log, nil)))
		w.contacts(1, seeded)
		w.hand(one, texts{"nicknames": "typed"})
		w.fail(peoplesim.Fault{Kind: peoplesim.Unavailable, Rate: 1, Skip: 1, Calls: 1, Methods: []string{peoplesim.UpdateContact}})
		var behind []*held
		waiting := func(_, _ string, each func(*held) bool) {
			for _, h := range behind {
				each(h)
			}
		}
		c := &courier{}
		arrive := func(id string, second int, e edit) *held {
			m := e.patch()
			m.OrderingKey = ann
			h, _ := w.worker.hold(delivery{id: id, publish: at(second), message: m, answer: courierAnswer{c}})
			return h
		}
		handle := func(h *held) ordering.Fate { return w.worker.handle(t.Context(), []*held{h}, waiting)[0] }

		first := edit{contact: one, set: texts{"names": "first"}, base: seeded, version: 1}
		h := arrive("1", 1, first)
		handle(h)
		w.worker.giveBack(h)
		h = arrive("1", 1, first)
		behind = []*held{arrive("2", 2, edit{contact: one, set: seeded, version: 1})}
		if fate := handle(h); fate.Finished {
			t.Error("the change is superseded, though its call may yet be made")
		}
		time.Sleep(w.config.CallTimeout)
		if fate := handle(h); !fate.Finished {
			t.Errorf("the change waits on: %+v", fate)
		}
	})
}
