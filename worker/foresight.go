package worker

import (
	"encoding/json"
	"fmt"
	"maps"
	"time"

	peopleapi "google.golang.org/api/people/v1"

	"github.com/contactrelay/contactrelay/deadletter"
	"github.com/contactrelay/contactrelay/messages"
)

// Replay is a dead letter's change that is to be replayed, and when its original was published.
type Replay struct {
	Change    *messages.Change
	Published time.Time
}

// Foresee tells what the replays of a user's changes would do to each of their contacts, if they were made one after the
// other. contacts is what these hold, of [Read] and the masked fields: one that is nil is gone, one that is absent could
// not be read. With overwrite, what is in conflict is written all the same.
//
// It judges as a worker does that has all of them before it and remembers nothing of the contacts. What a running one remembers can turn a conflict
// into a write or into superseded, because it knows its own writes from those of others, and a write into superseded.
func Foresee(replays []Replay, contacts map[string]*peopleapi.Person, overwrite bool) [][]deadletter.Prospect {
	known := map[string]*foreseen{}
	for name, person := range contacts {
		if person != nil {
			known[name] = &foreseen{person: person, held: values{}, etag: sourceEtag(person)}
			maps.Copy(known[name].held, valuesIn(person))
		}
	}
	all := make([][]*part, len(replays))
	waiting := map[string][]claim{} // by contact, what is still to be replayed
	for i, r := range replays {
		all[i] = partsOf(&held{replayed: r.Change.Replay, rank: rank{own: order{r.Published, int64(i + 1)}}}, r.Change)
		for _, p := range all[i] {
			waiting[p.resource] = append(waiting[p.resource], p.claim())
		}
	}
	prospects := make([][]deadletter.Prospect, len(replays))
	for i, parts := range all {
		for _, p := range parts {
			waiting[p.resource] = waiting[p.resource][1:]
			person, read := contacts[p.resource]
			prospect := deadletter.Prospect{Contact: p.resource, Effect: deadletter.Unread}
			switch {
			case read && person == nil:
				prospect.Effect = deadletter.Gone
			case read && sourceEtag(person) != "": // else it is a profile, and no contact
				prospect = known[p.resource].replay(p, waiting[p.resource], overwrite)
			}
			prospects[i] = append(prospects[i], prospect)
		}
	}
	return prospects
}

// foreseen is a contact as replays would leave it.
type foreseen struct {
	history
	person *peopleapi.Person // as it was read
	held   values
	etag   string // of the source, now
	writes int
}

// replay makes a change, as far as the worker would, and tells what it came to.
func (f *foreseen) replay(p *part, newer []claim, overwrite bool) deadletter.Prospect {
	all := p.claim()
	shown := func(found map[string]finding, e deadletter.Effect) deadletter.Prospect {
		return deadletter.Prospect{Contact: p.resource, Effect: e, Etag: sourceEtag(f.person), Fields: f.fields(all, found)}
	}
	if !p.drop(&f.history) {
		return shown(nil, deadletter.NoOp)
	}
	if p.photo {
		return f.photo(p, shown, overwrite)
	}
	found := f.judge(p.claim(), f.held, f.etag, newer)
	accepted, overtaken := f.accepts(p), p.latest && f.overtakes(p, fieldsFound(found, free))
	for field, what := range found {
		switch {
		case accepted && what != done:
			found[field] = free // it is not judged: the service takes it
		case overtaken && what == free:
			found[field] = conflict
		}
	}
	prospect := shown(found, f.effect(p, found, accepted))
	switch {
	case accepted:
		f.write(p, p.fields)
	case prospect.Effect == deadletter.Conflict && overwrite:
		f.overwrite(p, &prospect)
	case prospect.Effect != deadletter.Conflict:
		p.settle(&f.history, fieldsFound(found, done))
		if rest := fieldsFound(found, free); len(rest) > 0 {
			f.write(p, rest)
		}
	}
	return prospect
}

// photo tells what becomes of a photo, which nothing guards and nobody can compare.
func (f *foreseen) photo(p *part, shown func(map[string]finding, deadletter.Effect) deadletter.Prospect, overwrite bool) deadletter.Prospect {
	found, effect := map[string]finding{photoField: free}, deadletter.Clean
	if f.overtakes(p, p.fields) {
		found[photoField], effect = conflict, deadletter.Conflict
	}
	prospect := shown(found, effect)
	switch {
	case effect == deadletter.Clean:
		f.write(p, p.fields)
	case overwrite:
		f.overwrite(p, &prospect)
	}
	return prospect
}

// overwrite makes a change on the etag that was read. The worker follows only its own guarded writes from there.
func (f *foreseen) overwrite(p *part, prospect *deadletter.Prospect) {
	read := etag{value: sourceEtag(f.person)}
	if prospect.Blocked = f.etag != read.value && !(f.chain.has(read) && f.chain.end == f.etag); !prospect.Blocked {
		f.write(p, p.fields)
	}
}

// effect is what follows from the findings of the fields.
func (f *foreseen) effect(p *part, found map[string]finding, accepted bool) deadletter.Effect {
	conflicts, writes := len(fieldsFound(found, conflict)), len(fieldsFound(found, free))
	switch {
	case conflicts > 0:
		return deadletter.Conflict
	case writes == 0:
		return deadletter.NoOp
	case accepted, p.latest:
		return deadletter.Clean
	}
	return deadletter.Merge
}

// accepts reports whether the service takes the etag of a change, or the worker's own for it.
func (f *foreseen) accepts(p *part) bool {
	guard := f.guard(p.etag)
	if guard.ofPerson {
		return guard.value == f.person.Etag && f.writes == 0
	}
	return !p.latest && guard.value == f.etag
}

// overtakes reports whether the contact was changed after a change was published that nothing guards, and it is not known
// that these fields were changed before it.
func (f *foreseen) overtakes(p *part, fields []string) bool {
	return !f.knows(fields) && (f.writes > 0 || changedSince(f.person, p))
}

// write notes what a write leaves.
func (f *foreseen) write(p *part, fields []string) {
	f.writes++
	answered := fmt.Sprintf("foreseen %d", f.writes)
	p.settle(&f.history, fields)
	if p.photo {
		f.chain.photographed(answered)
	} else {
		f.wrote(etag{value: f.etag}, sight{etag: answered})
		for _, field := range fields {
			f.held[field] = p.said().wanted()[field]
		}
	}
	f.etag = answered
}

// fields shows what was found of all fields that a change wants. What is not among the findings was dropped, because a
// newer change of it is made.
func (f *foreseen) fields(c claim, found map[string]finding) (shown []deadletter.FieldProspect) {
	names := map[finding]deadletter.Finding{
		done: deadletter.Equal, free: deadletter.Free, conflict: deadletter.Touched, superseded: deadletter.Superseded, "": deadletter.Superseded,
	}
	for _, field := range c.fields {
		p := deadletter.FieldProspect{Field: field, Finding: names[found[field]], HasBase: c.base != nil}
		if field != photoField {
			p.Wanted, p.Base, p.Now = written(field, c.wanted[field]), written(field, c.base[field]), written(field, f.held[field])
		}
		shown = append(shown, p)
	}
	return shown
}

// written is what a client can write of a field's values; nil if there are none.
func written(field string, raw json.RawMessage) json.RawMessage {
	var all []map[string]any
	for _, value := range valuesOf(raw) {
		all = append(all, prune(value, writableMembers[field]))
	}
	if len(all) == 0 {
		return nil
	}
	text, err := json.Marshal(all)
	if err != nil {
		panic(err) // it was JSON before
	}
	return text
}
