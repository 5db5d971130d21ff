package worker

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/contactrelay/contactrelay/deadletter"
	"github.com/contactrelay/contactrelay/internal/peoplesim"
	"github.com/contactrelay/contactrelay/messages"
)

// verifyLife sees that a worker that has ended kept its rules: budgets, one answer for each delivery, counts that add
// up, no violation that it saw itself, and mutates of a user one at a time. The last one holds over restarts, too: a call
// that a stop cuts off has ended for the simulator, though its write may still come.
func (r *modelRun) verifyLife(l *life) {
	r.t.Helper()
	for _, wrong := range l.ledger.wrong {
		r.t.Error(wrong)
	}
	if n := len(l.ledger.open); n > 0 {
		r.t.Errorf("%d messages were not answered", n)
	}
	tally, sum := l.worker.Tally(), 0
	for _, n := range tally.Settled {
		sum += n
	}
	if tally.Deliveries != sum || tally.Deliveries != l.ledger.deliveries {
		r.t.Errorf("%d deliveries, the worker counts %d, and %d settled: %v", l.ledger.deliveries, tally.Deliveries, sum, tally.Settled)
	}
	if tally.OrderViolations != 0 {
		r.t.Errorf("%d order violations", tally.OrderViolations)
	}
	if over := r.people.Stats().Overlapped; len(over) > 0 {
		r.t.Errorf("mutates overlapped: %v", over)
	}
}

// verify holds a run against the model.
func (r *modelRun) verify() {
	r.t.Helper()
	r.verifyContacts()
	r.verifyWrites()
	r.verifyOutcomes()
	r.verifyLetters()
	s := r.broker.Stats().Subscriptions[changes]
	if f := r.climate.pubsub; f.LostAck == 0 && f.AckFailure == 0 && f.Duplicate == 0 && s.DroppedAcks > 0 {
		r.t.Errorf("%d acks left out of order", s.DroppedAcks)
	}
}

// verifyContacts compares what the contacts hold in the end.
func (r *modelRun) verifyContacts() {
	r.t.Helper()
	for p, want := range r.feed.model.contacts {
		got, ok := r.people.Contact(p.user, p.name)
		if !ok {
			r.t.Errorf("%v is gone", p)
			continue
		}
		var fields map[string]any
		must(r.t, json.Unmarshal(got.Values, &fields))
		maps.DeleteFunc(fields, func(field string, _ any) bool { return !slices.Contains(modelFields, field) })
		if !reflect.DeepEqual(fields, want.fields) {
			r.t.Errorf("%v holds %v, want %v", p, fields, want.fields)
		}
		if got.Photo != want.photo {
			r.t.Errorf("%v has another photo", p)
		}
	}
}

// verifyWrites sees that the writes of each contact are in the order of their messages within a worker's life, that
// nothing was written that the model refuses, and nothing twice that an etag guards; where no answer was lost, that
// everything else was written once, too.
func (r *modelRun) verifyWrites() {
	r.t.Helper()
	photos := map[string]int{}
	for _, c := range r.feed.changes {
		if c.photo != nil && !c.want.duplicate {
			photos[sumOf(c.photo)] = c.number
		}
	}
	type once struct {
		place
		number int
	}
	newest, times := map[place]int{}, map[once]int{}
	nextLife := 1
	for _, w := range r.people.Audit(0) {
		for ; nextLife < len(r.lives) && w.Seq > r.lives[nextLife].writes; nextLife++ {
			clear(newest)
		}
		if w.User == pulseUser || w.Method == peoplesim.ByItself {
			continue
		}
		p, number := place{w.User, w.ResourceName}, photos[w.Hash]
		if w.Method != peoplesim.UpdateContactPhoto {
			number = numberIn(string(w.Values))
		}
		if number == 0 && strings.Trim(string(w.Values), clearing) == "" {
			continue // what is left of a change clears fields: by which change cannot be seen
		}
		if number == 0 {
			r.t.Errorf("%v was written with what no change asks for: %s", p, w.Values)
			continue
		}
		c := r.feed.changes[number-1]
		if number < newest[p] {
			r.t.Errorf("%v: change %d was written after change %d", p, number, newest[p])
		}
		newest[p] = number
		for reason, names := range c.want.letters {
			if slices.Contains(names, p.name) {
				r.t.Errorf("%v: change %d was written, want %s", p, number, reason)
			}
		}
		times[once{p, number}]++
		if n := times[once{p, number}]; n > 1 && (c.guarded() && !r.repeated(c) || r.sure()) {
			r.t.Errorf("%v: change %d was written %d times", p, number, n)
		}
	}
}

// clearing is what stands in the audit where nothing but empty lists was written, in JSON.
const clearing = "{}[]:,\"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

// repeated reports whether an event was published twice: if the first message of it is returned half done, the second is
// another change.
func (r *modelRun) repeated(c *change) bool {
	return c.event != "" && slices.ContainsFunc(r.feed.changes, func(other *change) bool { return other != c && other.event == c.event })
}

// sure reports whether the worker knew of each write that it was made: no answer was lost, it never gave a message back
// with what it knew, and what it read back had the order in which it was written: another order can be what a change
// wants.
func (r *modelRun) sure() bool {
	if !r.climate.sure || r.climate.people.Habits.ShuffledValues || len(r.lives) > 1 {
		return false
	}
	for ending := range r.lives[0].worker.Tally().Settled {
		if ending.Outcome == Returned {
			return false
		}
	}
	return true
}

// numberIn is the number of the change that wrote some values; 0 if there is none.
func numberIn(values string) int {
	for rest := values; ; {
		i := strings.IndexByte(rest, 'm')
		if i < 0 || i+6 > len(rest) {
			return 0
		}
		if n, err := strconv.Atoi(rest[i+1 : i+6]); err == nil {
			return n
		}
		rest = rest[i+1:]
	}
}

// verifyOutcomes compares what the messages ended as. One worker settles a message once; each that comes after a stop may
// do so again.
func (r *modelRun) verifyOutcomes() {
	r.t.Helper()
	ends := map[string][]Settlement{}
	for _, l := range r.lives {
		for id, list := range l.ledger.settled {
			n := len(ends[id])
			for _, s := range list {
				if s.Outcome != Duplicate {
					ends[id] = append(ends[id], s)
				}
			}
			if len(ends[id]) > n+1 {
				r.t.Errorf("one worker settled %s more than once: %+v", id, ends[id])
			}
		}
	}
	for _, c := range r.feed.changes {
		if got := ends[c.id]; (len(got) == 0) != c.want.duplicate {
			r.t.Errorf("change %d ended as %+v, want %+v", c.number, got, c.want)
		}
		// What a later worker says of a message that has ended already is only that: others may have followed it since.
		for _, s := range ends[c.id][:min(1, len(ends[c.id]))] {
			_, letter := c.want.letters[s.Reason]
			applied := s.Outcome == Applied || s.Outcome == AlreadyApplied || s.Outcome == Superseded
			if applied && len(c.want.letters) > 0 || !applied && !(s.Outcome == DeadLettered && letter) {
				r.t.Errorf("change %d ended as %s %s, want %+v", c.number, s.Outcome, s.Reason, c.want)
			}
		}
	}
}

// verifyLetters compares the dead letters: one for each reason with the contacts it holds for, and the message as it was.
func (r *modelRun) verifyLetters() {
	r.t.Helper()
	backlog, err := r.broker.Backlog(dead, 0)
	must(r.t, err)
	byID := map[string]map[deadletter.Reason]int{}
	changesByID := map[string]*change{}
	for _, c := range r.feed.changes {
		byID[c.id], changesByID[c.id] = map[deadletter.Reason]int{}, c
	}
	for _, m := range backlog {
		l, err := deadletter.Decode(deadletter.Message{Data: m.Data, Attributes: m.Attributes, OrderingKey: m.OrderingKey})
		must(r.t, err)
		c := changesByID[l.Original.MessageID]
		if c == nil {
			r.t.Errorf("a letter %s for %s, which is no change of the feed", l.Reason, l.Original.MessageID)
			continue
		}
		names := c.want.letters[l.Reason]
		if byID[c.id][l.Reason]++; byID[c.id][l.Reason] > 1 && len(r.lives) > 1 {
			names = r.stillWrong(c, names, l)
		}
		r.verifyLetter(c, l, names)
	}
	for _, c := range r.feed.changes {
		got := byID[c.id]
		if !slices.Equal(slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(c.want.letters))) {
			r.t.Errorf("change %d left letters %v, want %v", c.number, got, c.want.letters)
		}
		for reason, n := range got {
			if n > 1 && len(r.lives) == 1 && r.climate.pubsub.PublishUnconfirmed == 0 && r.climate.pubsub.PublishLost == 0 {
				r.t.Errorf("change %d left %d letters %s", c.number, n, reason)
			}
		}
	}
}

// stillWrong is the contacts of a letter that was left before, without those that a later worker found to be overtaken:
// a later change of the feed may be what they hold by then.
func (r *modelRun) stillWrong(c *change, names []string, l *deadletter.Letter) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		return !strings.Contains(string(l.Original.Data), `"`+name+`"`) && slices.ContainsFunc(r.feed.changes[c.number:], func(later *change) bool {
			return later.user == c.user && slices.ContainsFunc(later.wishes, func(w wish) bool { return w.contact == name })
		})
	})
}

// verifyLetter sees that a letter holds the message, or the right part of a batch message: these contacts.
func (r *modelRun) verifyLetter(c *change, l *deadletter.Letter, names []string) {
	r.t.Helper()
	if !maps.Equal(l.Original.Attributes, c.message.Attributes) || l.Original.OrderingKey != c.message.OrderingKey {
		r.t.Errorf("change %d: the letter has the attributes %v of %q", c.number, l.Original.Attributes, l.Original.OrderingKey)
	}
	if c.kind != messages.Batch || c.bad != "" || len(names) == len(c.wishes) {
		if string(l.Original.Data) != string(c.message.Data) || l.Split != "" {
			r.t.Errorf("change %d: the letter holds %s (%s), want %s", c.number, l.Original.Data, l.Split, c.message.Data)
		}
		return
	}
	var whole, part map[string]json.RawMessage
	var all, some map[string]json.RawMessage
	must(r.t, json.Unmarshal(c.message.Data, &whole))
	must(r.t, json.Unmarshal(l.Original.Data, &part))
	must(r.t, json.Unmarshal(whole["contacts"], &all))
	must(r.t, json.Unmarshal(part["contacts"], &some))
	maps.DeleteFunc(all, func(name string, _ json.RawMessage) bool { return !slices.Contains(names, name) })
	delete(whole, "contacts")
	delete(part, "contacts")
	if !reflect.DeepEqual(some, all) || !reflect.DeepEqual(part, whole) {
		r.t.Errorf("change %d: the letter %s holds %s, want %v of %s", c.number, l.Reason, l.Original.Data, names, c.message.Data)
	}
}
