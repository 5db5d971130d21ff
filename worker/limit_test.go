package worker

import (
	"testing"
	"time"

	"github.com/contactrelay/contactrelay/internal/peoplesim"
)

// These are rows of the README's table of limits, as the tests of the same name in cmd/contactrelay are, that need times
// which only a bubble can set.

// The worker before made the first of two changes of one publish call and was killed; the service forgot that it was
// acknowledged. Nothing tells this worker that the one which it is given second was the first.
func TestLimitAnOlderChangeOfOnePublishCallComesAgainAfterTheNewer(t *testing.T) {
	courierWorld(t, func(t *testing.T, w *world, c *courier) {
		w.hand(one, texts{"names": "first"}) // in truth by the worker before
		c.bring("2", at(1), edit{contact: one, set: texts{"names": "second"}, base: texts{"names": "first"}, version: 1}.patch())
		w.ended(Applied)
		c.bring("1", at(1), edit{contact: one, set: texts{"names": "first"}, base: seeded, version: 1}.patch())
		w.ended(Applied, Applied)
		w.holds(one, texts{"names": "first"})
	})
}

func TestLimitAPublishTimeBeforeThatOfAChangeThatWasMade(t *testing.T) {
	courierWorld(t, func(t *testing.T, w *world, c *courier) {
		c.bring("1", at(2), named("first", 1).patch())
		w.ended(Applied)
		c.bring("2", at(1), named("second", 1).patch())
		w.ended(Applied, Superseded)
		w.holds(one, texts{"names": "first"})
	})
}

// The CRM has seen a person's edit and puts back what was there before. Its etag has moved meanwhile, and the read that
// follows is from before the edit.
func TestLimitAReadFromBeforeTheEtagThatAChangeCarries(t *testing.T) {
	courierWorld(t, func(t *testing.T, w *world, c *courier) {
		time.Sleep(time.Minute)
		w.hand(one, texts{"names": "typed"})
		must(t, w.people.Touch(ann, one))
		w.fail(peoplesim.Fault{Kind: peoplesim.StaleRead, Rate: 1, Versions: 2, Delay: peoplesim.Duration(5 * time.Second)})
		c.bring("1", time.Now(), edit{contact: one, set: seeded, base: texts{"names": "typed"}, version: 2}.patch())
		w.ended(AlreadyApplied)
		w.holds(one, texts{"names": "typed"})
	})
}
