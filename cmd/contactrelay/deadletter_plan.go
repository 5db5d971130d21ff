package main

import (
	"fmt"
	"maps"
	"slices"

	"github.com/contactrelay/contactrelay/deadletter"
)

// replayPlan is what is to become of the letters that were chosen, in the order in which it happens.
type replayPlan struct {
	tasks []*task
	// spared are letters that are left as they are, by the reason for that.
	spared map[string][]string
}

// task is one letter that is replayed, discarded, or both: some contacts of it the one, some the other.
type task struct {
	entry  *deadletter.Entry // as it was found
	replay *deadletter.Entry // what is published; nil: it is only removed
	action string            // for the audit
	why    string
}

func (p *replayPlan) leave(id, why string) {
	if p.spared == nil {
		p.spared = map[string][]string{}
	}
	p.spared[why] = append(p.spared[why], id)
}

// entries is the letters of the tasks.
func (p *replayPlan) entries() []*deadletter.Entry {
	entries := make([]*deadletter.Entry, len(p.tasks))
	for i, t := range p.tasks {
		entries[i] = t.entry
	}
	return entries
}

// letters is how many letters were chosen, those included that are left.
func (p *replayPlan) letters() int {
	n := len(p.tasks)
	for _, ids := range p.spared {
		n += len(ids)
	}
	return n
}

// count is how many tasks have an action.
func (p *replayPlan) count(action string) (n int) {
	for _, t := range p.tasks {
		if t.action == action {
			n++
		}
	}
	return n
}

// question is what to ask before it is done.
func (p *replayPlan) question(topic string) string {
	text := fmt.Sprintf("Replay %s of %s to %s?", plural(len(p.tasks), "letter"), plural(usersOf(p.entries()), "user"), topic)
	if n := p.count("overwrite"); n > 0 {
		text += fmt.Sprintf(" %d of them will overwrite what the contacts hold.", n)
	}
	if n := p.count("discard"); n > 0 {
		text += fmt.Sprintf(" %d of them will be discarded.", n)
	}
	return text
}

// printSpared says which letters are left, and why.
func (p *replayPlan) printSpared(t terminal) {
	for _, why := range slices.Sorted(maps.Keys(p.spared)) {
		t.complain("left %d, %s", len(p.spared[why]), why)
	}
}

// settle decides about a letter that is in conflict with what its contacts hold: as it is to be done with conflicts.
func (t *task) settle(f *forecast, onConflict string) (err error) {
	var against []string
	for _, p := range f.contacts {
		if p.Effect == deadletter.Conflict {
			against = append(against, p.Contact)
		}
	}
	if len(against) == 0 {
		return nil
	}
	t.why = fmt.Sprintf("--on-conflict %s: %s changed since", onConflict, plural(len(against), "contact"))
	if onConflict == overwriteConflict {
		t.action = "overwrite"
		t.replay, err = t.entry.Over(f.change, f.contacts)
		return err
	}
	t.action, t.replay = "discard", nil
	if rest, some, err := t.entry.Without(against); err != nil {
		return err
	} else if some {
		t.action, t.replay = "replay", rest // of a batch message, the contacts that are in no conflict
	}
	return nil
}
