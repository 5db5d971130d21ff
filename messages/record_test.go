package messages

import (
	"reflect"
	"strings"
	"testing"
)

const goodBody = `{ "person":{"resourceName":"people/c1"}, "updatePersonFields":"urls", "precondition":"latest" }`

func TestARecordIsTheMessageThatItSays(t *testing.T) {
	line := []byte(`{"user":"user-1","type":"contactrelay.patch.v1","id":"event-1","source":"crm","body":` + goodBody + "}\n")
	m, c, err := ParseRecord(line, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	clear(line) // the message is the caller's to keep
	want := Message{
		OrderingKey: "user-1",
		Attributes: map[string]string{
			"ce-type": "contactrelay.patch.v1", "ce-id": "event-1", "ce-source": "crm",
			"ce-specversion": "1.0", "Content-Type": "application/json",
		},
		Data: []byte(goodBody),
	}
	if !reflect.DeepEqual(m, want) {
		t.Errorf("got %q\nwant %q", m, want)
	}
	decoded, err := Decode(m, Limits{})
	if err != nil || !reflect.DeepEqual(c, decoded) {
		t.Errorf("change: got %+v, want what Decode makes of the message: %+v, %v", c, decoded, err)
	}
}

func TestTheTypeOfARecordMayBeShort(t *testing.T) {
	for _, ex := range examples(t) {
		line := `{"body":` + string(ex.body) + `,"type":"` + ex.typ.Short() + `","user":"user-1"}`
		m, c, err := ParseRecord([]byte(line), Limits{})
		if err != nil {
			t.Errorf("%s: %v", ex.name, err)
			continue
		}
		if c.Type != ex.typ || m.Attributes[AttrType] != string(ex.typ) || len(m.Attributes) != 3 {
			t.Errorf("%s: got %v", ex.name, m.Attributes)
		}
	}
}

func TestABrokenRecordIsToldByItsOwnNames(t *testing.T) {
	const oneOf = "must be contactrelay.patch.v1, contactrelay.photo.v1 or contactrelay.batch.v1"
	const null, noUser = "null is not allowed: leave the name out", "required: it is the user whose contacts change"
	deep := strings.Repeat("[", 101) + strings.Repeat("]", 101)
	cases := []struct {
		name, line string
		reason     Reason
		fault      Fault
	}{
		{"empty", ``, Malformed, Fault{"", "empty"}},
		{"not JSON", `{"user"}`, Malformed, Fault{"", "not JSON at byte 7"}},
		{"two in a line", `{}{}`, Malformed, Fault{"", "data after the JSON value"}},
		{"no object", `[]`, Invalid, Fault{"", "must be an object"}},
		{"unknown name", `{"user":"u","type":"patch","key":"x","body":` + goodBody + `}`, Invalid, Fault{"key", "unknown name"}},
		{"doubled name", `{"user":"u","user":"u","type":"patch","body":` + goodBody + `}`, Invalid, Fault{"user", "given twice"}},
		{"another type", `{"user":1,"type":"patch","body":` + goodBody + `}`, Invalid, Fault{"user", "must be a string"}},
		{"no user", `{"type":"patch","body":` + goodBody + `}`, Invalid, Fault{"user", noUser}},
		{"empty user", `{"user":"","type":"patch","body":` + goodBody + `}`, Invalid, Fault{"user", noUser}},
		{"long user", `{"user":"` + strings.Repeat("u", 1025) + `","type":"patch","body":` + goodBody + `}`, Invalid, Fault{"user", "must be at most 1024 bytes"}},
		{"empty ID", `{"user":"u","type":"patch","id":"","body":` + goodBody + `}`, Invalid, Fault{"id", "must not be empty"}},
		{"empty source", `{"user":"u","type":"patch","source":"","body":` + goodBody + `}`, Invalid, Fault{"source", "must not be empty"}},
		{"null ID", `{"user":"u","type":"patch","id":null,"body":` + goodBody + `}`, Invalid, Fault{"id", null}},
		{"no type", `{"user":"u","body":` + goodBody + `}`, UnsupportedType, Fault{"type", "required"}},
		{"unknown type", `{"user":"u","type":"delete","body":` + goodBody + `}`, UnsupportedType, Fault{"type", oneOf}},
		{"no body", `{"user":"u","type":"patch"}`, Invalid, Fault{"body", "required"}},
		{"null body", `{"user":"u","type":"patch","body":null}`, Invalid, Fault{"body", null}},
		{"body of another kind", `{"user":"u","type":"patch","body":"x"}`, Invalid, Fault{"body", "must be an object"}},
		{"deep body", `{"user":"u","type":"patch","body":` + deep + `}`, Malformed, Fault{"", "nested more than 101 deep"}},
		{"null in the body", `{"user":"u","type":"patch","body":{"person":null}}`, Invalid, Fault{"body.person", null}},
		{"doubled name in the body", `{"user":"u","type":"patch","body":{"sources":[],"sources":[]}}`, Invalid, Fault{"body.sources", "given twice"}},
		{"broken rule", `{"user":"u","type":"photo","body":{"resourceName":"people/c1","photoBytes":""}}`, Invalid, Fault{"body.photoBytes", "required"}},
	}
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			m, c, err := ParseRecord([]byte(tt.line), Limits{})
			wantError(t, err, tt.reason, tt.fault)
			if c != nil || !reflect.DeepEqual(m, Message{}) {
				t.Errorf("got %v, %v beside the error", m, c)
			}
		})
	}
}

func TestARecordIsHeldAgainstTheLimitsOfTheWorker(t *testing.T) {
	line := []byte(`{"user":"u","type":"photo","body":{"resourceName":"people/c1","photoBytes":"/9j/4AAA"}}`)
	if _, _, err := ParseRecord(line, Limits{MaxPhotoBytes: 6}); err != nil {
		t.Error(err)
	}
	_, _, err := ParseRecord(line, Limits{MaxPhotoBytes: 5})
	wantError(t, err, Invalid, Fault{"body.photoBytes", "must be at most 5 bytes"})
}
