package worker

import (
	"testing"
	"time"

	"github.com/contactrelay/contactrelay/internal/peoplesim"
)

// TestAReadThatLagsBehindWhatTheProducerSawProvesNoChange has the calls of a change fail, and then a read show the contact as
// it was before the edit that the producer saw, which the change takes back.
func TestAReadThatLagsBehindWhatTheProducerSawProvesNoChange(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.contacts(1, seeded)
		w.hand(one, texts{"names": "typed"})
		w.fail(readBehind(1), failing(peoplesim.UpdateContact))
		time.Sleep(time.Second)
		w.publish(ann, named("Seed", 2).patch())
		w.start()
		w.drain(time.Minute)
		w.check(map[string]int{"retries_exhausted": 1})
		w.publish(ann, edit{contact: one, set: texts{"names": "CRM"}, base: texts{"names": "typed"}, version: 2}.patch())
		w.drain(time.Minute)
		w.check(map[string]int{"retries_exhausted": 1, "applied": 1})
		w.holds(one, texts{"names": "CRM"})
	})
}

// TestWhatTheContactHeldBeforeTheChangeWasPublishedIsMade has the reads fail that tell so, or the writes, until the attempts
// are used up. No etag that could be the contact's contradicts the last read.
func TestWhatTheContactHeldBeforeTheChangeWasPublishedIsMade(t *testing.T) {
	for name, test := range map[string]struct {
		version int64
		fails   string
	}{
		"latest":               {0, peoplesim.Get},
		"an etag that differs": {1, peoplesim.Get},
		"the contact's etag":   {2, peoplesim.UpdateContact},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				w.contacts(1, seeded)
				w.hand(one, texts{"nicknames": "typed"})
				w.fail(failing(test.fails))
				time.Sleep(time.Second)
				w.publish(ann, named("Seed", test.version).patch())
				w.start()
				w.drain(time.Minute)
				w.check(map[string]int{"already_applied": 1})
			})
		})
	}
}

// failing answers 500 to the calls of a method until the attempts of a change are used up.
func failing(method string) peoplesim.Fault {
	return peoplesim.Fault{Kind: peoplesim.Internal, Rate: 1, Calls: maxInternal, Methods: []string{method}}
}

// TestTheLastReadOfAChangeIsStaleAsAnyOther has a change want what the contact held before somebody's edit. The worker has
// seen that, and the read that follows when the attempts are used up lags behind it.
func TestTheLastReadOfAChangeIsStaleAsAnyOther(t *testing.T) {
	courierWorld(t, func(t *testing.T, w *world, c *courier) {
		time.Sleep(time.Second)
		w.hand(one, texts{"names": "typed"})
		last := readBehind(1)
		last.Skip = maxInternal
		w.fail(failing(peoplesim.UpdateContact), last)
		c.bring("1", at(1), named("Seed", 0).patch())
		w.ended(DeadLettered)
	})
}
