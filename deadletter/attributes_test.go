package deadletter

import (
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestEveryAttributeHasItsNameAndForm(t *testing.T) {
	messages, err := letter().Encode()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"ce-type":               "contactrelay.patch.v1",
		"ce-id":                 "e1",
		"dl-reason":             "etag_conflict",
		"dl-detail":             "2 fields were changed by somebody else",
		"dl-http-status":        "400",
		"dl-api-status":         "FAILED_PRECONDITION",
		"dl-fields":             "names,urls",
		"dl-current-etag":       "#def",
		"dl-attempts":           "3",
		"dl-first-attempt-time": "2026-10-21T07:27:00.120000000Z",
		"dl-time":               "2026-10-21T07:28:00.120000000Z",
		"dl-message-id":         "m1",
		"dl-publish-time":       "2026-10-21T06:28:00.120000000Z",
		"dl-subscription":       "contact-changes-worker",
		"dl-worker":             "v1.2.3",
		"dl-letter":             "LETTER1",
		"dl-replays":            "2",
		"dl-split":              "3 of 50",
	}
	got := messages[0]
	if !maps.Equal(got.Attributes, want) {
		t.Errorf("got\n%q\nwant\n%q", got.Attributes, want)
	}
	if string(got.Data) != `{"person":{}}` || got.OrderingKey != "user-1" {
		t.Errorf("got body %q with key %q", got.Data, got.OrderingKey)
	}
}

func TestValuesAreCutInWholeCharacters(t *testing.T) {
	for _, c := range []struct{ value, want string }{
		{"", ""},
		{strings.Repeat("a", 1024), strings.Repeat("a", 1024)},
		{strings.Repeat("a", 1025), strings.Repeat("a", 1024)},
		{strings.Repeat("ü", 512) + "x", strings.Repeat("ü", 512)},
		{"x" + strings.Repeat("ü", 600), "x" + strings.Repeat("ü", 511)},
		{strings.Repeat("a", 1021) + "😀", strings.Repeat("a", 1021)},
		{strings.Repeat("a", 1020) + "😀", strings.Repeat("a", 1020) + "😀"},
		{"bad \xff\xfe bytes", "bad \uFFFD bytes"},
		{strings.Repeat("\xff\x00", 1000), strings.Repeat("\uFFFD\x00", 256)},
	} {
		got := cut(c.value)
		if got != c.want || !utf8.ValidString(got) {
			t.Errorf("cut(%.20q… of %d) = %.20q… of %d, want %d", c.value, len(c.value), got, len(got), len(c.want))
		}
	}
}

func TestListsAreCutAtAComma(t *testing.T) {
	for _, c := range []struct {
		names []string
		want  []string
	}{
		{nil, nil},
		{[]string{"names"}, []string{"names"}},
		{slices.Repeat([]string{"names"}, 300), slices.Repeat([]string{"names"}, 170)},  // 170*6-1 = 1,019
		{[]string{strings.Repeat("a", 1024), "b"}, []string{strings.Repeat("a", 1024)}}, // the comma is byte 1,025
		{[]string{strings.Repeat("a", 1023), "b"}, []string{strings.Repeat("a", 1023)}},
		{[]string{strings.Repeat("a", 1022), "b"}, []string{strings.Repeat("a", 1022), "b"}},
		{[]string{"a", strings.Repeat("b", 1022), "c"}, []string{"a", strings.Repeat("b", 1022)}},
		{[]string{strings.Repeat("a", 2000), "b"}, []string{strings.Repeat("a", 1024)}},
	} {
		l := letter()
		l.Fields = c.names
		if got, _ := mail(t, l); !slices.Equal(got.Fields, c.want) {
			t.Errorf("of %d names %d came back, want %d", len(c.names), len(got.Fields), len(c.want))
		}
	}
}

func TestEveryTextOfALetterIsCut(t *testing.T) {
	long := strings.Repeat("ü", 2000)
	l := letter()
	l.Detail, l.APIStatus, l.CurrentEtag, l.Subscription, l.Worker, l.Split = long, long, long, long, long, long
	l.Original.MessageID, l.Fields = long, []string{long}
	got, messages := mail(t, l) // which looks at the limits
	if len(messages) != 1 || messages[0].Attributes[attrEncoding] != "" {
		t.Errorf("it took %d messages, encoded %q; want a plain one", len(messages), messages[0].Attributes[attrEncoding])
	}
	if got.Worker != long[:1024] || got.Original.MessageID != long[:1024] {
		t.Errorf("got texts of %d and %d bytes, want the first 1,024", len(got.Worker), len(got.Original.MessageID))
	}
}

func TestATimeThatHasNoTextIsLeftOut(t *testing.T) {
	l := letter()
	l.Time = time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC)
	if got, _ := mail(t, l); !got.Time.IsZero() {
		t.Errorf("got %v, want none", got.Time)
	}
}

func TestAForeignMessageIsToldFromADamagedLetter(t *testing.T) {
	for name, c := range map[string]struct {
		change func(attrs map[string]string)
		want   error
	}{
		"no reason":           {func(a map[string]string) { delete(a, "dl-reason") }, ErrForeign},
		"unknown reason":      {func(a map[string]string) { a["dl-reason"] = "Ada Example" }, ErrDamaged},
		"empty reason":        {func(a map[string]string) { a["dl-reason"] = "" }, ErrDamaged},
		"attempts":            {func(a map[string]string) { a["dl-attempts"] = "Ada Example" }, ErrDamaged},
		"negative replays":    {func(a map[string]string) { a["dl-replays"] = "-1" }, ErrDamaged},
		"HTTP status":         {func(a map[string]string) { a["dl-http-status"] = "" }, ErrDamaged},
		"time":                {func(a map[string]string) { a["dl-time"] = "Ada Example" }, ErrDamaged},
		"time after 9999":     {func(a map[string]string) { a["dl-time"] = "9999-12-31T23:59:59-23:00" }, ErrDamaged},
		"encoding":            {func(a map[string]string) { a["dl-encoding"] = "Ada Example" }, ErrDamaged},
		"envelope, not gzip":  {func(a map[string]string) { a["dl-encoding"] = "gzip-envelope" }, ErrDamaged},
		"part":                {func(a map[string]string) { a["dl-part"] = "Ada Example" }, ErrDamaged},
		"part beyond the end": {func(a map[string]string) { a["dl-part"] = "3/2" }, ErrDamaged},
		"part zero":           {func(a map[string]string) { a["dl-part"] = "0/2" }, ErrDamaged},
	} {
		messages, err := letter().Encode()
		if err != nil {
			t.Fatal(err)
		}
		c.change(messages[0].Attributes)
		_, err = Decode(messages[0])
		if !errors.Is(err, c.want) || strings.Contains(err.Error(), "Ada") {
			t.Errorf("%s: got %v, want %v without the value", name, err, c.want)
		}
	}
	native := Message{Attributes: map[string]string{"CloudPubSubDeadLetterSourceSubscription": "contact-changes-worker"}}
	if _, err := Decode(native); !errors.Is(err, ErrForeign) {
		t.Errorf("the service's own dead letter: got %v, want %v", err, ErrForeign)
	}
}

func TestALetterOfAnEarlierWriterIsReadWithoutWhatItLacks(t *testing.T) {
	got, err := Decode(Message{Data: []byte("x"), Attributes: map[string]string{"dl-reason": "invalid", "ce-id": "e1"}})
	want := &Letter{Reason: Invalid, Original: Original{Data: []byte("x"), Attributes: map[string]string{"ce-id": "e1"}}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}
