package messages

import (
	"math"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	people "google.golang.org/api/people/v1"
)

func TestWhatIsEncodedIsDecodedToAnEqualChange(t *testing.T) {
	for _, ex := range examples(t) {
		m := message(ex.typ, string(ex.body))
		m.Attributes[AttrID], m.Attributes[AttrSource] = "event-1", "crm"
		(&Replay{Letter: "letter-1", MessageID: "1234", PublishTime: time.Unix(1, 5), Count: 3}).AddTo(m.Attributes)
		c, err := Decode(m, Limits{})
		if err != nil {
			t.Fatal(err)
		}
		got, err := Encode(c)
		if err != nil {
			t.Errorf("%s: %v", ex.name, err)
			continue
		}
		again, err := Decode(got, Limits{})
		if err != nil || !reflect.DeepEqual(again, c) {
			t.Errorf("%s: got %+v, %v, want %+v", ex.name, again, err, c)
		}
	}
}

func TestTheExamplesAreAsEncodeWritesThem(t *testing.T) {
	for _, ex := range examples(t) {
		c, err := Decode(message(ex.typ, string(ex.body)), Limits{})
		if err != nil {
			t.Fatal(err)
		}
		got, err := Encode(c)
		if err != nil {
			t.Fatal(err)
		}
		want := jsontext.Value(ex.body).Clone()
		if err := want.Compact(); err != nil {
			t.Fatal(err)
		}
		if string(got.Data) != strings.ReplaceAll(string(want), `\u00e9\ud83d\ude00`, "é😀") {
			t.Errorf("%s\n got %s\nwant %s", ex.name, got.Data, want)
		}
	}
}

func TestEncodeSetsTheAttributesThatTheChangeHas(t *testing.T) {
	c := change()
	m, err := Encode(c)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"ce-type": "contactrelay.patch.v1", "ce-specversion": "1.0", "Content-Type": "application/json"}
	if m.OrderingKey != "user-1" || !reflect.DeepEqual(m.Attributes, want) {
		t.Errorf("got %q, %v, want %v", m.OrderingKey, m.Attributes, want)
	}

	c.ID, c.Source = "event-1", "crm"
	c.Replay = &Replay{Letter: "letter-1", MessageID: "1234", PublishTime: time.Date(2026, 10, 1, 12, 0, 0, 5, time.FixedZone("", 7200)), Count: 1}
	if m, err = Encode(c); err != nil {
		t.Fatal(err)
	}
	want["ce-id"], want["ce-source"] = "event-1", "crm"
	want["replay-letter"], want["replay-message-id"] = "letter-1", "1234"
	want["replay-publish-time"], want["replay-count"] = "2026-10-01T10:00:00.000000005Z", "1"
	if !reflect.DeepEqual(m.Attributes, want) {
		t.Errorf("got %v, want %v", m.Attributes, want)
	}
}

func change() *Change {
	return &Change{Type: Patch, User: "user-1", Patch: &PatchBody{
		Person: &people.Person{
			ResourceName: "people/c1",
			Names:        []*people.Name{{GivenName: "x"}},
			Metadata:     &people.PersonMetadata{Sources: []*people.Source{{Type: "CONTACT", Etag: "#1"}}},
		},
		UpdatePersonFields: "names",
	}}
}

func TestEncodeRefusesWhatDecodeWould(t *testing.T) {
	const null, body = "null is not allowed: leave the name out", "must be the one body of the type "
	big := strings.Repeat("x", 1025)
	cases := []struct {
		name  string
		spoil func(c *Change)
		fault Fault
	}{
		{"no body", func(c *Change) { c.Patch = nil }, Fault{"", body + "patch"}},
		{"two bodies", func(c *Change) { c.Photo = &PhotoBody{} }, Fault{"", body + "patch"}},
		{"another body", func(c *Change) { c.Type = Batch }, Fault{"", body + "batch"}},
		{"no type", func(c *Change) { c.Type = "" }, Fault{"", body + "unknown"}},
		{"no user", func(c *Change) { c.User = "" }, Fault{"orderingKey", "required: it is the user whose contacts change"}},
		{"no person", func(c *Change) { c.Patch.Person = nil }, Fault{"person", null}},
		{"no mask", func(c *Change) { c.Patch.UpdatePersonFields = "" }, Fault{"updatePersonFields", "required: the fields to write"}},
		{"precondition", func(c *Change) { c.Patch.Precondition = "x" }, Fault{"precondition", "must be etag or latest"}},
		{"a nil value", func(c *Change) { c.Patch.Person.Names[0] = nil }, Fault{"person.names[0]", null}},
		{"a null field", func(c *Change) { c.Patch.Person.NullFields = []string{"Urls"} }, Fault{"person.urls", null}},
		{"a null field with a value", func(c *Change) { c.Patch.Person.NullFields = []string{"Names"} }, Fault{"", "cannot be written as JSON"}},
		{"Latin-1 in the body", func(c *Change) { c.Patch.Person.Names[0].GivenName = "\xe9" }, Fault{"person.names[0].givenName", "must be UTF-8"}},
		{"Latin-1 in the user", func(c *Change) { c.User = "\xe9" }, Fault{"orderingKey", "must be UTF-8"}},
		{"Latin-1 in the ID", func(c *Change) { c.ID = "\xe9" }, Fault{"ce-id", "must be UTF-8"}},
		{"broken replay", func(c *Change) { c.Replay = &Replay{Letter: "l", MessageID: "m", PublishTime: time.Time{}, Count: 0} }, Fault{"replay-count", "must be a whole number from 1"}},
		{"long user", func(c *Change) { c.User = big }, Fault{"orderingKey", "must be at most 1024 bytes"}},
		{"long ID", func(c *Change) { c.ID = big }, Fault{"ce-id", "must be at most 1024 bytes"}},
		{"long source", func(c *Change) { c.Source = big }, Fault{"ce-source", "must be at most 1024 bytes"}},
		{"10 MB", func(c *Change) { c.Patch.Person.Names[0].GivenName = strings.Repeat("x", 9_999_300) },
			Fault{"", "the message must be at most 10000000 bytes"}},
	}
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			c := change()
			tt.spoil(c)
			m, err := Encode(c)
			wantError(t, err, Invalid, tt.fault)
			if !reflect.DeepEqual(m, Message{}) {
				t.Errorf("got a message beside the error: %v", m.Attributes)
			}
		})
	}
}

func TestAKeyOfABatchThatIsNotUTF8IsNotShown(t *testing.T) {
	c := &Change{Type: Batch, User: "user-1", Batch: &BatchBody{
		Contacts: map[string]*people.Person{"people/\xe9": {}}, UpdateMask: "urls", Precondition: Latest,
	}}
	_, err := Encode(c)
	wantError(t, err, Invalid, Fault{"contacts[?]", "must be UTF-8"})
}

func TestEncodeTakesAMessageAndAPhotoUpToTheLimitOfPubSub(t *testing.T) {
	c := change()
	c.User, c.ID, c.Source = strings.Repeat("x", 1024), strings.Repeat("x", 1024), strings.Repeat("x", 1024)
	c.Patch.Person.Names[0].GivenName = strings.Repeat("x", 9_995_800)
	m, err := Encode(c)
	if err != nil || len(m.Data) < 9_995_900 {
		t.Errorf("a person: %d bytes, %v", len(m.Data), err)
	}
	photo := &Change{Type: Photo, User: "user-1", Photo: &PhotoBody{
		ResourceName: "people/c1", PhotoBytes: "/9j/" + strings.Repeat("A", 9_900_000),
	}}
	if _, err := Encode(photo); err != nil {
		t.Errorf("a photo over the worker's default: %v", err)
	}
}

func TestClearingByForceSendFieldsIsTheSameAsByAbsence(t *testing.T) {
	c := change()
	c.Patch.Person.Names, c.Patch.Person.ForceSendFields = nil, []string{"Names"}
	m, err := Encode(c)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Decode(m, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if p := got.Patch.Person; len(p.Names) != 0 || p.ForceSendFields != nil {
		t.Errorf("got %+v", p)
	}
}

func TestIntegersSurviveBothWays(t *testing.T) {
	c := change()
	for _, n := range []int64{1, math.MaxInt64, math.MinInt64} {
		c.Patch.Person.Birthdays = []*people.Birthday{{Date: &people.Date{Year: n}}}
		m, err := Encode(c)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Decode(m, Limits{})
		if err != nil || got.Patch.Person.Birthdays[0].Date.Year != n {
			t.Errorf("got %+v, %v, want %d", got, err, n)
		}
	}
}

func TestAChangeIsAlwaysTheSameBytes(t *testing.T) {
	c := &Change{Type: Batch, User: "user-1", Batch: &BatchBody{
		Contacts: map[string]*people.Person{}, UpdateMask: "urls", Precondition: Latest,
	}}
	for i := range 50 {
		c.Batch.Contacts["people/c"+strconv.Itoa(i)] = &people.Person{}
	}
	first, err := Encode(c)
	if err != nil {
		t.Fatal(err)
	}
	second, err := Encode(c)
	if err != nil || string(second.Data) != string(first.Data) {
		t.Errorf("got %s, %v, want %s", second.Data, err, first.Data)
	}
}
