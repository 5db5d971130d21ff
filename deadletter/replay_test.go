package deadletter

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/contactrelay/contactrelay/messages"
)

func TestAReplayCarriesItsOriginalAndNothingOfTheLetter(t *testing.T) {
	l := about("LETTER1", "user-1", "people/c1", 0)
	l.Original.Attributes["ce-time"] = "yesterday"
	e := Entries(delivered(t, l))[0]
	m, err := e.Again()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"ce-type": "contactrelay.patch.v1", "ce-id": "e1", "ce-time": "yesterday", "replay-letter": "LETTER1", "replay-message-id": "m-LETTER1",
		"replay-publish-time": "2026-10-21T06:28:00.12Z", "replay-count": "3",
	}
	if !maps.Equal(m.Attributes, want) || m.OrderingKey != "user-1" || string(m.Data) != string(l.Original.Data) {
		t.Errorf("got %v", m.Attributes)
	}
	// What the worker reads of it is the first publication, and a letter of it has the count.
	original, replays := Received(m, "another", at)
	sameOriginal(t, original, l.Original)
	if replays != 3 {
		t.Errorf("got %d replays, want 3", replays)
	}
	replay, err := messages.Message{Attributes: m.Attributes}.Replay()
	if err != nil || replay.Letter != "LETTER1" {
		t.Errorf("the contract reads %+v, %v", replay, err)
	}
}

func TestALetterThatLeavesNoRoomForAReplayIsNotReplayed(t *testing.T) {
	l := about("LETTER1", "user-1", "people/c1", 0)
	for i := range 95 {
		l.Original.Attributes[fmt.Sprint("custom-", i)] = "x"
	}
	e := Entries(delivered(t, l))[0]
	if _, err := e.Again(); !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v for 101 attributes", err)
	}
}

func TestUsersAreReplayedTogetherInTheOrderOfTheirChanges(t *testing.T) {
	var letters []*Letter
	for i, l := range []struct {
		user, message string
		after         time.Duration
	}{
		{"b", "30", 3}, {"a", "9", 1}, {"b", "20", 2}, {"a", "100", 4}, {"c", "5", 0}, {"a", "99", 4}, {"", "7", 5},
	} {
		made := about(fmt.Sprint("L", i), l.user, "people/c1", 0)
		made.Original.MessageID, made.Original.PublishTime = l.message, at.Add(l.after*time.Second)
		letters = append(letters, made)
	}
	var got []string
	for _, e := range InOrder(Entries(delivered(t, letters...))) {
		got = append(got, e.Original.OrderingKey+e.Original.MessageID)
	}
	if want := []string{"c5", "a9", "a99", "a100", "b20", "b30", "7"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestStepsOfARampGrowFivefold(t *testing.T) {
	for letters, want := range map[int][]int{0: nil, 1: {1}, 6: {1, 5}, 40: {1, 5, 25, 9}, 1000: {1, 5, 25, 125, 625, 219}} {
		if got := Steps(letters); !slices.Equal(got, want) {
			t.Errorf("Steps(%d) = %v, want %v", letters, got, want)
		}
	}
}

func TestARampKnowsWhatCameBackOfIt(t *testing.T) {
	sent := Entries(delivered(t, about("LETTER1", "user-1", "people/c1", 0)))[0]
	back := func(change func(*Letter)) *Entry {
		l := about("LETTER2", "user-1", "people/c1", 0)
		l.Original.MessageID, l.Replays = "m-LETTER1", 3
		change(l)
		return Entries(delivered(t, l))[0]
	}
	tests := []struct {
		name       string
		letter     *Entry
		came, same int
	}{
		{"the same reason", back(func(*Letter) {}), 1, 1},
		{"another reason", back(func(l *Letter) { l.Reason = Forbidden }), 1, 0},
		{"from before", back(func(l *Letter) { l.Replays = 2 }), 0, 0},
		{"another message", back(func(l *Letter) { l.Original.MessageID = "m-other" }), 0, 0},
		{"another user's", back(func(l *Letter) { l.Original.OrderingKey = "user-2" }), 0, 0},
		{"another contact of a batch", back(func(l *Letter) { l.Original.Data = []byte(`{"person":{"resourceName":"people/c2"}}`) }), 0, 0},
	}
	for _, test := range tests {
		r := NewRamp(0)
		r.Sent(sent)
		arrived := r.Arrived(test.letter)
		open, came, same, _ := r.State()
		if came != test.came || same != test.same || open != 1-test.came || arrived != (came == 1) || r.Failed() != (same > 0) {
			t.Errorf("%s: %d came, %d with the same reason, %d open", test.name, came, same, open)
		}
		if r.Arrived(test.letter) {
			t.Errorf("%s: it came back twice", test.name)
		}
	}
}

func TestAnOverwriteIsTheSameValuesOnTheEtagsThatWereRead(t *testing.T) {
	l := about("LETTER1", "user-1", "people/c1", 0)
	l.Original.Attributes["ce-type"] = string(messages.Batch)
	l.Original.Data = []byte(`{"contacts":{"people/c1":{"nicknames":[{"value":"N"}]},"people/c2":{}},"updateMask":"nicknames","precondition":"latest"}`)
	e := Entries(delivered(t, l))[0]
	c, err := e.Change(messages.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	over, err := e.Over(c, []Prospect{{Contact: "people/c1", Etag: "#now"}, {Contact: "people/c2"}})
	if err != nil {
		t.Fatal(err)
	}
	if c, err = over.Change(messages.Limits{}); err != nil || c.Batch.Precondition != messages.Etag {
		t.Fatalf("got %+v, %v", c, err)
	}
	for name, want := range map[string]string{"people/c1": "#now", "people/c2": goneEtag} {
		if got := c.Batch.Contacts[name].Metadata.Sources[0].Etag; got != want {
			t.Errorf("%s is written on %q, want %q", name, got, want)
		}
	}
	if c.Batch.Contacts["people/c1"].Nicknames[0].Value != "N" || !strings.Contains(string(e.Original.Data), "latest") {
		t.Error("the values are others, or the letter was changed")
	}
	rest, some, err := e.Without([]string{"people/c1"})
	if err != nil || !some || !slices.Equal(rest.Contacts, []string{"people/c2"}) {
		t.Errorf("without one contact: %+v, %v, %v", rest, some, err)
	}
	if _, some, err := e.Without([]string{"people/c1", "people/c2"}); some || err != nil {
		t.Errorf("without both: %v, %v", some, err)
	}
}

func TestARecordComesBackAsItWas(t *testing.T) {
	for _, body := range []string{`{"person":{"resourceName":"people/c1"},"updatePersonFields":"names","precondition":"latest"}`, "\xff", "{", ""} {
		l := about("LETTER1", "user-1", "people/c1", 0)
		l.Original.Data = []byte(body)
		e := Entries(delivered(t, l))[0]
		line, err := e.Record().Line()
		if err != nil {
			t.Fatal(err)
		}
		r, err := ParseRecord(line)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		repaired, err := e.Repaired(r, messages.Limits{})
		if valid := strings.Contains(body, "person"); valid != (err == nil) {
			t.Errorf("%q: %v", body, err)
		} else if valid {
			sameOriginal(t, repaired.Original, e.Original)
		}
	}
}

func FuzzParseRecord(f *testing.F) {
	f.Add([]byte(`{"letter":"L","user":"u","attributes":{"ce-type":"contactrelay.patch.v1"},"body":{"person":{}}}`))
	f.Add([]byte(`{"letter":"L","bytes":"AAAA","fields":["a"],"time":"2026-10-01T08:00:00Z"}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		r, err := ParseRecord(line)
		if err != nil {
			return
		}
		again, err := r.Line()
		if err != nil {
			return // what stands in a line can be more than JSON has names for
		}
		if _, err := ParseRecord(again); err != nil {
			t.Errorf("%q became %q: %v", line, again, err)
		}
	})
}
