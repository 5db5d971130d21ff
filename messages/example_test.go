package messages_test

import (
	"errors"
	"fmt"

	people "google.golang.org/api/people/v1"

	"github.com/contactrelay/contactrelay/messages"
)

func ExampleDecode() {
	m := messages.Message{
		OrderingKey: "user-1",
		Attributes:  map[string]string{"ce-type": "contactrelay.patch.v1"},
		Data: []byte(`{
			"person": {"resourceName": "people/c1", "names": [{"givenName": "A"}, {"givenName": "B"}]},
			"updatePersonFields": "names",
			"precondition": "latest"
		}`),
	}
	_, err := messages.Decode(m, messages.Limits{})
	if e, ok := errors.AsType[*messages.Error](err); ok {
		fmt.Println(e.Reason, e.Fields())
		fmt.Println(e)
	}
	// Output:
	// invalid [person.names]
	// invalid: person.names: at most one value
}

func ExampleEncode() {
	m, err := messages.Encode(&messages.Change{
		Type:   messages.Patch,
		User:   "user-1",
		ID:     "event-1",
		Source: "//crm.example.com",
		Patch: &messages.PatchBody{
			Person: &people.Person{
				ResourceName: "people/c1",
				Nicknames:    []*people.Nickname{{Value: "new"}},
				Metadata:     &people.PersonMetadata{Sources: []*people.Source{{Type: "CONTACT", Etag: "#1"}}},
			},
			UpdatePersonFields: "nicknames",
			Base:               &people.Person{Nicknames: []*people.Nickname{{Value: "old"}}},
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(m.OrderingKey, m.Attributes["ce-type"], m.Attributes["ce-id"])
	fmt.Println(string(m.Data))
	// Output:
	// user-1 contactrelay.patch.v1 event-1
	// {"person":{"metadata":{"sources":[{"etag":"#1","type":"CONTACT"}]},"nicknames":[{"value":"new"}],"resourceName":"people/c1"},"updatePersonFields":"nicknames","base":{"nicknames":[{"value":"old"}]}}
}

func ExampleDecodeOutcome() {
	o, err := messages.DecodeOutcome(messages.Message{
		OrderingKey: "user-1",
		Attributes: map[string]string{
			"ce-type": "contactrelay.outcome.v1", "ce-id": "outcome-1", "ce-time": "2026-10-01T12:00:00Z",
			"ce-source": "//pubsub.googleapis.com/projects/demo/subscriptions/contact-changes-worker",
		},
		Data: []byte(`{
			"event": {"id": "event-1", "source": "//crm.example.com", "messageId": "17", "type": "contactrelay.patch.v1"},
			"outcome": "applied",
			"contacts": {"people/c1": {"outcome": "applied", "etag": "#2"}}
		}`),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, name := range o.Names() {
		c := o.Contacts[name]
		fmt.Println(o.Event.ID, name, c.Result, c.Etag)
	}
	// Output:
	// event-1 people/c1 applied #2
}

func ExampleParseRecord() {
	line := `{"user":"user-1","type":"photo","body":{"resourceName":"people/c1","photoBytes":"R0lGODlh"}}`
	_, _, err := messages.ParseRecord([]byte(line), messages.Limits{})
	fmt.Println(err)
	// Output:
	// invalid: body.photoBytes: must be JPEG or PNG by its first bytes
}
