package messages

import (
	"errors"
	"reflect"
	"slices"
	"testing"

	"github.com/go-json-experiment/json"
)

// seedBodies are bodies of every kind: good, and broken in each way that a test knows.
func seedBodies(f *testing.F, add func(typ Type, body []byte)) {
	for _, ex := range examples(f) {
		add(ex.typ, ex.body)
	}
	for _, b := range append(brokenRules(), brokenPhotos()...) {
		if len(b.body) < 10_000 {
			add(b.typ, []byte(b.body))
		}
	}
	for _, body := range []string{``, `null`, `{`, `{"person":null}`, `{"person":{},"person":{}}`, `{"x":[[[[]]]]}`, "\xff", `{}{}`} {
		add(Patch, []byte(body))
	}
}

// checkRefusal fails unless err is an *Error as documented.
func checkRefusal(t *testing.T, err error) {
	t.Helper()
	e, ok := errors.AsType[*Error](err)
	if !ok {
		t.Fatalf("%T is no *Error", err)
	}
	if !slices.Contains([]Reason{Malformed, UnsupportedType, Invalid}, e.Reason) {
		t.Fatalf("reason %q", e.Reason)
	}
	if n := len(e.Faults); n == 0 || n > 20 || len(slices.Compact(slices.Clone(e.Faults))) != n {
		t.Fatalf("%d faults: %v", n, e)
	}
}

// checkRoundTrip fails unless c, encoded and decoded, is c again, but for values that are empty and therefore the
// same as absent.
func checkRoundTrip(t *testing.T, c *Change) {
	t.Helper()
	m, err := Encode(c)
	if err != nil {
		t.Fatalf("encode: %v", err)
	}
	again, err := Decode(m, Limits{MaxPhotoBytes: maxMessageBytes})
	if err != nil {
		t.Fatalf("decode again: %v", err)
	}
	clearEmpty(reflect.ValueOf(c))
	clearEmpty(reflect.ValueOf(again))
	if !reflect.DeepEqual(again, c) {
		t.Fatalf("got %+v\nwant %+v", again, c)
	}
}

// clearEmpty makes slices and maps without elements nil, at every depth.
func clearEmpty(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			clearEmpty(v.Elem())
		}
	case reflect.Struct:
		for f, value := range v.Fields() {
			if f.IsExported() {
				clearEmpty(value)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			clearEmpty(v.Index(i))
		}
		if v.Len() == 0 && v.CanSet() {
			v.SetZero()
		}
	case reflect.Map:
		for _, value := range v.Seq2() {
			clearEmpty(value)
		}
		if v.Len() == 0 && v.CanSet() {
			v.SetZero()
		}
	}
}

func FuzzDecode(f *testing.F) {
	seedBodies(f, func(typ Type, body []byte) {
		f.Add(string(typ), "user-1", "event-1", "letter-1", "2", body)
		f.Add(string(typ), "user-1", "", "", "", body)
	})
	f.Fuzz(func(t *testing.T, typ, user, id, letter, count string, body []byte) {
		m := Message{OrderingKey: user, Attributes: map[string]string{AttrType: typ}, Data: body}
		if id != "" {
			m.Attributes[AttrID] = id
		}
		if letter != "" {
			m.Attributes[AttrReplayLetter] = letter
			m.Attributes[AttrReplayMessageID] = "1234"
			m.Attributes[AttrReplayPublishTime] = "2026-10-01T12:00:00Z"
			m.Attributes[AttrReplayCount] = count
		}
		c, err := Decode(m, Limits{})
		if err != nil {
			checkRefusal(t, err)
			return
		}
		if c.Identity("m1") != m.Identity("m1") {
			t.Fatalf("identity %q of the change, %q of the message", c.Identity("m1"), m.Identity("m1"))
		}
		if len(c.Contacts()) == 0 {
			t.Fatal("no contact")
		}
		// Pub/Sub takes neither text that is not UTF-8 nor long attributes, so Encode does not.
		var limits faults
		m.checkText(&limits)
		m.checkSize(&limits)
		if len(limits) == 0 {
			checkRoundTrip(t, c)
		}
	})
}

func FuzzParseRecord(f *testing.F) {
	seedBodies(f, func(typ Type, body []byte) {
		f.Add([]byte(`{"user":"user-1","type":"` + typ.Short() + `","id":"event-1","source":"crm","body":` + string(body) + `}`))
	})
	f.Fuzz(func(t *testing.T, line []byte) {
		m, c, err := ParseRecord(line, Limits{})
		if err != nil {
			checkRefusal(t, err)
			return
		}
		// What is published is what the worker will read.
		decoded, err := Decode(m, Limits{})
		if err != nil || !reflect.DeepEqual(decoded, c) {
			t.Fatalf("got %+v, %v, want %+v", decoded, err, c)
		}
		var record struct {
			Body any `json:"body"`
		}
		var body any
		if err := errors.Join(json.Unmarshal(line, &record), json.Unmarshal(m.Data, &body)); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(record.Body, body) {
			t.Fatalf("published %v, want %v", body, record.Body)
		}
	})
}
