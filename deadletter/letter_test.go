package deadletter

import (
	"bytes"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"
)

// at is a time with nanoseconds, in another zone than UTC.
var at = time.Date(2026, 10, 21, 9, 28, 0, 120_000_000, time.FixedZone("", 2*60*60))

// letter is a letter in which everything is set.
func letter() *Letter {
	return &Letter{
		Reason: EtagConflict, Detail: "2 fields were changed by somebody else", HTTPStatus: 400, APIStatus: "FAILED_PRECONDITION",
		Fields: []string{"names", "urls"}, CurrentEtag: "#def",
		Attempts: 3, FirstAttempt: at.Add(-time.Minute), Time: at, Subscription: "contact-changes-worker", Worker: "v1.2.3",
		ID: "LETTER1", Replays: 2, Split: "3 of 50",
		Original: Original{
			Data: []byte(`{"person":{}}`), Attributes: map[string]string{"ce-type": "contactrelay.patch.v1", "ce-id": "e1"},
			OrderingKey: "user-1", MessageID: "m1", PublishTime: at.Add(-time.Hour),
		},
	}
}

// mail encodes and decodes a letter, and tells of how many messages it was made. Any failure ends the test.
func mail(t *testing.T, l *Letter) (*Letter, []Message) {
	t.Helper()
	messages, err := l.Encode()
	if err != nil {
		t.Fatal(err)
	}
	var parts []*Letter
	for _, m := range messages {
		if len(m.Attributes) > 100 || len(m.OrderingKey) > 1024 || m.size() > 10_000_000-1000 {
			t.Fatalf("a message of %d attributes and %d bytes breaks a limit of Pub/Sub", len(m.Attributes), m.size())
		}
		for key, value := range m.Attributes {
			if len(key) > 256 || len(value) > 1024 {
				t.Fatalf("an attribute of %d and %d bytes breaks a limit of Pub/Sub", len(key), len(value))
			}
		}
		part, err := Decode(m)
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, part)
	}
	slices.Reverse(parts)
	whole, err := Join(parts)
	if err != nil {
		t.Fatal(err)
	}
	return whole, messages
}

// sameOriginal fails the test if an original is not the same byte for byte.
func sameOriginal(t *testing.T, got, want Original) {
	t.Helper()
	if !bytes.Equal(got.Data, want.Data) {
		t.Errorf("the body is another one: %d bytes, want %d", len(got.Data), len(want.Data))
	}
	if !maps.Equal(got.Attributes, want.Attributes) {
		t.Errorf("the attributes are others: %.300q, want %.300q", fmt.Sprint(got.Attributes), fmt.Sprint(want.Attributes))
	}
	if got.OrderingKey != want.OrderingKey || got.MessageID != want.MessageID || !got.PublishTime.Equal(want.PublishTime) {
		t.Errorf("got key %q, ID %q, time %v; want %q, %q, %v", got.OrderingKey, got.MessageID, got.PublishTime,
			want.OrderingKey, want.MessageID, want.PublishTime)
	}
}

func TestReasonsAreTheSetOfTheDesign(t *testing.T) {
	want := []Reason{"malformed", "unsupported_type", "invalid", "forbidden", "etag_conflict", "rejected", "not_found",
		"user_unauthorized", "retries_exhausted"}
	if got := Reasons(); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, reason := range Reasons() {
		l := letter()
		l.Reason = reason
		if got, _ := mail(t, l); got.Reason != reason {
			t.Errorf("got %q back for %q", got.Reason, reason)
		}
	}
}

func TestALetterComesBackAsItWas(t *testing.T) {
	want := letter()
	got, messages := mail(t, want)
	if len(messages) != 1 {
		t.Fatalf("got %d messages, want one", len(messages))
	}
	for _, t := range []*time.Time{&want.FirstAttempt, &want.Time, &want.Original.PublishTime} {
		*t = t.UTC()
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
}

func TestAnEmptyBodyAndNoAttributesComeBack(t *testing.T) {
	want := &Letter{Reason: Malformed, ID: "LETTER1"}
	got, _ := mail(t, want)
	sameOriginal(t, got.Original, Original{})
	if got.Reason != Malformed || !got.Time.IsZero() || got.Fields != nil {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestLetterIDsAreUnique(t *testing.T) {
	seen := make(map[string]bool)
	for range 1000 {
		id := NewID()
		if len(id) < 16 || seen[id] {
			t.Fatalf("NewID() = %q after %d others", id, len(seen))
		}
		seen[id] = true
	}
}

func TestTheFirstPublicationIsKeptOverReplays(t *testing.T) {
	attributes := map[string]string{
		"ce-type": "contactrelay.patch.v1",
		"custom":  "x",
		"DL-note": "the producer's own",
		// of the replay
		"replay-letter": "LETTER0", "replay-publish-time": "2026-10-01T08:00:00.5Z", "replay-message-id": "m0", "replay-count": "4", "replay-seen-etag": "#x",
		// left behind by a replay that did not strip them
		"dl-reason": "not_found", "dl-split": "3 of 50", "dl-part": "1/2", "dl-encoding": "gzip-envelope", "dl-anything": "x",
	}
	before := maps.Clone(attributes)
	m := Message{Data: []byte("{}"), Attributes: attributes, OrderingKey: "user-1"}
	got, replays := Received(m, "m9", at)
	want := Original{
		Data: []byte("{}"), OrderingKey: "user-1", MessageID: "m0", PublishTime: time.Date(2026, 10, 1, 8, 0, 0, 500_000_000, time.UTC),
		Attributes: map[string]string{"ce-type": "contactrelay.patch.v1", "custom": "x", "DL-note": "the producer's own"},
	}
	sameOriginal(t, got, want)
	if replays != 4 {
		t.Errorf("got %d replays, want 4", replays)
	}
	if !maps.Equal(attributes, before) {
		t.Error("the attributes of the message were changed")
	}
	l := &Letter{Reason: Rejected, ID: "LETTER1", Original: got, Replays: replays}
	_, messages := mail(t, l)
	for name, value := range map[string]string{
		"dl-message-id": "m0", "dl-publish-time": "2026-10-01T08:00:00.500000000Z", "dl-replays": "4", "dl-reason": "rejected",
		"dl-letter": "LETTER1", "dl-split": "", "dl-part": "", "dl-encoding": "", "dl-anything": "", "replay-letter": "",
		"replay-publish-time": "", "replay-message-id": "", "replay-count": "", "replay-seen-etag": "",
	} {
		if got := messages[0].Attributes[name]; got != value {
			t.Errorf("%s = %q, want %q", name, got, value)
		}
	}
}

func TestAMessageThatIsNoReplayIsItsOwnOriginal(t *testing.T) {
	for _, attributes := range []map[string]string{
		nil,
		{"replay-publish-time": "yesterday", "replay-message-id": "", "replay-count": "-1"},
		{"replay-count": "many"},
	} {
		got, replays := Received(Message{Attributes: attributes}, "m9", at)
		sameOriginal(t, got, Original{MessageID: "m9", PublishTime: at})
		if replays != 0 {
			t.Errorf("%v: got %d replays, want 0", attributes, replays)
		}
	}
}

func TestStaleAttributesInAnOriginalAreDropped(t *testing.T) {
	l := letter()
	l.Original.Attributes["dl-detail"] = "stale"
	l.Original.Attributes["dl-encoding"] = "gzip-envelope"
	l.Original.Attributes["replay-count"] = "7"
	got, messages := mail(t, l)
	sameOriginal(t, got.Original, letter().Original)
	if d := messages[0].Attributes["dl-detail"]; d != letter().Detail {
		t.Errorf("dl-detail = %q, want the letter's own", d)
	}
	if len(l.Original.Attributes) != 5 {
		t.Error("the letter was changed")
	}
}

func ExampleLetter_Encode() {
	received := Message{Data: []byte(`{"person":{}}`), Attributes: map[string]string{"ce-type": "contactrelay.patch.v1"}, OrderingKey: "user-1"}
	original, replays := Received(received, "m1", time.Date(2026, 10, 21, 7, 28, 0, 0, time.UTC))
	l := Letter{Reason: Invalid, Detail: "updatePersonFields: is empty", ID: "LETTER1", Original: original, Replays: replays}
	messages, err := l.Encode()
	if err != nil {
		panic(err)
	}
	m := messages[0]
	fmt.Printf("%s %s\n", m.OrderingKey, m.Data)
	for _, name := range slices.Sorted(maps.Keys(m.Attributes)) {
		fmt.Printf("%s: %s\n", name, m.Attributes[name])
	}
	// Output:
	// user-1 {"person":{}}
	// ce-type: contactrelay.patch.v1
	// dl-attempts: 0
	// dl-detail: updatePersonFields: is empty
	// dl-letter: LETTER1
	// dl-message-id: m1
	// dl-publish-time: 2026-10-21T07:28:00.000000000Z
	// dl-reason: invalid
	// dl-replays: 0
}
