package messages

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// example is a valid body from testdata, written as Encode orders names.
type example struct {
	name string
	typ  Type
	body []byte
}

func examples(t testing.TB) []example {
	t.Helper()
	files, err := filepath.Glob("testdata/valid/*.json")
	if err != nil || len(files) < 8 {
		t.Fatalf("examples: %v, %v", files, err)
	}
	var all []example
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		short, _, _ := strings.Cut(name, "-")
		typ := map[string]Type{"patch": Patch, "photo": Photo, "batch": Batch}[short]
		all = append(all, example{name, typ, body})
	}
	return all
}

// bodyOf is the example of that name.
func bodyOf(t testing.TB, name string) string {
	t.Helper()
	for _, ex := range examples(t) {
		if ex.name == name {
			return string(ex.body)
		}
	}
	t.Fatalf("no example %s", name)
	return ""
}

// message is a message without anything optional.
func message(typ Type, body string) Message {
	return Message{OrderingKey: "user-1", Attributes: map[string]string{AttrType: string(typ)}, Data: []byte(body)}
}

// wantError fails unless err is an *Error of just this reason and these faults.
func wantError(t *testing.T, err error, reason Reason, faults ...Fault) {
	t.Helper()
	want := &Error{Reason: reason, Faults: faults}
	got, ok := errors.AsType[*Error](err)
	if !ok || !reflect.DeepEqual(got, want) {
		t.Errorf("error\n got %v\nwant %v", err, want)
	}
}

func TestEveryExampleIsDecoded(t *testing.T) {
	for _, ex := range examples(t) {
		c, err := Decode(message(ex.typ, string(ex.body)), Limits{})
		if err != nil {
			t.Errorf("%s: %v", ex.name, err)
			continue
		}
		if c.Type != ex.typ || c.User != "user-1" || c.onlyBody() == nil {
			t.Errorf("%s: got %+v", ex.name, c)
		}
	}
}

func TestAPatchIsDecodedWhole(t *testing.T) {
	m := message(Patch, bodyOf(t, "patch-base"))
	m.Attributes[AttrID] = "event-1"
	m.Attributes[AttrSource] = "//crm.example.com"
	m.Attributes[AttrSpecVersion] = "1.0"
	m.Attributes[AttrContentType] = "application/json; charset=utf-8"
	m.Attributes["ce-time"] = "2026-10-01T12:00:00Z"
	c, err := Decode(m, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	b := c.Patch
	if c.ID != "event-1" || c.Source != "//crm.example.com" || c.Replay != nil {
		t.Errorf("attributes: got %+v", c)
	}
	if b.Person.ResourceName != "people/c1" || b.Person.Birthdays[0].Date.Day != 29 ||
		!b.Person.Organizations[0].Current || b.Person.Metadata.Sources[1].Etag != "#source1" {
		t.Errorf("person: got %+v", b.Person)
	}
	if b.UpdatePersonFields != "birthdays,organizations,urls" || b.PersonFields != "metadata,names,photos" ||
		len(b.Sources) != 2 || b.Base.Urls[0].Value != "https://example.com/" || b.Precondition != Etag {
		t.Errorf("body: got %+v", b)
	}
}

func TestAPreconditionThatIsAbsentIsEtag(t *testing.T) {
	c, err := Decode(message(Patch, patchWith(`"names":[]`, `"updatePersonFields":"names"`)), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if c.Patch.Precondition != Etag {
		t.Errorf("got %q, want %q", c.Patch.Precondition, Etag)
	}
}

func TestContactsAreSorted(t *testing.T) {
	for name, want := range map[string][]string{
		"patch-base": {"people/c1"}, "photo-png": {"people/c1"}, "batch": {"people/c1", "people/c2"},
	} {
		typ := map[string]Type{"pa": Patch, "ph": Photo, "ba": Batch}[name[:2]]
		c, err := Decode(message(typ, bodyOf(t, name)), Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Contacts(); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
}

func TestEachAttributeIsChecked(t *testing.T) {
	long := strings.Repeat("x", 100)
	cases := []struct {
		name  string
		set   map[string]string
		field string // "" where the message is good
		rule  string
	}{
		{"empty ID", map[string]string{AttrID: ""}, AttrID, "must not be empty"},
		{"empty source", map[string]string{AttrSource: ""}, AttrSource, "must not be empty"},
		{"ID without source", map[string]string{AttrID: "1"}, "", ""},
		{"source without ID", map[string]string{AttrSource: "crm"}, "", ""},
		{"other version", map[string]string{AttrSpecVersion: "0.3"}, AttrSpecVersion, "must be 1.0"},
		{"version 1.0", map[string]string{AttrSpecVersion: "1.0"}, "", ""},
		{"XML", map[string]string{AttrContentType: "application/xml"}, AttrContentType, "must be application/json"},
		{"empty content type", map[string]string{AttrContentType: ""}, AttrContentType, "must be application/json"},
		{"broken content type", map[string]string{AttrContentType: "application/json;x"}, AttrContentType, "must be application/json"},
		{"JSON", map[string]string{AttrContentType: "application/json"}, "", ""},
		{"JSON in capitals", map[string]string{AttrContentType: "Application/JSON; charset=UTF-8"}, "", ""},
		{"what others add", map[string]string{"ce-subject": "", "googclient_x": long, "dl-letter": ""}, "", ""},
	}
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			m := message(Patch, bodyOf(t, "patch-names"))
			maps.Copy(m.Attributes, tt.set)
			_, err := Decode(m, Limits{})
			if tt.field != "" {
				wantError(t, err, Invalid, Fault{tt.field, tt.rule})
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}

func TestAReplayIsTakenFromItsAttributes(t *testing.T) {
	m := replayed(t)
	c, err := Decode(m, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	want := &Replay{Letter: "letter-1", MessageID: "1234", PublishTime: time.Date(2026, 10, 1, 10, 0, 0, 123456789, time.UTC), Count: 2}
	if !reflect.DeepEqual(c.Replay, want) {
		t.Errorf("got %+v, want %+v", c.Replay, want)
	}

	m.Data = nil // a body that cannot be decoded does not hide it
	if got, err := m.Replay(); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("of the message: got %+v, %v, want %+v", got, err, want)
	}
	if got, err := message(Patch, "").Replay(); got != nil || err != nil {
		t.Errorf("of a message that is none: got %+v, %v", got, err)
	}
}

func TestAReplayMaySayOverWhichEtagItWasDecided(t *testing.T) {
	m := replayed(t)
	want, err := m.Replay()
	if err != nil {
		t.Fatal(err)
	}
	want.SeenEtag = "#seen"
	want.AddTo(m.Attributes)
	if got, err := m.Replay(); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	m.Attributes[AttrReplaySeenEtag] = ""
	_, err = m.Replay()
	wantError(t, err, Invalid, Fault{AttrReplaySeenEtag, "must not be empty"})
	alone := message(Patch, "")
	alone.Attributes[AttrReplaySeenEtag] = "#seen"
	if _, err := alone.Replay(); err == nil {
		t.Error("the etag alone is taken for a replay")
	}
}

func TestABrokenReplayIsInvalid(t *testing.T) {
	const missing, number = "required in a replay", "must be a whole number from 1"
	cases := []struct{ attribute, value, rule string }{
		{AttrReplayLetter, "-", missing},
		{AttrReplayLetter, "", "must not be empty"},
		{AttrReplayMessageID, "-", missing},
		{AttrReplayMessageID, "", "must not be empty"},
		{AttrReplayPublishTime, "-", missing},
		{AttrReplayPublishTime, "", "must be a time of RFC 3339"},
		{AttrReplayPublishTime, "2026-10-01 12:00:00", "must be a time of RFC 3339"},
		{AttrReplayCount, "-", missing},
		{AttrReplayCount, "", number},
		{AttrReplayCount, "0", number},
		{AttrReplayCount, "-1", number},
		{AttrReplayCount, "+1", number},
		{AttrReplayCount, "01", number},
		{AttrReplayCount, "99999999999999999999", number},
	}
	for _, tt := range cases {
		m := replayed(t)
		if m.Attributes[tt.attribute] = tt.value; tt.value == "-" {
			delete(m.Attributes, tt.attribute)
		}
		_, err := Decode(m, Limits{})
		wantError(t, err, Invalid, Fault{tt.attribute, tt.rule})
		_, err = m.Replay()
		wantError(t, err, Invalid, Fault{tt.attribute, tt.rule})
	}
}

func replayed(t *testing.T) Message {
	t.Helper()
	m := message(Patch, bodyOf(t, "patch-names"))
	m.Attributes[AttrReplayLetter] = "letter-1"
	m.Attributes[AttrReplayMessageID] = "1234"
	m.Attributes[AttrReplayPublishTime] = "2026-10-01T12:00:00.123456789+02:00"
	m.Attributes[AttrReplayCount] = "2"
	return m
}

func TestTheTypeIsCheckedFirstThenTheUserThenTheBody(t *testing.T) {
	const oneOf = "must be contactrelay.patch.v1, contactrelay.photo.v1 or contactrelay.batch.v1"
	const noUser = "required: it is the user whose contacts change"
	m := Message{Data: []byte("{")}
	_, err := Decode(m, Limits{})
	wantError(t, err, UnsupportedType, Fault{AttrType, "required"})

	for _, unknown := range []string{"", "patch", "contactrelay.patch.v2", "Contactrelay.patch.v1", " contactrelay.patch.v1"} {
		m.Attributes = map[string]string{AttrType: unknown}
		_, err = Decode(m, Limits{})
		wantError(t, err, UnsupportedType, Fault{AttrType, oneOf})
	}

	m.Attributes = map[string]string{AttrType: string(Photo), AttrSpecVersion: "2"}
	_, err = Decode(m, Limits{})
	wantError(t, err, Invalid, Fault{AttrSpecVersion, "must be 1.0"}, Fault{"orderingKey", noUser})

	m.OrderingKey = "user-1"
	delete(m.Attributes, AttrSpecVersion)
	_, err = Decode(m, Limits{})
	wantError(t, err, Malformed, Fault{"", "not JSON at byte 1"})
}

func TestRereadMakesTheSameOfWhatDecodeTakes(t *testing.T) {
	for _, ex := range examples(t) {
		m := message(ex.typ, string(ex.body))
		m.Attributes[AttrID], m.Attributes[AttrSource] = "7", "//crm.example.com"
		replay := Replay{Letter: "L1", MessageID: "8", PublishTime: time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC), Count: 2}
		replay.AddTo(m.Attributes)
		want, err := Decode(m, Limits{})
		if err != nil {
			t.Fatalf("%s: %v", ex.name, err)
		}
		if got, err := Reread(m); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: Reread = %+v, %v, want %+v", ex.name, got, err, want)
		}
	}
	if got, err := Reread(message("contactrelay.delete.v1", "{}")); err == nil {
		t.Errorf("Reread of another type = %+v, want an error", got)
	}
}
