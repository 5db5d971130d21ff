package worker

import (
	"slices"
	"testing"
	"time"

	"github.com/contactrelay/contactrelay/internal/peoplesim"
)

// at is a publish time, in seconds after one that lies in the past of every bubble.
func at(second int) time.Time {
	return time.Date(1999, time.December, 31, 0, 0, second, 0, time.UTC)
}

func named(given string, version int64) edit {
	return edit{contact: one, set: texts{"names": given}, version: version}
}

func nicknamed(nickname string, version int64) edit {
	return edit{contact: one, set: texts{"nicknames": nickname}, version: version}
}

func TestTwoChangesOfOnePublishCallTakeEffectInTheirOrder(t *testing.T) {
	courierWorld(t, func(t *testing.T, w *world, c *courier) {
		c.bring("1", at(1), named("first", 1).patch())
		c.bring("2", at(1), named("second", 1).patch())
		w.ended(Applied, Applied)
		w.holds(one, texts{"names": "second"})
		w.resolved(map[string]int{"chain": 1})
	})
}

func TestTwoChangesOfOnePublishCallThatComeAgainAfterACrashAreNotMadeAgain(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.contacts(1, seeded)
		w.makeTwice(named("first", 1).patch(), named("second", 1).patch())
		w.check(map[string]int{"applied": 2, "superseded": 1, "already_applied": 1})
		w.holds(one, texts{"names": "second"})
		if n := len(w.writes(one)); n != 2 {
			t.Errorf("%d writes for two changes", n)
		}
	})
}

func TestAnOldChangeThatComesAgainAfterANewerOneOfTheSameFieldIsSuperseded(t *testing.T) {
	courierWorld(t, func(t *testing.T, w *world, c *courier) {
		old := named("old", 1).patch()
		c.bring("1", at(1), old)
		c.bring("2", at(2), named("new", 1).patch())
		w.ended(Applied, Applied)
		w.forget()
		calls := w.people.Stats().Calls
		c.bring("1", at(1), old)
		w.ended(Applied, Applied, Superseded)
		w.holds(one, texts{"names": "new"})
		if now := w.people.Stats().Calls; now["people.updateContact"]["200"] != calls["people.updateContact"]["200"] || len(now) != 1 {
			t.Errorf("calls %v, before %v: what is older than the order memory needs none", now, calls)
		}
	})
}

func TestAnOldChangeThatComesAfterANewerOneOfAnotherFieldIsApplied(t *testing.T) {
	courierWorld(t, func(t *testing.T, w *world, c *courier) {
		c.bring("2", at(2), nicknamed("new", 1).patch())
		w.ended(Applied)
		c.bring("1", at(1), named("old", 1).patch())
		w.ended(Applied, Applied)
		w.holds(one, texts{"names": "old", "nicknames": "new"})
	})
}

func TestOfAnOldChangeThatComesAfterANewerOneOfOneOfItsFieldsOnlyTheFreeFieldIsWritten(t *testing.T) {
	for name, old := range map[string]edit{
		"by its etag": {contact: one, set: texts{"names": "old", "nicknames": "old"}, version: 1},
		"latest":      {contact: one, set: texts{"names": "old", "nicknames": "old"}},
	} {
		courierWorld(t, func(t *testing.T, w *world, c *courier) {
			c.bring("2", at(2), nicknamed("new", 1).patch())
			w.ended(Applied)
			c.bring("1", at(1), old.patch())
			w.ended(Applied, Applied)
			w.holds(one, texts{"names": "old", "nicknames": "new"})
			writes := w.writes(one)
			if last := writes[len(writes)-1]; !slices.Equal(last.Fields, []string{"names"}) {
				t.Errorf("%s: the old change wrote %v, want the names alone", name, last.Fields)
			}
		})
	}
}

// TestAChangeOfTwoFieldsThatComesAgainAfterANewerOneOfOneOfThemAndACrashWritesNothing is the case that an order memory alone does
// not cover: the second worker has none, and what explains the contact stands behind the change in the lane.
func TestAChangeOfTwoFieldsThatComesAgainAfterANewerOneOfOneOfThemAndACrashWritesNothing(t *testing.T) {
	for _, base := range []texts{nil, {"names": "Seed"}} {
		bubble(t, func(t *testing.T, w *world) {
			w.contacts(1, seeded)
			old := edit{contact: one, set: texts{"names": "old", "nicknames": "old"}, base: base, version: 1}
			w.makeTwice(old.patch(), nicknamed("new", 1).patch())
			w.check(map[string]int{"applied": 2, "already_applied": 2})
			w.holds(one, texts{"names": "old", "nicknames": "new"})
			if n := len(w.writes(one)); n != 2 {
				t.Errorf("base %v: %d writes for two changes", base, n)
			}
		})
	}
}

// TestAConflictWaitsForTheChangeThatExplainsIt delivers the change that explains the contact a second after the one that
// it explains: a conflict waits for it once.
func TestAConflictWaitsForTheChangeThatExplainsIt(t *testing.T) {
	courierWorld(t, func(t *testing.T, w *world, c *courier) {
		w.hand(one, texts{"names": "second"}) // in truth by the worker that crashed
		c.bring("1", at(1), named("first", 1).patch())
		time.Sleep(time.Second)
		c.bring("2", at(2), named("second", 1).patch())
		w.ended(Superseded, AlreadyApplied)
		w.holds(one, texts{"names": "second"})
	})
}

func TestAReadThatIsTwoVersionsOldIsNotJudged(t *testing.T) {
	courierWorld(t, func(t *testing.T, w *world, c *courier) {
		c.bring("1", at(1), named("first", 1).patch())
		c.bring("2", at(2), named("second", 1).patch())
		w.ended(Applied, Applied)
		must(t, w.people.Touch(ann, one))
		w.fail(latency(10*time.Millisecond), peoplesim.Fault{
			Kind: peoplesim.StaleRead, Rate: 1, Versions: 2, Delay: peoplesim.Duration(5 * time.Second),
		})
		c.bring("3", at(3), named("third", 1).patch())
		time.Sleep(10 * time.Second)
		w.ended(Applied, Applied, Applied)
		w.holds(one, texts{"names": "third"})
		if got := w.worker.Tally().Conflicts; got["stale_read"] == 0 || got["merged"] != 1 || got["conflict"] > 0 {
			t.Errorf("conflicts %v, want stale reads and one merge", got)
		}
	})
}

// TestAReadThatIsOneHandEditBehindOverwritesNothing has the read show a version of which the worker knows nothing: the guard
// of the write that follows from it is what protects the person's second edit.
func TestAReadThatIsOneHandEditBehindOverwritesNothing(t *testing.T) {
	courierWorld(t, func(t *testing.T, w *world, c *courier) {
		w.hand(one, texts{"nicknames": "typed"})
		time.Sleep(10 * time.Second)
		w.hand(one, texts{"names": "typed"})
		w.fail(latency(10*time.Millisecond), peoplesim.Fault{
			Kind: peoplesim.StaleRead, Rate: 1, Delay: peoplesim.Duration(5 * time.Second),
		})
		c.bring("1", at(1), edit{contact: one, set: texts{"names": "CRM"}, base: texts{"names": "Seed"}, version: 1}.patch())
		time.Sleep(30 * time.Second)
		w.ended(DeadLettered)
		w.conflicts(1, "names")
		w.holds(one, texts{"names": "typed", "nicknames": "typed"})
	})
}

// TestABatchThatComesAgainBehindANewerChangeOfOneContactIsMadeForTheOthers: a worker that was started since holds a change
// of one contact when an older batch message comes again. What that wants of the other contacts is beyond doubt.
func TestABatchThatComesAgainBehindANewerChangeOfOneContactIsMadeForTheOthers(t *testing.T) {
	courierWorld(t, func(t *testing.T, w *world, c *courier) {
		w.fail(latency(10*time.Millisecond), peoplesim.Fault{Kind: peoplesim.Unavailable, Rate: 1, For: peoplesim.Duration(time.Second)})
		w.hand(contactName(2), texts{"names": "typed"}) // latest asks for it to be written over
		c.bring("2", at(2), named("new", 0).patch())
		c.bring("1", at(1), together(named("old", 0), edit{contact: contactName(2), set: texts{"names": "old"}}))
		time.Sleep(time.Minute)
		w.ended(Applied, DeadLettered)
		w.holds(one, texts{"names": "new"})
		w.holds(contactName(2), texts{"names": "old"})
		if letters := w.letters(); len(letters) != 1 || letters[0].Split != "1 of 2" {
			t.Errorf("letters %+v, want one about one contact of two", letters)
		}
	})
}

// TestAChangeInDoubtDoesNotOverwriteWhatCameAfterItBeforeTheWorker: between the publication of the change that comes again
// and of the one it stands behind the contact was changed, and that one is not made.
func TestAChangeInDoubtDoesNotOverwriteWhatCameAfterItBeforeTheWorker(t *testing.T) {
	courierWorld(t, func(t *testing.T, w *world, c *courier) {
		published := time.Now()
		time.Sleep(time.Second)
		w.hand(one, texts{"names": "typed"})
		time.Sleep(time.Second)
		w.fail(latency(10*time.Millisecond), peoplesim.Fault{Kind: peoplesim.Unavailable, Rate: 1, For: peoplesim.Duration(time.Second)})
		c.bring("2", time.Now(), nicknamed("new", 1).patch())
		c.bring("1", published, named("old", 0).patch())
		time.Sleep(time.Minute)
		w.ended(DeadLettered, DeadLettered)
		w.holds(one, texts{"names": "typed", "nicknames": ""})
	})
}
