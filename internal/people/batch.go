package people

import (
	"context"
	"net/http"

	people "google.golang.org/api/people/v1"
)

// Result is what the answer to a batch says about one contact.
type Result struct {
	// Person is the contact as answered: nil where it failed, and where the read mask asks for nothing.
	Person *people.Person

	// Err is why it failed, nil if it did not.
	Err *Error

	// Renamed is the resource name that the contact has now, if it is another one than was asked for.
	Renamed string
}

// BatchUpdate calls people.batchUpdateContacts with 1 to 200 contacts by their resource names: of each, the fields of
// the mask are replaced, and cleared where the person holds nothing. It blocks until the answer or the end of ctx; the
// error is of type [*Error] and, if the service named contacts as failed, holds them.
//
// A nil error does not prove each contact: the map holds every name that was asked for, and those of which the answer
// says nothing have an error of kind [Missing]. Where read.Fields is empty the service answers with nothing at all, so
// that only contacts which it names none the less have something in their result. The persons are not changed.
func (c *Client) BatchUpdate(ctx context.Context, user string, contacts map[string]*people.Person, mask string, read Read) (map[string]Result, error) {
	const method = "people.batchUpdateContacts"
	request := &people.BatchUpdateContactsRequest{
		Contacts:   make(map[string]people.Person, len(contacts)),
		UpdateMask: mask,
		ReadMask:   read.Fields,
		Sources:    read.Sources,
	}
	if read.Fields == "" {
		request.ForceSendFields = []string{"ReadMask"} // required, though it may be empty
	}
	for name, person := range contacts {
		request.Contacts[name] = *withMasked(person, mask)
	}
	answer, err := call(ctx, user, method, func(ctx context.Context) (*people.BatchUpdateContactsResponse, error) {
		return c.api.BatchUpdateContacts(request).Context(ctx).Do()
	})
	if err != nil {
		return nil, err
	}
	results := make(map[string]Result, len(contacts))
	for name := range contacts {
		if results[name] = missing(method); read.Fields == "" {
			results[name] = Result{}
		}
	}
	for name, response := range answer.UpdateResult {
		// The documentation does not say which name the key is, should the contact have got another one.
		if _, asked := contacts[name]; !asked {
			name = response.RequestedResourceName
		}
		if _, asked := contacts[name]; asked {
			results[name] = resultOf(method, name, &response)
		}
	}
	return results, nil
}

// GetBatch calls people.getBatchGet for 1 to 200 resource names. It blocks until the answer or the end of ctx; the
// error is of type [*Error]. The map holds every name; those of which the answer has no person and no error have one
// of kind [Missing]. The service rejects an empty read.Fields.
func (c *Client) GetBatch(ctx context.Context, user string, resourceNames []string, read Read) (map[string]Result, error) {
	const method = "people.getBatchGet"
	request := c.api.GetBatchGet().ResourceNames(resourceNames...).PersonFields(read.Fields)
	if len(read.Sources) > 0 {
		request.Sources(read.Sources...)
	}
	answer, err := call(ctx, user, method, func(ctx context.Context) (*people.GetPeopleResponse, error) {
		return request.Context(ctx).Do()
	})
	if err != nil {
		return nil, err
	}
	results := make(map[string]Result, len(resourceNames))
	for _, name := range resourceNames {
		results[name] = missing(method)
	}
	for _, response := range answer.Responses {
		name := requestedName(response)
		if _, asked := results[name]; !asked {
			continue
		}
		if r := resultOf(method, name, response); r.Person != nil || r.Err != nil {
			results[name] = r
		}
	}
	return results, nil
}

// requestedName is the name that an element of the answer is about; "" if it does not tell.
func requestedName(r *people.PersonResponse) string {
	switch {
	case r == nil:
		return ""
	case r.RequestedResourceName == "" && r.Person != nil:
		return r.Person.ResourceName
	}
	return r.RequestedResourceName
}

// missing is the result of a contact of which the answer says nothing.
func missing(method string) Result {
	return Result{Err: &Error{Method: method, Kind: Missing, HTTPStatus: http.StatusOK}}
}

// resultOf reads the answer for one contact. A status that is absent or 0 means success, unless the deprecated member
// that it replaced says otherwise.
func resultOf(method, name string, r *people.PersonResponse) Result {
	switch {
	case r.Status != nil && r.Status.Code != 0:
		return Result{Err: contactCode{Code: r.Status.Code, Message: r.Status.Message}.fact(method)}
	case r.Status == nil && r.HttpStatusCode >= http.StatusBadRequest:
		status := int(r.HttpStatusCode)
		return Result{Err: &Error{Method: method, Kind: kindOf(status, body{}), HTTPStatus: status}}
	}
	result := Result{Person: r.Person}
	if r.Person != nil && r.Person.ResourceName != name {
		result.Renamed = r.Person.ResourceName
	}
	return result
}
