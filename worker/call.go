package worker

import (
	"context"
	"errors"
	"strconv"

	peopleapi "google.golang.org/api/people/v1"

	"github.com/contactrelay/contactrelay/internal/people"
	"github.com/contactrelay/contactrelay/messages"
)

// contactSource is the source whose values and etag count: the default merges those of the profile in.
const contactSource = "CONTACT"

// answerRead is what the worker asks of every answer: the etags, of the contact alone.
var answerRead = people.Read{Fields: "metadata", Sources: []string{"READ_SOURCE_TYPE_CONTACT"}}

// contactChange is what one message wants of one contact: a photo, or values for the masked fields.
type contactChange struct {
	resource string
	person   *peopleapi.Person // nil for a photo
	mask     string
	photo    string
	latest   bool // write over whatever is there
}

// single is the change of a patch or a photo message.
func single(c *messages.Change) contactChange {
	if c.Photo != nil {
		return contactChange{resource: c.Photo.ResourceName, photo: c.Photo.PhotoBytes, mask: "photos"}
	}
	return contactChange{
		resource: c.Patch.Person.ResourceName,
		person:   c.Patch.Person,
		mask:     c.Patch.UpdatePersonFields,
		latest:   c.Patch.Precondition == messages.Latest,
	}
}

// call makes one change of one contact, and the read before it that a change without an etag needs.
func (w *Worker) call(ctx context.Context, h *held, c contactChange) error {
	if c.person == nil {
		return w.timed(ctx, h, "people.updateContactPhoto", func(ctx context.Context) error {
			_, err := w.contacts.UpdatePhoto(ctx, h.user(), c.resource, c.photo, answerRead)
			return err
		})
	}
	person := c.person
	if c.latest {
		etag, err := w.readEtag(ctx, h, c.resource)
		if err != nil {
			return err
		}
		person = guarded(person, etag)
	}
	return w.timed(ctx, h, "people.updateContact", func(ctx context.Context) error {
		_, err := w.contacts.Update(ctx, h.user(), person, c.mask, answerRead)
		return err
	})
}

// readEtag reads the etag that a contact has now.
func (w *Worker) readEtag(ctx context.Context, h *held, resource string) (etag string, err error) {
	err = w.timed(ctx, h, "people.get", func(ctx context.Context) error {
		person, err := w.contacts.Get(ctx, h.user(), resource, answerRead)
		if err == nil {
			etag = sourceEtag(person)
		}
		return err
	})
	return etag, err
}

// timed makes one call under the limit of its time, and counts it.
func (w *Worker) timed(ctx context.Context, h *held, method string, call func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, w.config.CallTimeout)
	defer cancel()
	h.calls++
	err := call(ctx)
	code := "200"
	if fact, ok := errors.AsType[*people.Error](err); ok {
		code = "network"
		if fact.HTTPStatus != 0 {
			code = strconv.Itoa(fact.HTTPStatus)
		}
	}
	w.tally.called(Call{Type: h.typeName(), Method: method, Code: code})
	return err
}

// confirm reads the contact where a write's answer alone does not decide.
func (w *Worker) confirm(ctx context.Context, h *held, t *tries, c contactChange, v verdict) verdict {
	etag, err := w.readEtag(ctx, h, c.resource)
	if err != nil && interrupted(ctx) {
		return verdict{outcome: Returned}
	}
	fact, ok := errors.AsType[*people.Error](err)
	if err != nil && !ok {
		fact = v.fact
	}
	if v.wait == 0 {
		v.wait = t.backoff(0) // in case the read tells nothing
	}
	return judgeRead(v, fact, etag, messages.MaskFields(c.mask), w.success.ofAnother(h.user(), t.failing))
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
