package worker

import (
	"context"
	"errors"
	"strconv"
	"time"

	peopleapi "google.golang.org/api/people/v1"

	"github.com/contactrelay/contactrelay/internal/people"
	"github.com/contactrelay/contactrelay/messages"
)

// contactSource is the source whose values and etag count: the default merges those of the profile in.
const contactSource = "CONTACT"

// errStopping is why a write was not begun: the worker stops.
var errStopping = errors.New("the worker stops")

// answerRead is what the worker asks of every answer: the etags, of the contact alone.
var answerRead = people.Read{Fields: "metadata", Sources: []string{"READ_SOURCE_TYPE_CONTACT"}}

// readBack asks for what a mask names as well.
func readBack(mask string) people.Read {
	read := answerRead
	read.Fields = mask + ",metadata"
	return read
}

// calls makes the calls that some messages of one user need at a time.
type calls struct {
	worker      *Worker
	user        string
	messageType string
	items       []*held
}

// timed makes one call under the limit of its time, and counts it.
func (c *calls) timed(ctx context.Context, method string, call func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, c.worker.config.CallTimeout)
	defer cancel()
	for _, h := range c.items {
		h.calls++
	}
	err := call(ctx)
	code := "200"
	if fact, ok := errors.AsType[*people.Error](err); ok {
		code = "network"
		if fact.HTTPStatus != 0 {
			code = strconv.Itoa(fact.HTTPStatus)
		}
	}
	c.worker.tally.called(Call{Type: c.messageType, Method: method, Code: code})
	return err
}

// one makes one call for one contact and judges what it met. The verdict is what the contact waits for; it is empty
// when the contact is done, or when the worker stops.
func (c *calls) one(ctx context.Context, p *part) verdict {
	p.tries.begin(time.Now())
	err := c.write(ctx, p)
	switch {
	case p.done:
		return verdict{} // it proved to be applied
	case err == nil:
		c.worker.succeeded(c.user)
	case interrupted(ctx), errors.Is(err, errStopping):
		return verdict{}
	}
	v := judge(err, &p.tries, c.worker.config, p.latest, time.Now())
	if v.fact != nil && unknown(v.fact) {
		p.doubt()
	}
	if v.read != readNone {
		v = c.confirm(ctx, p, v)
	}
	switch v.outcome {
	case "":
		v.outage = v.fact != nil && c.worker.down(v.fact, p.tries.failing)
		return v
	case DeadLettered:
		p.parked = v
	}
	p.done, p.already = true, v.outcome == AlreadyApplied
	return verdict{}
}

// write makes the change of one contact, and the read before it that a change without an etag needs. What that read
// proves to be there already is done: by a call whose answer was lost, or by an earlier delivery. A change with an etag
// needs no read: its guard refuses it then.
func (c *calls) write(ctx context.Context, p *part) error {
	if p.person == nil {
		return c.timed(ctx, "people.updateContactPhoto", func(ctx context.Context) error {
			_, err := c.worker.contacts.UpdatePhoto(ctx, c.user, p.resource, p.photo, answerRead)
			return err
		})
	}
	person := p.person
	if p.latest {
		current, err := c.read(ctx, p.resource, readBack(p.mask))
		if err != nil {
			return err
		}
		if same(person, current, p.mask, inOrder) {
			p.done, p.already = true, !p.unsure
			return nil
		}
		p.unsure = false
		person = guarded(person, sourceEtag(current))
	}
	if c.worker.stopped.Load() {
		return errStopping
	}
	return c.timed(ctx, "people.updateContact", func(ctx context.Context) error {
		_, err := c.worker.contacts.Update(ctx, c.user, person, p.mask, answerRead)
		return err
	})
}

// read reads a contact as it is now.
func (c *calls) read(ctx context.Context, resource string, read people.Read) (person *peopleapi.Person, err error) {
	err = c.timed(ctx, "people.get", func(ctx context.Context) (err error) {
		person, err = c.worker.contacts.Get(ctx, c.user, resource, read)
		return err
	})
	return person, err
}

// confirm reads the contact where a write's answer alone does not decide.
func (c *calls) confirm(ctx context.Context, p *part, v verdict) verdict {
	read := answerRead
	if p.person != nil {
		read = readBack(p.mask)
	}
	current, err := c.read(ctx, p.resource, read)
	if err == nil {
		done := p.person != nil && same(p.person, current, p.mask, anyOrder)
		if v.read == readConflict && p.doubted && !done && p.stale.wait() {
			return verdict{wait: p.stale.next(), cause: "stale_read"} // our own write may not show yet
		}
		return judgeRead(v, messages.MaskFields(p.mask), sourceEtag(current), done)
	}
	if interrupted(ctx) {
		return verdict{}
	}
	failed := judge(err, &p.tries, c.worker.config, false, time.Now())
	if failed.read == readNone {
		return failed // it is gone, or may not be read, or a quota, or a fault that may pass
	}
	since := p.tries.failing
	return judgeUnread(v, failed, &p.tries, c.worker.success.any(since), c.worker.success.ofAnother(c.user, since))
}

// sourceEtag is the etag of the contact itself, the one to compare; the person's own varies with the read mask.
func sourceEtag(p *peopleapi.Person) string {
	if p.Metadata == nil {
		return ""
	}
	for _, s := range p.Metadata.Sources {
		if s.Type == contactSource {
			return s.Etag
		}
	}
	return ""
}

// guarded is a person with that source etag and no other: what the service does when both are given and disagree
// is not documented.
func guarded(p *peopleapi.Person, etag string) *peopleapi.Person {
	g := *p
	g.Etag = ""
	g.Metadata = &peopleapi.PersonMetadata{Sources: []*peopleapi.Source{{Type: contactSource, Etag: etag}}}
	return &g
}
