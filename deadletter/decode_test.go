package deadletter

import (
	"bytes"
	"compress/gzip"
	"errors"
	"maps"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"
)

// packed returns what gzip makes of some text.
func packed(t testing.TB, text []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// envelope returns a message that says its data are an envelope.
func envelope(data []byte) Message {
	return Message{Data: data, Attributes: map[string]string{"dl-reason": "invalid", "dl-letter": "LETTER1", "dl-encoding": "gzip-envelope"}}
}

func TestADamagedEnvelopeIsAnErrorThatQuotesNothing(t *testing.T) {
	good := packed(t, []byte(`{"attributes":{"a":"Ada Example"}}`+"\nAda Example"))
	altered := bytes.Clone(good)
	altered[len(altered)-8] ^= 1 // the checksum
	for name, data := range map[string][]byte{
		"empty":              nil,
		"not gzip":           []byte("Ada Example"),
		"cut":                good[:len(good)-4],
		"altered":            altered,
		"no line feed":       packed(t, []byte(`{"attributes":{}}`)),
		"header not JSON":    packed(t, []byte("Ada Example\n")),
		"header of a number": packed(t, []byte(`{"attributes":{"a":1}}`+"\n")),
		"header nested":      packed(t, []byte(strings.Repeat("[", 1_000_000)+"\n")),
	} {
		_, err := Decode(envelope(data))
		if !errors.Is(err, ErrDamaged) || strings.Contains(err.Error(), "Ada") {
			t.Errorf("%s: got %v, want %v", name, err, ErrDamaged)
		}
	}
	if l, err := Decode(envelope(good)); err != nil || string(l.Original.Data) != "Ada Example" {
		t.Errorf("whole: got %+v, %v", l, err)
	}
}

func TestABombIsNotUnpacked(t *testing.T) {
	bomb := packed(t, []byte("{}\n"))
	bomb = append(bomb, bytes.Repeat(packed(t, make([]byte, 1<<20)), 200)...) // a file of gzip may have many members
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := Decode(envelope(bomb))
	runtime.ReadMemStats(&after)
	if !errors.Is(err, ErrDamaged) {
		t.Errorf("got %v, want %v", err, ErrDamaged)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 128<<20 {
		t.Errorf("reading %d bytes took %d MiB of memory", len(bomb), used>>20)
	}
}

func TestAnEnvelopeIsReadByHandAsItsCommentSays(t *testing.T) {
	l := letter()
	l.Original.Attributes["long"] = "<>" + strings.Repeat("v", 1025)
	messages, err := l.Encode()
	if err != nil {
		t.Fatal(err)
	}
	r, err := gzip.NewReader(bytes.NewReader(messages[0].Data))
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if _, err := text.ReadFrom(r); err != nil {
		t.Fatal(err)
	}
	want := `{"orderingKey":"user-1","attributes":{"ce-id":"e1","ce-type":"contactrelay.patch.v1","long":"<>` +
		strings.Repeat("v", 1025) + `"}}` + "\n" + `{"person":{}}`
	if got := text.String(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// FuzzDecode holds that no message panics the reader, and that every letter read can be written and read again.
func FuzzDecode(f *testing.F) {
	whole := letter()
	messages, err := whole.Encode()
	if err != nil {
		f.Fatal(err)
	}
	a := messages[0].Attributes
	f.Add(messages[0].Data, "user-1", a["dl-reason"], "", "", a["dl-time"], a["dl-attempts"], a["dl-letter"], "ce-type", "x")
	f.Add(packed(f, []byte("{\"attributes\":{\"dl-x\":\"y\"}}\n{}")), "user-1", "invalid", "gzip-envelope", "", "", "1", "L", "a", "b")
	f.Add([]byte("x"), "", "invalid", "", "1/2", "9999-12-31T23:59:59-23:00", "-1", "L", "replay-count", "1")
	f.Add([]byte("x"), "", "", "", "9/9", "2026-10-21T07:28:00Z", "", "", "dl-part", "2/2")
	f.Fuzz(func(t *testing.T, data []byte, user, reason, encoding, part, time, attempts, id, name, value string) {
		attrs := map[string]string{name: value, "dl-reason": reason, "dl-time": time, "dl-attempts": attempts, "dl-letter": id}
		if encoding != "" {
			attrs["dl-encoding"] = encoding
		}
		if part != "" {
			attrs["dl-part"] = part
		}
		l, err := Decode(Message{Data: data, Attributes: attrs, OrderingKey: user})
		if err != nil {
			if !errors.Is(err, ErrForeign) && !errors.Is(err, ErrDamaged) {
				t.Errorf("error %v is of neither kind", err)
			}
			return
		}
		if l, err = Join([]*Letter{l}); err != nil || !utf8.ValidString(name+value+user) || l.check() != nil {
			return
		}
		messages, err := l.Encode()
		if err != nil {
			t.Fatal(err)
		}
		again, err := Decode(messages[0])
		if err != nil {
			t.Fatal(err)
		}
		if again.Reason != l.Reason || again.ID != l.ID || !again.Time.Equal(l.Time) || again.Attempts != l.Attempts ||
			!bytes.Equal(again.Original.Data, l.Original.Data) || !maps.Equal(again.Original.Attributes, l.Original.Attributes) ||
			again.Original.OrderingKey != l.Original.OrderingKey {
			t.Errorf("got\n%+v\nwant\n%+v", again, l)
		}
	})
}
