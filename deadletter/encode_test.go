package deadletter

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/proto" // registers the codec that the client sends with
)

// noise returns n random bytes, which nothing packs.
func noise(n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{1}).Read(b)
	return b
}

// attributes returns n attributes with keys and values of the greatest length.
func attributes(n int) map[string]string {
	m := make(map[string]string, n)
	for i := range n {
		m[fmt.Sprintf("%0256d", i)] = strings.Repeat("v", 1024)
	}
	return m
}

func TestAnOriginalComesBackByteForByteInTheSimplestForm(t *testing.T) {
	const plain = ""
	for name, c := range map[string]struct {
		data     []byte
		attrs    map[string]string
		key      string
		encoding string
		messages int
	}{
		"a body that is not UTF-8":                 {noise(10_000), nil, "user-1", plain, 1},
		"as many attributes as fit beside ours":    {[]byte("{}"), attributes(98 - 16), "user-1", plain, 1},
		"one attribute more":                       {[]byte("{}"), attributes(98 - 15), "user-1", gzipEnvelope, 1},
		"100 attributes":                           {noise(10_000), attributes(100), "user-1", gzipEnvelope, 1},
		"100 attributes and no body":               {nil, attributes(100), "user-1", gzipEnvelope, 1},
		"a line feed first":                        {[]byte("\n\n{}\n"), attributes(100), "user-1", gzipEnvelope, 1},
		"an attribute with a line feed and quotes": {[]byte("x"), map[string]string{"a": strings.Repeat("\n\"<\x00\u2028", 300)}, "user-1", gzipEnvelope, 1},
		"a value too long":                         {[]byte("x"), map[string]string{"a": strings.Repeat("v", 1025)}, "user-1", gzipEnvelope, 1},
		"a key too long":                           {[]byte("x"), map[string]string{strings.Repeat("k", 257): "v"}, "user-1", gzipEnvelope, 1},
		"an ordering key too long":                 {[]byte("x"), nil, strings.Repeat("u", 1025), gzipEnvelope, 1},
		"the longest ordering key":                 {[]byte("x"), nil, strings.Repeat("u", 1024), plain, 1},
		"a photo of 9.9 MB in base64":              {[]byte(base64.StdEncoding.EncodeToString(noise(7_425_000))), attributes(20), "user-1", gzipEnvelope, 1},
		"10 MB of noise":                           {noise(10_000_000), attributes(20), "user-1", plain, 2},
		"30 MB of blanks":                          {bytes.Repeat([]byte(" "), 30_000_000), nil, "user-1", gzipEnvelope, 3},
	} {
		t.Run(name, func(t *testing.T) {
			l := letter()
			l.Original.Data, l.Original.Attributes, l.Original.OrderingKey = c.data, c.attrs, c.key
			got, messages := mail(t, l)
			sameOriginal(t, got.Original, l.Original)
			if len(messages) != c.messages {
				t.Fatalf("it took %d messages, want %d", len(messages), c.messages)
			}
			for i, m := range messages {
				if e := m.Attributes["dl-encoding"]; e != c.encoding {
					t.Errorf("message %d has encoding %q, want %q", i, e, c.encoding)
				}
				if part := fmt.Sprintf("%d/%d", i+1, len(messages)); len(messages) > 1 && m.Attributes["dl-part"] != part {
					t.Errorf("message %d has part %q, want %q", i, m.Attributes["dl-part"], part)
				}
				if len(c.key) <= 1024 && m.OrderingKey != c.key {
					t.Errorf("message %d has another ordering key", i)
				}
				if outside := len(producers(m.Attributes)); c.encoding == gzipEnvelope && outside > 0 {
					t.Errorf("message %d has %d attributes of the original outside of its envelope", i, outside)
				}
			}
		})
	}
}

func TestPartsAreOfOneLetterAndJoinInAnyOrder(t *testing.T) {
	l := letter()
	l.Original.Data = []byte("abcdefgh")
	messages, ok := l.encode(3)
	if !ok || len(messages) != 3 {
		t.Fatalf("got %d messages", len(messages))
	}
	var parts []*Letter
	for _, m := range messages {
		part, err := Decode(m)
		if err != nil {
			t.Fatal(err)
		}
		if part.ID != l.ID || part.Reason != l.Reason || len(part.Original.Attributes) != len(l.Original.Attributes) {
			t.Errorf("part %s is not a letter of its own: %+v", part.Part, part)
		}
		parts = append(parts, part)
	}
	other := *parts[1]
	other.ID = "LETTER2"
	longer := *parts[1]
	longer.Part = "2/4"
	for name, c := range map[string]struct {
		parts []*Letter
		want  error
	}{
		"in order":            {parts, nil},
		"in another order":    {[]*Letter{parts[2], parts[0], parts[1]}, nil},
		"one delivered twice": {[]*Letter{parts[2], parts[0], parts[2], parts[1], parts[0]}, nil},
		"none":                {nil, ErrIncomplete},
		"one missing":         {[]*Letter{parts[0], parts[2]}, ErrIncomplete},
		"one twice, one not":  {[]*Letter{parts[0], parts[2], parts[2]}, ErrIncomplete},
		"one of another":      {[]*Letter{parts[0], &other, parts[2]}, ErrDamaged},
		"other counts":        {[]*Letter{parts[0], &longer, parts[2]}, ErrDamaged},
		"a huge count":        {[]*Letter{{Part: "1/9000000000000000000"}}, ErrIncomplete},
		"no number":           {[]*Letter{{Part: "x"}}, ErrDamaged},
	} {
		got, err := Join(c.parts)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: got error %v, want %v", name, err, c.want)
		}
		if c.want == nil && (string(got.Original.Data) != "abcdefgh" || got.Part != "") {
			t.Errorf("%s: got body %q, part %q", name, got.Original.Data, got.Part)
		}
	}
	if parts[0].Part != "1/3" || string(parts[0].Original.Data) != "abc" {
		t.Error("Join changed a part")
	}
}

func TestALetterThatCannotBeReadBackIsNotEncoded(t *testing.T) {
	for name, change := range map[string]func(*Letter){
		"no reason":                  func(l *Letter) { l.Reason = "" },
		"another reason":             func(l *Letter) { l.Reason = "too_late" },
		"no ID":                      func(l *Letter) { l.ID = "" },
		"an ID too long":             func(l *Letter) { l.ID = strings.Repeat("i", 1025) },
		"a part":                     func(l *Letter) { l.Part = "1/2" },
		"an ordering key not UTF-8":  func(l *Letter) { l.Original.OrderingKey = "\xff" },
		"an attribute not UTF-8":     func(l *Letter) { l.Original.Attributes["a"] = "\xff" },
		"an attribute key not UTF-8": func(l *Letter) { l.Original.Attributes["\xff"] = "a" },
		"attributes of 20 MB":        func(l *Letter) { l.Original.Attributes["a"] = string(bytes.Repeat([]byte("a"), 20_000_000)) },
	} {
		l := letter()
		change(l)
		if messages, err := l.Encode(); err == nil {
			t.Errorf("%s: got %d messages, want an error", name, len(messages))
		}
	}
}

func TestSizesAreThoseOfTheRealEncoding(t *testing.T) {
	codec := encoding.GetCodecV2("proto")
	for _, m := range []Message{
		{},
		{Data: []byte("x")},
		{Data: noise(127), OrderingKey: strings.Repeat("u", 127)},
		{Data: noise(128), OrderingKey: strings.Repeat("u", 128), Attributes: map[string]string{"": ""}},
		{Data: noise(16383), Attributes: map[string]string{"a": strings.Repeat("v", 120), "b": strings.Repeat("v", 123), "c": strings.Repeat("v", 124)}},
		{Data: noise(16384), Attributes: attributes(100)},
		{Data: noise(2_097_152), Attributes: map[string]string{"ü": "ü"}},
	} {
		encoded, err := codec.Marshal(&pubsubpb.PubsubMessage{Data: m.Data, Attributes: m.Attributes, OrderingKey: m.OrderingKey})
		if err != nil {
			t.Fatal(err)
		}
		if got, want := m.size(), encoded.Len(); got != want {
			t.Errorf("%d bytes with %d attributes: size %d, want %d", len(m.Data), len(m.Attributes), got, want)
		}
		encoded.Free()
	}
}

func TestTheLargestPlainLetterFillsAMessage(t *testing.T) {
	l := letter()
	l.Original.Data = nil
	_, messages := mail(t, l)
	room := maxMessage - messages[0].size() - 5 // the tag and length of a body of megabytes
	for extra, parts := range []int{1, 2} {
		l.Original.Data = noise(room + extra)
		_, messages := mail(t, l)
		if len(messages) != parts || messages[0].Attributes["dl-encoding"] != "" {
			t.Errorf("%d bytes over the room took %d messages, encoded %q", extra, len(messages), messages[0].Attributes["dl-encoding"])
		}
	}
}

func TestAnyOriginalComesBack(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	text := func(longest int) string {
		var b strings.Builder
		for n := int(float64(longest+1) * math.Pow(r.Float64(), 4)); b.Len() < n; { // mostly short
			b.WriteRune([]rune("aZ0-_ \n\"\\<,\x00üß漢😀\u2028\uFFFD")[r.IntN(18)])
		}
		return b.String()
	}
	for range 300 {
		l := letter()
		l.Original = Original{OrderingKey: text(1100), MessageID: text(20), PublishTime: time.Unix(0, r.Int64()).UTC(), Attributes: map[string]string{}}
		l.Original.Data = make([]byte, r.IntN(3000))
		for i := range l.Original.Data {
			l.Original.Data[i] = byte(r.Uint32())
		}
		for range r.IntN(120) {
			l.Original.Attributes["a"+text(270)] = text(1040)
		}
		got, messages := mail(t, l)
		sameOriginal(t, got.Original, l.Original)
		if t.Failed() {
			t.Fatalf("seed %d: %d attributes, %d bytes, %d messages", seed, len(l.Original.Attributes), len(l.Original.Data), len(messages))
		}
	}
}
