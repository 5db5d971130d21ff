package main

import (
	"encoding/json"
	"slices"
	"testing"
	"time"
)

// crashTurn is a worker's time with a message, from its delivery to its verdict.
type crashTurn struct {
	worker   int
	from, to time.Time
	verdict  string
}

// turnsOf reads in the workers' logs what they had of which message.
func turnsOf(t *testing.T, workers []*process) map[string][]crashTurn {
	t.Helper()
	all := map[string][]crashTurn{}
	for i, w := range workers {
		printed, _ := w.since(0)
		for _, text := range printed {
			var line struct {
				Time      time.Time `json:"time"`
				MessageID string    `json:"message_id"`
				Verdict   string    `json:"verdict"`
				Duration  float64   `json:"duration"` // in seconds
			}
			if json.Unmarshal([]byte(text), &line) != nil || line.Verdict == "" {
				continue // no verdict, or cut off by the kill
			}
			from := line.Time.Add(-time.Duration(line.Duration * float64(time.Second)))
			all[line.MessageID] = append(all[line.MessageID], crashTurn{i, from, line.Time, line.Verdict})
		}
	}
	return all
}

// movedOn reports whether the key of a letter's message went to another worker while the one that wrote the letter held
// the message: the other settled it meanwhile, and made a newer change of a field that the letter names. The first is not
// told of that change, whatever it waits for: TestLimitOfTwoWorkersTheOneThatWasStoppedGoesOnWithWhatTheOtherMade.
func (a *crashAudit) movedOn(l crashLetter) bool {
	overtaken := func(contact string) bool {
		return slices.ContainsFunc(l.Fields, func(field string) bool {
			return slices.ContainsFunc(a.steps[spot{l.change.user, contact, field}], func(step crashStep) bool { return step.number > l.change.number })
		})
	}
	if slices.ContainsFunc(l.change.contacts, func(contact string) bool { return l.about(contact) && !overtaken(contact) }) {
		return false
	}
	turns := a.turns[l.Original.MessageID]
	lettered := slices.DeleteFunc(slices.Clone(turns), func(t crashTurn) bool { return t.verdict != "dead_lettered" })
	return len(lettered) > 0 && !slices.ContainsFunc(lettered, func(t crashTurn) bool {
		return !slices.ContainsFunc(turns, t.settledBy)
	})
}

// settledBy reports whether another worker settled the message, and not by a letter, within t.
func (t crashTurn) settledBy(o crashTurn) bool {
	settled := o.verdict != "dead_lettered" && o.verdict != "returned"
	return settled && o.worker != t.worker && o.to.After(t.from) && o.to.Before(t.to)
}
