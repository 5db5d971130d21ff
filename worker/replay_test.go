package worker

import (
	"testing"
	"time"

	"github.com/contactrelay/contactrelay/internal/peoplesim"
	"github.com/contactrelay/contactrelay/messages"
)

func TestALetterThatIsReplayedAfterANewerChangeIsSuperseded(t *testing.T) {
	for name, old := range map[string]edit{"by its etag": named("old", 7), "latest": named("old", 0)} {
		courierWorld(t, func(t *testing.T, w *world, c *courier) {
			c.bring("2", at(2), named("new", 1).patch())
			w.ended(Applied)
			c.bring("9", at(9), replay(old.patch(), "1", at(1)))
			w.ended(Applied, Superseded)
			w.holds(one, texts{"names": "new"})
			if n := len(w.writes(one)); n != 1 {
				t.Errorf("%s: %d writes, want that of the newer change alone", name, n)
			}
		})
	}
}

// TestALetterOfAnEqualPublishTimeIsReplayedInItsOldPlace: the original was first of its publish call, so the worker
// knows it by its number.
func TestALetterOfAnEqualPublishTimeIsReplayedInItsOldPlace(t *testing.T) {
	courierWorld(t, func(t *testing.T, w *world, c *courier) {
		first, second := named("first", 7), named("second", 1)
		c.bring("1", at(1), first.patch())
		c.bring("2", at(1), second.patch())
		w.ended(DeadLettered, Applied)
		first.version = 0 // the operator's repair
		c.bring("9", at(9), replay(first.patch(), "1", at(1)))
		w.ended(DeadLettered, Applied, Superseded)
		w.holds(one, texts{"names": "second"})
	})
	courierWorld(t, func(t *testing.T, w *world, c *courier) {
		first, second := named("first", 1), named("second", 7)
		c.bring("1", at(1), first.patch())
		w.ended(Applied)
		w.hand(one, texts{"names": "typed"})
		c.bring("2", at(1), second.patch())
		w.ended(Applied, DeadLettered)
		second.version = 0 // the operator has asked the person
		c.bring("9", at(9), replay(second.patch(), "2", at(1)))
		w.ended(Applied, DeadLettered, Applied)
		w.holds(one, texts{"names": "second"})
	})
}

func TestOfAReplayedLetterOnlyTheFieldsAreWrittenOfWhichNoNewerChangeWasMade(t *testing.T) {
	courierWorld(t, func(t *testing.T, w *world, c *courier) {
		c.bring("2", at(2), nicknamed("new", 1).patch())
		w.ended(Applied)
		old := edit{contact: one, set: texts{"names": "old", "nicknames": "old"}, version: 1}
		c.bring("9", at(9), replay(old.patch(), "1", at(1)))
		w.ended(Applied, Applied)
		w.holds(one, texts{"names": "old", "nicknames": "new"})
	})
}

// TestAnOlderReplayThatWaitsBehindAnUnappliedNewerChangeWithTheSameValueExplainsNothing: what the contact holds is what the replay
// wants, but the replay is the older of the two, so it does not make the change before it superseded.
func TestAnOlderReplayThatWaitsBehindAnUnappliedNewerChangeWithTheSameValueExplainsNothing(t *testing.T) {
	courierWorld(t, func(t *testing.T, w *world, c *courier) {
		must(t, w.people.Touch(ann, one))
		c.bring("2", at(2), edit{contact: one, set: texts{"names": "new"}, base: seeded, version: 1}.patch())
		c.bring("9", at(9), replay(named("Seed", 1).patch(), "1", at(1)))
		w.ended(Applied, Superseded)
		w.holds(one, texts{"names": "new"})
	})
}

func TestAReplayedChangeWithNothingToGuardItStaysALetterIfTheContactWasChangedSince(t *testing.T) {
	for name, m := range map[string]messages.Message{"latest": named("old", 0).patch(), "photo": picture(one)} {
		courierWorld(t, func(t *testing.T, w *world, c *courier) { // a worker that knows nothing of the contact
			time.Sleep(time.Minute)
			published := time.Now()
			time.Sleep(time.Minute)
			w.hand(one, texts{"names": "typed"})
			c.bring("9", time.Now(), replay(m, "1", published))
			w.ended(DeadLettered)
			letters := w.letters()
			if len(letters) != 1 || letters[0].CurrentEtag != peoplesim.SourceEtag(one, 2) || letters[0].Replays != 1 {
				t.Errorf("%s: letters %+v, want one with the current etag", name, letters)
			}
			w.holds(one, texts{"names": "typed"})
			if c, _ := w.people.Contact(ann, one); c.Photo != "" {
				t.Error("the photo was written")
			}
		})
	}
}

func TestAReplayedChangeWithNothingToGuardItIsMadeIfNothingHappenedSince(t *testing.T) {
	for _, m := range []messages.Message{named("old", 0).patch(), picture(one)} {
		courierWorld(t, func(t *testing.T, w *world, c *courier) {
			time.Sleep(time.Minute)
			c.bring("9", time.Now(), replay(m, "1", time.Now().Add(-time.Second)))
			w.ended(Applied)
		})
	}
}

func TestAReplayedPhotoIsSupersededByANewerOne(t *testing.T) {
	courierWorld(t, func(t *testing.T, w *world, c *courier) {
		c.bring("2", at(2), picture(one))
		w.ended(Applied)
		c.bring("9", at(9), replay(picture(one), "1", at(1)))
		w.ended(Applied, Superseded)
	})
}

func TestAReplayIsNoDuplicateOfItsOriginalButOneOfItself(t *testing.T) {
	courierWorld(t, func(t *testing.T, w *world, c *courier) {
		bad := named("CRM", 7)
		c.bring("1", at(1), bad.patch())
		w.ended(DeadLettered)
		calls := w.people.Stats().Calls["people.updateContact"]["400"]
		c.bring("1", at(1), bad.patch())
		w.ended(DeadLettered, Duplicate)
		if now := w.people.Stats().Calls["people.updateContact"]["400"]; now != calls || len(w.letters()) != 1 {
			t.Errorf("%d calls and %d letters: a letter that was written is remembered", now-calls, len(w.letters()))
		}
		bad.version = 1
		again := replay(bad.patch(), "1", at(1))
		c.bring("8", at(8), again)
		c.bring("9", at(9), again) // the operator's tool was interrupted and run again
		w.ended(DeadLettered, Duplicate, Applied, Duplicate)
		w.holds(one, texts{"names": "CRM"})
	})
}

// TestARepairedLetterIsMadeInTheFieldsThatItsOriginalFoundInPlace has a change of two fields find one of them in place, and become
// a letter because of the other. The operator changes both.
func TestARepairedLetterIsMadeInTheFieldsThatItsOriginalFoundInPlace(t *testing.T) {
	courierWorld(t, func(t *testing.T, w *world, c *courier) {
		must(t, w.people.Touch(ann, one))
		w.fail(latency(10*time.Millisecond), peoplesim.Fault{
			Kind: peoplesim.Forbidden, Rate: 1, Skip: 1, Calls: 1, Methods: []string{peoplesim.UpdateContact},
		})
		e := edit{contact: one, set: texts{"names": "Seed", "nicknames": "CRM"}, base: texts{}, version: 1}
		c.bring("1", at(1), e.patch())
		w.ended(DeadLettered)
		e.set["names"], e.version = "repaired", 2
		c.bring("9", at(9), replay(e.patch(), "1", at(1)))
		w.ended(DeadLettered, Applied)
		w.holds(one, texts{"names": "repaired", "nicknames": "CRM"})
	})
}

// TestAReplayedPhotoWaitsForAReadThatIsNotStale: one that lags behind does not tell that the contact was changed since.
func TestAReplayedPhotoWaitsForAReadThatIsNotStale(t *testing.T) {
	courierWorld(t, func(t *testing.T, w *world, c *courier) {
		c.bring("1", at(1), nicknamed("CRM", 1).patch())
		w.ended(Applied)
		published := time.Now()
		time.Sleep(time.Second)
		w.hand(one, texts{"names": "typed"})
		w.fail(readBehind(2))
		c.bring("9", published.Add(time.Minute), replay(picture(one), "2", published))
		w.ended(Applied, DeadLettered)
	})
}
