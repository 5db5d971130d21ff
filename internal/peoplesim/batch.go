package peoplesim

import (
	"fmt"
	"time"
)

// batchLimit is how many contacts one call can be about.
const batchLimit = 200

// batch is people.batchUpdateContacts.
type batch struct {
	targets []target
	mask    fieldSet
	read    bool // the read mask is not empty
	view    view
}

func (s *Sim) parseBatch(c *call) (operation, *problem) {
	n, p := decode(c.body, "", s.discovery.batch)
	if p != nil {
		return nil, p
	}
	fields := &s.discovery.fields
	mask, p := fields.required(maskParameter{"updateMask", page(BatchUpdateContacts), fields.writable}, n.string("updateMask"))
	if p != nil {
		return nil, p
	}
	read, p := fields.optional(maskParameter{"readMask", page(BatchUpdateContacts), fields.readable}, n.string("readMask"), 0)
	if p != nil {
		return nil, p
	}
	b := &batch{mask: mask, read: read != 0, view: s.view(n.strings("sources"), read)}
	list := n.member("contacts")
	if list == nil || len(list.items) == 0 {
		return nil, invalid("Request must set contacts.")
	}
	if len(list.items) > batchLimit {
		return nil, invalid("Request must not have more than %d contacts.", batchLimit)
	}
	for _, item := range list.items {
		t := s.newTarget(item.key, item, mask)
		if t.person.resourceName != "" && t.person.resourceName != item.key {
			return nil, invalid("Request contacts key %q does not match its person.resource_name %q.", item.key, t.person.resourceName)
		}
		b.targets = append(b.targets, t)
	}
	return b, nil
}

func (b *batch) contacts() []string {
	names := make([]string, len(b.targets))
	for i := range b.targets {
		names[i] = b.targets[i].name
	}
	return names
}

// outcome is what became of one contact of a batch.
type outcome struct {
	contact *contact
	problem *problem
	fault   *Fault // that struck this contact
	seen    *sight
}

func (b *batch) perform(s *Sim, c *call, now time.Time) (func([]byte) []byte, *problem) {
	outcomes := make([]outcome, len(b.targets))
	var failed []int
	for i := range b.targets {
		o := &outcomes[i]
		o.fault = c.fate.contacts[b.targets[i].name]
		if o.contact, o.problem = s.judge(c, &b.targets[i], now); o.problem == nil && o.fault != nil && o.fault.Kind == Forbidden {
			o.problem = notPermitted()
		}
		if o.problem == nil {
			continue
		}
		if o.problem.number == codes.internal.number {
			return nil, o.problem // the whole call fails, and does not say through which contact
		}
		failed = append(failed, i)
	}
	if len(failed) == 0 || s.faults.Habits.PartialBatch {
		b.write(s, c, outcomes, now)
	}
	if len(failed) > 0 {
		return nil, b.failure(outcomes, failed, s.faults.Habits.FirstErrorOnly)
	}
	v := b.view
	v.shuffle = s.faults.Habits.ShuffledValues
	return func(buf []byte) []byte { return b.appendAnswer(buf, v, outcomes) }, nil
}

// write applies what can be applied, and notes how each contact is then to be shown.
func (b *batch) write(s *Sim, c *call, outcomes []outcome, now time.Time) {
	for i := range outcomes {
		o := &outcomes[i]
		if o.problem != nil {
			continue
		}
		if o.fault == nil || o.fault.Kind == ContactRenamed || o.fault.Applied {
			s.write(writing{
				call: c.number, user: c.user, method: BatchUpdateContacts, contact: o.contact, mask: b.mask, values: b.targets[i].values,
			}, now)
		}
		if o.fault != nil && o.fault.Kind == ContactRenamed && o.contact.merged == "" {
			o.contact.merged = MergedName(o.contact.name)
			s.user(c.user).contacts[o.contact.merged] = o.contact
		}
		seen := o.contact.sight(o.contact.current)
		o.seen = &seen
	}
}

// MergedName gives the resource name that a contact has after the fault ContactRenamed. Both names lead to it.
func MergedName(resourceName string) string { return resourceName + "9" }

// failure is the 400 (or what the first bad contact has) that names the bad contacts: those it does not name would have
// been successful.
func (b *batch) failure(outcomes []outcome, failed []int, firstOnly bool) *problem {
	if firstOnly {
		failed = failed[:1]
	}
	named := make(map[string]any, len(failed))
	for _, i := range failed {
		named[b.targets[i].name] = outcomes[i].problem.status()
	}
	p := *outcomes[failed[0]].problem
	p.details = []any{map[string]any{
		"@type": "type.googleapis.com/google.people.v1.BatchUpdateContactsErrorDetails", "contactErrors": named,
	}}
	return &p
}

func (b *batch) appendAnswer(buf []byte, v view, outcomes []outcome) []byte {
	if !b.read {
		return append(buf, "{}"...)
	}
	buf = append(buf, `{"updateResult":{`...)
	first := true
	for i := range outcomes {
		o := &outcomes[i]
		if o.fault != nil && o.fault.Kind == ContactOmitted {
			continue
		}
		if !first {
			buf = append(buf, ',')
		}
		first = false
		buf = appendQuoted(buf, b.targets[i].name)
		buf = append(buf, ':')
		buf = v.appendResponse(buf, b.targets[i].name, o.seen, o.fault.status())
	}
	return append(buf, '}', '}')
}

// status is the error that a fault gives a contact of a batch that succeeds, if it does.
func (f *Fault) status() *problem {
	if f == nil || f.Kind != ContactStatus {
		return nil
	}
	const aborted = 10
	p := &problem{message: fmt.Sprintf("Simulated status %d.", f.Code)}
	p.http, p.number = codes.internal.http, f.Code
	if f.Code == 0 {
		p.number, p.message = aborted, "The operation was aborted."
	}
	return p
}
