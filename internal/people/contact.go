package people

import (
	"context"
	"reflect"
	"slices"
	"strings"

	people "google.golang.org/api/people/v1"
)

// Update calls people.updateContact: the fields of the mask ("names,urls") are replaced by what person holds, and
// cleared where it holds nothing. It blocks until the answer or the end of ctx; errors are of type [*Error].
//
// The person carries its resource name and its etag. It is not changed. The answer holds what read asks for; where
// read.Fields is empty the service answers with all fields.
func (c *Client) Update(ctx context.Context, user string, person *people.Person, mask string, read Read) (*people.Person, error) {
	request := c.api.UpdateContact(person.ResourceName, withMasked(person, mask)).UpdatePersonFields(mask)
	if read.Fields != "" {
		request.PersonFields(read.Fields)
	}
	if len(read.Sources) > 0 {
		request.Sources(read.Sources...)
	}
	return call(ctx, user, "people.updateContact", func(ctx context.Context) (*people.Person, error) {
		return request.Context(ctx).Do()
	})
}

// UpdatePhoto calls people.updateContactPhoto with a photo in base64; whatever etag the contact has, the last write
// wins. It blocks until the answer or the end of ctx; errors are of type [*Error]. Where read.Fields is empty the
// service answers with nothing, and the person is nil.
func (c *Client) UpdatePhoto(ctx context.Context, user, resourceName, photoBytes string, read Read) (*people.Person, error) {
	request := c.api.UpdateContactPhoto(resourceName, &people.UpdateContactPhotoRequest{
		PhotoBytes:   photoBytes,
		PersonFields: read.Fields,
		Sources:      read.Sources,
	})
	answer, err := call(ctx, user, "people.updateContactPhoto", func(ctx context.Context) (*people.UpdateContactPhotoResponse, error) {
		return request.Context(ctx).Do()
	})
	if err != nil {
		return nil, err
	}
	return answer.Person, nil
}

// Get calls people.get. It blocks until the answer or the end of ctx; errors are of type [*Error]. The service
// rejects an empty read.Fields.
func (c *Client) Get(ctx context.Context, user, resourceName string, read Read) (*people.Person, error) {
	request := c.api.Get(resourceName).PersonFields(read.Fields)
	if len(read.Sources) > 0 {
		request.Sources(read.Sources...)
	}
	return call(ctx, user, "people.get", func(ctx context.Context) (*people.Person, error) {
		return request.Context(ctx).Do()
	})
}

// withMasked returns a person that also sends the masked fields which are empty: a shallow copy if there are any. The
// library leaves them out unless they are named in ForceSendFields, by their names in Go: those of JSON with a capital. The
// others are not named there: for a person with any such name it builds a map in place of the struct, at twice the cost.
func withMasked(person *people.Person, mask string) *people.Person {
	var empty []string
	fields := reflect.ValueOf(person).Elem()
	for field := range strings.SplitSeq(mask, ",") {
		if field = strings.TrimSpace(field); field == "" {
			continue
		}
		name := strings.ToUpper(field[:1]) + field[1:]
		if value := fields.FieldByName(name); !value.IsValid() || value.IsZero() || value.Kind() == reflect.Slice && value.Len() == 0 {
			empty = append(empty, name)
		}
	}
	if len(empty) == 0 {
		return person
	}
	sent := *person
	sent.ForceSendFields = slices.Concat(person.ForceSendFields, empty)
	return &sent
}
