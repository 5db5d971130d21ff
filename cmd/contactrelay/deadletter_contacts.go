package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"
	peopleapi "google.golang.org/api/people/v1"

	"github.com/contactrelay/contactrelay/deadletter"
	"github.com/contactrelay/contactrelay/internal/people"
	"github.com/contactrelay/contactrelay/messages"
	"github.com/contactrelay/contactrelay/worker"
)

// readsAtOnce is how many users' contacts are read side by side.
const readsAtOnce = 16

// readMost is the most contacts that one call reads.
const readMost = 200

// forecast is what the replay of an entry would do.
type forecast struct {
	entry    *deadletter.Entry
	change   *messages.Change // nil if the entry breaks the contract
	fault    error            // how it does
	effect   deadletter.Effect
	contacts []deadletter.Prospect
}

// contactReader reads contacts as their users, to tell what replays would do.
type contactReader struct {
	limits messages.Limits
	client *people.Client
	close  func()

	mu      sync.Mutex // guards the fields below
	trouble unreadable // of users, none of whose contacts can be read
	odd     unreadable // of contacts, while others of their users' can be
}

// unreadable is what cannot be read: how many, and why the first one cannot.
type unreadable struct {
	count int
	why   error
}

func (u *unreadable) add(why error) {
	u.count++
	u.why = cmp.Or(u.why, why)
}

// reader makes a reader of the settings. Whoever lacks what they need is told so later, in one line: all that needs no
// contact works without.
func (p *peopleSettings) reader(ctx context.Context, limits messages.Limits) *contactReader {
	faults := &settingFaults{}
	p.resolve(faults)
	r := &contactReader{limits: limits, close: func() {}}
	err := faults.join()
	if err == nil {
		reach := people.Config{Endpoint: p.PeopleEndpoint, MaxCalls: readsAtOnce}
		p.sign(&reach)
		r.client, err = people.New(ctx, reach)
	}
	if err != nil {
		r.client = nil
		r.trouble.add(errors.New(strings.ReplaceAll(err.Error(), "\n", "; ")))
		return r
	}
	r.close = func() { r.client.Close(); p.signInSettings.close() }
	return r
}

// foresee tells what replays would do, in their order; overwrite: if what is in conflict is written all the same.
func (r *contactReader) foresee(ctx context.Context, entries []*deadletter.Entry, overwrite bool) ([]*forecast, error) {
	all := make([]*forecast, len(entries))
	byUser := map[string][]*forecast{}
	for i, e := range entries {
		f := &forecast{entry: e, effect: deadletter.StillInvalid}
		all[i] = f
		if f.change, f.fault = e.Change(r.limits); f.fault == nil {
			byUser[e.Original.OrderingKey] = append(byUser[e.Original.OrderingKey], f)
		}
	}
	var users errgroup.Group
	users.SetLimit(readsAtOnce)
	for user, some := range byUser {
		users.Go(func() error {
			r.foreseeUser(ctx, user, some, overwrite)
			return context.Cause(ctx)
		})
	}
	return all, users.Wait()
}

func (r *contactReader) foreseeUser(ctx context.Context, user string, all []*forecast, overwrite bool) {
	var names, fields []string
	var replays []worker.Replay
	for _, f := range all {
		names = append(names, f.change.Contacts()...)
		fields = append(fields, maskedFields(f.change)...)
		replays = append(replays, worker.Replay{Change: f.change, Published: f.entry.Original.PublishTime})
	}
	contacts := r.read(ctx, user, names, fields)
	for i, prospects := range worker.Foresee(replays, contacts, overwrite) {
		all[i].contacts, all[i].effect = prospects, deadletter.Worst(prospects)
	}
}

// maskedFields is the fields that a change writes.
func maskedFields(c *messages.Change) []string {
	switch {
	case c.Patch != nil:
		return messages.MaskFields(c.Patch.UpdatePersonFields)
	case c.Batch != nil:
		return messages.MaskFields(c.Batch.UpdateMask)
	}
	return nil
}

// read reads a user's contacts. One that is gone is nil, one that could not be read is not there.
func (r *contactReader) read(ctx context.Context, user string, names, fields []string) map[string]*peopleapi.Person {
	contacts := map[string]*peopleapi.Person{}
	if r.client == nil {
		return contacts
	}
	slices.Sort(names)
	slices.Sort(fields)
	read := people.Read{
		Fields: strings.Join(append(slices.Compact(fields), "metadata"), ","), Sources: []string{"READ_SOURCE_TYPE_CONTACT"},
	}
	for some := range slices.Chunk(slices.Compact(names), readMost) {
		if err := r.readSome(ctx, user, some, read, contacts); err != nil {
			r.mu.Lock()
			r.trouble.add(err)
			r.mu.Unlock()
			break
		}
	}
	return contacts
}

// ofOneContact are the failures of a call that one contact among several may be the cause of.
var ofOneContact = []people.Kind{people.Rejected, people.NotFound, people.Internal, people.Forbidden}

// readSome reads contacts in one call. One bad name fails the whole call, and the service does not say which: the call is
// halved then, until the bad one stands alone. The error is one that concerns all of the user's contacts.
func (r *contactReader) readSome(ctx context.Context, user string, names []string, read people.Read, contacts map[string]*peopleapi.Person) error {
	results, err := r.client.GetBatch(ctx, user, names, read)
	fact, isFact := errors.AsType[*people.Error](err)
	switch {
	case isFact && slices.Contains(ofOneContact, fact.Kind):
		if len(names) == 1 {
			r.found(contacts, names[0], nil, fact)
			return nil
		}
		half := len(names) / 2
		if err := r.readSome(ctx, user, names[:half], read, contacts); err != nil {
			return err
		}
		return r.readSome(ctx, user, names[half:], read, contacts)
	case err != nil:
		return err
	}
	for name, result := range results {
		r.found(contacts, name, result.Person, result.Err)
	}
	return nil
}

// found keeps a contact, or that it is gone, or notes why it could not be read.
func (r *contactReader) found(contacts map[string]*peopleapi.Person, name string, person *peopleapi.Person, fact *people.Error) {
	switch {
	case fact == nil:
		contacts[name] = person
	case fact.Kind == people.NotFound:
		contacts[name] = nil
	default:
		r.mu.Lock()
		defer r.mu.Unlock()
		r.odd.add(fact)
	}
}

// report says in a line that contacts could not be read.
func (r *contactReader) report(t terminal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.client == nil:
		t.complain("contacts were not read: %v", r.trouble.why)
	case r.trouble.count > 0:
		t.complain("the contacts of %s could not be read: %v", plural(r.trouble.count, "user"), r.trouble.why)
	}
	if r.odd.count > 0 {
		t.complain("%s could not be read: %v", plural(r.odd.count, "contact"), r.odd.why)
	}
}

// why is what an effect is due to, where the fields do not show it.
func (f *forecast) why() string {
	if f.fault != nil {
		return strings.TrimPrefix(f.fault.Error(), "invalid: ")
	}
	var counts []string
	for _, effect := range deadletter.Effects() {
		n := 0
		for _, p := range f.contacts {
			if p.Effect == effect {
				n++
			}
			if p.Blocked {
				return "a photo of the contact goes before it and changes the etag: it may come back, and can be replayed then"
			}
		}
		if n > 0 && n < len(f.contacts) {
			counts = append(counts, fmt.Sprintf("%d %s", n, effect))
		}
	}
	return strings.Join(counts, ", ")
}
