package peoplesim

import (
	"crypto/sha256"
	"time"
)

// target is a contact that a request wants to write.
type target struct {
	name   string
	person person
	values contents // of the fields under the mask
	flaw   *problem // what no contact can take
}

// newTarget checks what does not depend on the contact.
func (s *Sim) newTarget(name string, n node, mask fieldSet) target {
	t := target{name: name, person: newPerson(n)}
	t.flaw = checkContactName(name)
	if t.flaw == nil {
		t.flaw = t.person.checkValues(&s.discovery.fields, mask)
	}
	if t.flaw == nil {
		t.values = t.person.contents(&s.discovery.fields, mask, true, s.config.OutputOnly)
	}
	return t
}

// judge gives the contact if the write may happen.
func (s *Sim) judge(c *call, t *target, now time.Time) (*contact, *problem) {
	if t.flaw != nil {
		return nil, t.flaw
	}
	if p := t.person.checkGuard(s.faults.Habits); p != nil {
		return nil, p
	}
	k, p := s.toWrite(c, t.name)
	if p != nil {
		return nil, p
	}
	if c.fate.moved {
		s.touch(c.user, k, now)
	}
	return k, t.person.judgeEtags(k.etagText(k.current), s.faults.Habits.SourceEtagDecides)
}

// update is people.updateContact.
type update struct {
	target
	mask fieldSet
	view view
}

func (s *Sim) parseUpdate(c *call) (operation, *problem) {
	n, p := decode(c.body, "person", s.discovery.person)
	if p != nil {
		return nil, p
	}
	fields := &s.discovery.fields
	mask, p := fields.required(maskParameter{"updatePersonFields", page(UpdateContact), fields.writable}, c.query.Get("updatePersonFields"))
	if p != nil {
		return nil, p
	}
	read, p := fields.optional(maskParameter{"personFields", page(UpdateContact), fields.readable}, c.query.Get("personFields"), fields.readable)
	if p != nil {
		return nil, p
	}
	t := s.newTarget(c.resource, n, mask)
	if t.person.resourceName != "" && t.person.resourceName != c.resource {
		return nil, invalid("Request person.resource_name %q does not match the resource name of the URL.", t.person.resourceName)
	}
	return &update{target: t, mask: mask, view: s.view(c.query["sources"], read)}, nil
}

func (u *update) contacts() []string { return []string{u.name} }

func (u *update) perform(s *Sim, c *call, now time.Time) (func([]byte) []byte, *problem) {
	k, p := s.judge(c, &u.target, now)
	if p != nil {
		return nil, p
	}
	s.write(writing{call: c.number, user: c.user, method: UpdateContact, contact: k, mask: u.mask, values: u.values}, now)
	seen, v := k.sight(k.current), u.view
	v.shuffle = s.faults.Habits.ShuffledValues
	return func(b []byte) []byte { return v.appendPerson(b, seen) }, nil
}

// writing is a write of one contact that is going to happen.
type writing struct {
	call    int64
	user    string
	method  string
	contact *contact
	mask    fieldSet
	values  contents
}

// write replaces the masked fields, moves the etag and records it.
func (s *Sim) write(w writing, now time.Time) {
	old := w.contact.current
	w.contact.write(&revision{
		version: old.version + 1, at: now, photo: old.photo, values: old.values.replaced(w.mask, w.values),
	})
	written := w.values.appendWritten(nil, &s.discovery.fields, w.mask)
	e := entry{
		call: w.call, at: now, user: w.user, method: w.method, contact: w.contact, mask: w.mask,
		old: old.version, new: old.version + 1, sum: sha256.Sum256(written),
	}
	if s.config.AuditValues {
		e.values = written
	}
	s.audit.add(e, s.config.AuditLimit)
}

// touch moves the etag of a contact with nothing changed.
func (s *Sim) touch(user string, k *contact, now time.Time) {
	s.write(writing{user: user, method: ByItself, contact: k}, now)
}
