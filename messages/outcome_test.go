package messages

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	people "google.golang.org/api/people/v1"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// anOutcome has a value in every field.
func anOutcome() *Outcome {
	return &Outcome{
		User: "user-1", ID: "outcome-1", Source: "//pubsub.googleapis.com/projects/demo/subscriptions/s",
		Time: time.Date(2026, 10, 1, 12, 0, 0, 5, time.UTC),
		OutcomeBody: OutcomeBody{
			Event:  Event{Type: string(Batch), ID: "event-1", Source: "//crm.example.com", MessageID: "17", Letter: "letter-1"},
			Result: DeadLettered, Reason: "etag_conflict", Fields: []string{"names"},
			Contacts: map[string]ContactOutcome{
				"people/c1": {Result: Applied, Etag: "#2", Unseen: true, Person: &people.Person{
					ResourceName: "people/c1",
					Names:        []*people.Name{{GivenName: "New", Metadata: &people.FieldMetadata{Primary: true}}},
				}},
				"people/c2": {Result: DeadLettered, Reason: "etag_conflict", Fields: []string{"names"}, Etag: "#7"},
			},
		},
	}
}

func TestAnOutcomeIsDecodedAsItWasEncoded(t *testing.T) {
	want := anOutcome()
	m, err := EncodeOutcome(want)
	if err != nil {
		t.Fatal(err)
	}
	if m.OrderingKey != "user-1" {
		t.Errorf("ordering key %q, want the user", m.OrderingKey)
	}
	for name, value := range map[string]string{
		"ce-type": "contactrelay.outcome.v1", "ce-specversion": "1.0", "ce-id": "outcome-1", "Content-Type": "application/json",
		"ce-source": "//pubsub.googleapis.com/projects/demo/subscriptions/s", "ce-time": "2026-10-01T12:00:00.000000005Z",
	} {
		if m.Attributes[name] != value {
			t.Errorf("%s = %q, want %q", name, m.Attributes[name], value)
		}
	}
	got, err := DecodeOutcome(m)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}

func TestAnOutcomeOfALaterVersionIsDecoded(t *testing.T) {
	m, err := EncodeOutcome(anOutcome())
	if err != nil {
		t.Fatal(err)
	}
	m.Data = []byte(strings.NewReplacer(`"event":{`, `"new":{"x":[null]},"event":{"newer":1,`, `"resourceName"`, `"newest":{},"resourceName"`).Replace(string(m.Data)))
	got, err := DecodeOutcome(m)
	if err != nil || !reflect.DeepEqual(got, anOutcome()) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestWhatIsNoOutcomeIsRefusedWithoutItsValues(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(m *Message)
		reason Reason
	}{
		{"another type", func(m *Message) { m.Attributes[AttrType] = string(Patch) }, UnsupportedType},
		{"no JSON", func(m *Message) { m.Data = []byte(`{"secret"`) }, Malformed},
		{"trailing data", func(m *Message) { m.Data = append(m.Data, "secret"...) }, Malformed},
		{"a wrong type", func(m *Message) { m.Data = []byte(`{"event":"secret"}`) }, Invalid},
		{"no message ID", func(m *Message) { m.Data = []byte(`{"event":{},"outcome":"applied"}`) }, Invalid},
		{"no outcome", func(m *Message) { m.Data = []byte(`{"event":{"messageId":"1"}}`) }, Invalid},
		{"no ID", func(m *Message) { delete(m.Attributes, AttrID) }, Invalid},
		{"no source", func(m *Message) { delete(m.Attributes, AttrSource) }, Invalid},
		{"no time", func(m *Message) { m.Attributes[AttrTime] = "secret" }, Invalid},
	} {
		m, err := EncodeOutcome(anOutcome())
		if err != nil {
			t.Fatal(err)
		}
		tt.change(&m)
		_, err = DecodeOutcome(m)
		if e, ok := errors.AsType[*Error](err); !ok || e.Reason != tt.reason || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v, want %s and no value", tt.name, err, tt.reason)
		}
	}
}

func TestAnOutcomeOverPubSubsLimitsIsRefused(t *testing.T) {
	for name, change := range map[string]func(o *Outcome){
		"10 MB": func(o *Outcome) {
			o.Contacts["people/c1"].Person.Names[0].GivenName = strings.Repeat("x", 10_000_000)
		},
		"source of 1,025 bytes": func(o *Outcome) { o.Source = strings.Repeat("x", 1025) },
		"not UTF-8":             func(o *Outcome) { o.Contacts["people/c1"].Person.Names[0].GivenName = "\xff" },
	} {
		o := anOutcome()
		change(o)
		if _, err := EncodeOutcome(o); err == nil {
			t.Errorf("%s: encoded", name)
		}
	}
}

func TestTheSchemaOfOutcomesIsThatOfTheGoType(t *testing.T) {
	doc := schemaDoc(t, OutcomeSchema())
	s := comparison{t: t, defs: doc["$defs"].(map[string]any), seen: map[reflect.Type]bool{}}
	s.compare("outcome", doc, reflect.TypeFor[OutcomeBody]())
	if len(s.seen) != 45 {
		t.Errorf("%d structs compared, want the three of an outcome and the 42 of a Person", len(s.seen))
	}
}

func TestOutcomesPassTheirSchemaAndBrokenOnesDoNot(t *testing.T) {
	schema := compiledDoc(t, schemaDoc(t, OutcomeSchema()))
	valid := func(text string) error {
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		return schema.Validate(value)
	}
	for _, o := range []*Outcome{anOutcome(), {OutcomeBody: OutcomeBody{Event: Event{MessageID: "1"}, Result: Applied}}} {
		m, err := EncodeOutcome(o)
		if err != nil {
			t.Fatal(err)
		}
		if err := valid(string(m.Data)); err != nil {
			t.Errorf("%s: %v", m.Data, err)
		}
	}
	for _, text := range []string{
		`{}`, `{"event":{"messageId":"1"}}`, `{"event":{"messageId":""},"outcome":"applied"}`, `{"event":{},"outcome":"applied"}`,
		`{"event":{"messageId":"1"},"outcome":"duplicate"}`, `{"event":{"messageId":"1"},"outcome":"dead_lettered"}`,
		`{"event":{"messageId":"1"},"outcome":"applied","contacts":{"people/c1":{}}}`,
		`{"event":{"messageId":"1"},"outcome":"applied","contacts":{"people/c1":{"outcome":"applied","etag":""}}}`,
	} {
		if valid(text) == nil {
			t.Errorf("the schema accepts %s", text)
		}
	}
}
