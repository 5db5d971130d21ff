package worker

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	peopleapi "google.golang.org/api/people/v1"

	"github.com/contactrelay/contactrelay/internal/people"
	"github.com/contactrelay/contactrelay/messages"
)

// batch is how far a batch message has come. Its contacts go in one call; those that the service names as failed,
// or all of them when it names none, go one by one after that, so that one bad contact costs no other its change.
type batch struct {
	together []string           // contacts for the next batch call, sorted
	alone    []string           // contacts that go one by one
	parked   map[string]verdict // contacts whose change cannot be made
	tries    tries              // of the contact at the head of alone
	calls    int                // calls that were made for contacts that went alone
}

// attempts is how many calls that count were made for a message.
func (h *held) attempts() int {
	if h.batch == nil {
		return h.tries.calls
	}
	return h.tries.calls + h.batch.calls + h.batch.tries.calls
}

// attemptBatch makes the next call that a batch message needs.
func (w *Worker) attemptBatch(ctx context.Context, h *held) verdict {
	if h.batch == nil {
		h.batch = &batch{together: h.change.Contacts(), parked: map[string]verdict{}}
	}
	b := h.batch
	var v verdict
	if len(b.together) > 0 {
		v = w.callTogether(ctx, h)
	} else {
		v = w.callAlone(ctx, h)
	}
	switch {
	case v.outcome != "" || v.cause != "":
		return v // returned, or a wait
	case len(b.together)+len(b.alone) > 0:
		return verdict{cause: "next call of the batch"}
	case len(b.parked) > 0:
		return w.parkedBatch(h)
	}
	return verdict{outcome: Applied}
}

// callTogether changes all that still go together in one call. The verdict is a wait, or empty: b says what is left.
func (w *Worker) callTogether(ctx context.Context, h *held) verdict {
	b, body := h.batch, h.change.Batch
	latest := body.Precondition == messages.Latest
	contacts := map[string]*peopleapi.Person{}
	for _, name := range b.together {
		contacts[name] = body.Contacts[name]
	}
	h.tries.begin(time.Now())
	var results map[string]people.Result
	err := w.guardLatest(ctx, h, contacts)
	if err == nil && len(contacts) > 0 {
		err = w.timed(ctx, h, "people.batchUpdateContacts", func(ctx context.Context) (err error) {
			results, err = w.contacts.BatchUpdate(ctx, h.user(), contacts, body.UpdateMask, answerRead)
			return err
		})
	}
	if err == nil {
		w.success.note(h.user(), time.Now())
		b.sort(results)
		return verdict{}
	}
	if interrupted(ctx) {
		return verdict{outcome: Returned}
	}
	if fact, ok := errors.AsType[*people.Error](err); ok && b.setAside(fact.Contacts) > 0 {
		return verdict{}
	}
	v := judge(err, &h.tries, w.config, latest, time.Now())
	if v.outcome == "" && v.read == readNone {
		return v // a quota, or a fault that may pass: the whole call again
	}
	b.separate() // one of them is at fault and the service does not say which
	return verdict{}
}

// guardLatest gives contacts of a batch that writes over what it finds the etags they have now. A contact that
// cannot be read is left out of contacts and goes alone.
func (w *Worker) guardLatest(ctx context.Context, h *held, contacts map[string]*peopleapi.Person) error {
	if h.change.Batch.Precondition != messages.Latest {
		return nil
	}
	return w.timed(ctx, h, "people.getBatchGet", func(ctx context.Context) error {
		current, err := w.contacts.GetBatch(ctx, h.user(), h.batch.together, answerRead)
		if err != nil {
			return err
		}
		failed := map[string]*people.Error{}
		for _, name := range h.batch.together {
			if r := current[name]; r.Err != nil {
				failed[name] = r.Err
				delete(contacts, name)
				continue
			}
			contacts[name] = guarded(contacts[name], sourceEtag(current[name].Person))
		}
		h.batch.setAside(failed)
		return nil
	})
}

// sort takes the contacts that an answered call named as done out of together; the others go alone.
func (b *batch) sort(results map[string]people.Result) {
	for _, name := range b.together {
		if r, ok := results[name]; !ok || r.Err != nil {
			b.alone = append(b.alone, name)
		}
	}
	b.together = nil
}

// setAside makes the named contacts go alone and leaves the others together. It returns how many it set aside.
func (b *batch) setAside(named map[string]*people.Error) int {
	before := len(b.together)
	b.together = slices.DeleteFunc(b.together, func(name string) bool {
		_, failed := named[name]
		if failed {
			b.alone = append(b.alone, name)
		}
		return failed
	})
	return before - len(b.together)
}

// separate makes all contacts go alone.
func (b *batch) separate() {
	b.alone = append(b.alone, b.together...)
	b.together = nil
}

// callAlone changes the next contact that goes alone. The verdict is a wait or a return, or empty.
func (w *Worker) callAlone(ctx context.Context, h *held) verdict {
	b, body := h.batch, h.change.Batch
	name := b.alone[0]
	person := *body.Contacts[name]
	person.ResourceName = name
	v := w.attemptOne(ctx, h, &b.tries, contactChange{
		resource: name, person: &person, mask: body.UpdateMask, latest: body.Precondition == messages.Latest,
	})
	switch v.outcome {
	case "", Returned:
		return v
	case DeadLettered:
		b.parked[name] = v
	}
	b.alone = b.alone[1:]
	b.calls += b.tries.calls
	b.tries = tries{}
	return verdict{}
}

// parkedBatch parks what failed of a batch message: one letter for each reason, with the contacts it holds for.
func (w *Worker) parkedBatch(h *held) verdict {
	names := slices.Sorted(maps.Keys(h.batch.parked))
	first := h.batch.parked[names[0]]
	groups := map[string][]string{}
	for _, name := range names {
		reason := string(h.batch.parked[name].reason)
		groups[reason] = append(groups[reason], name)
	}
	h.letters = nil
	for _, reason := range slices.Sorted(maps.Keys(groups)) {
		v := h.batch.parked[groups[reason][0]]
		v.fields = h.batch.fieldsOf(groups[reason])
		v = w.write(h, v, subset{names: groups[reason], of: len(h.change.Batch.Contacts)})
		if v.outcome == "" {
			return v
		}
	}
	return first
}

// fieldsOf is the fields that the letters of these contacts name.
func (b *batch) fieldsOf(names []string) []string {
	fields := map[string]bool{}
	for _, name := range names {
		for _, f := range b.parked[name].fields {
			fields[strings.TrimSpace(f)] = true
		}
	}
	return slices.Sorted(maps.Keys(fields))
}
