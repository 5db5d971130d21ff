package deadletter

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"
)

// delivered is the messages of letters as they would be received.
func delivered(t *testing.T, letters ...*Letter) (all []Delivery) {
	t.Helper()
	for _, l := range letters {
		messages, err := l.Encode()
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range messages {
			all = append(all, Delivery{Message: m, ID: fmt.Sprint("p", len(all)), Published: at})
		}
	}
	return all
}

// about is a letter with an ID, about a patch of a contact.
func about(id, user, contact string, age time.Duration) *Letter {
	l := letter()
	l.ID, l.Split, l.Time = id, "", at.Add(-age)
	l.Original.OrderingKey, l.Original.MessageID = user, "m-"+id
	l.Original.Data = fmt.Appendf(nil, `{"person":{"resourceName":%q},"updatePersonFields":"names","precondition":"latest"}`, contact)
	return l
}

func ids(entries []*Entry) (all []string) {
	for _, e := range entries {
		all = append(all, e.ID)
	}
	return all
}

func TestCopiesAndPartsOfALetterAreOneEntry(t *testing.T) {
	large := about("LARGE", "user-1", "people/c1", 0)
	large.Original.Data = bytes.Repeat([]byte{0}, 20_000_000) // packs well, but no envelope opens to so much
	copied := about("COPIED", "user-1", "people/c2", time.Hour)
	all := delivered(t, large, copied, copied)
	parts := len(all) - 2
	slices.Reverse(all)
	entries := Entries(all)
	if got := ids(entries); !slices.Equal(got, []string{"LARGE", "COPIED"}) {
		t.Fatalf("got %q, want the newest first", got)
	}
	if e := entries[0]; parts < 2 || e.State != Whole || len(e.Messages) != parts || !bytes.Equal(e.Original.Data, large.Original.Data) {
		t.Errorf("%d parts became %s with %d messages", parts, e.State, len(e.Messages))
	}
	if e := entries[1]; len(e.Messages) != 2 || e.Type != "patch" || !slices.Equal(e.Contacts, []string{"people/c2"}) {
		t.Errorf("two copies became %+v", e)
	}
	entries = Entries(all[:len(all)-1])
	if i := slices.IndexFunc(entries, func(e *Entry) bool { return e.State == Incomplete }); i < 0 || entries[i].ID != "LARGE" || entries[i].Reason != "incomplete" {
		t.Errorf("a letter of which a part is missing is not incomplete: %q", ids(entries))
	}
}

func TestWhatIsNoLetterIsAnEntryToo(t *testing.T) {
	entries := Entries([]Delivery{
		{ID: "1", Published: at, Message: Message{Data: []byte{0xff}, OrderingKey: "user-1", Attributes: map[string]string{"any": "x"}}},
		{ID: "2", Published: at.Add(-time.Minute), Message: Message{OrderingKey: "user-2", Attributes: map[string]string{
			"ce-type": "contactrelay.patch.v1", "CloudPubSubDeadLetterSourceDeliveryCount": "5",
			"CloudPubSubDeadLetterSourceSubscription": "s", "CloudPubSubDeadLetterSourceTopicPublishTime": "2026-10-01T08:00:00+00:00",
		}}},
		{ID: "3", Published: at.Add(-time.Hour), Message: Message{Attributes: map[string]string{"dl-reason": "bad_luck", "dl-letter": "X"}}},
		{ID: "4", Published: at.Add(-2 * time.Hour), Message: Message{Attributes: map[string]string{"dl-reason": "invalid"}}},
	})
	if got := ids(entries); !slices.Equal(got, []string{"1", "2", "3", "4"}) {
		t.Fatalf("got %q", got)
	}
	for i, want := range []State{Foreign, Foreign, Damaged, Damaged} {
		if e := entries[i]; e.State != want || string(e.Reason) != string(want) {
			t.Errorf("message %s is %s (%s), want %s", e.ID, e.State, e.Reason, want)
		}
	}
	native := entries[1].Original
	if !native.PublishTime.Equal(time.Date(2026, 10, 1, 8, 0, 0, 0, time.UTC)) || len(native.Attributes) != 1 || native.MessageID != "2" {
		t.Errorf("the service's own dead letter became %+v", native)
	}
}

func TestContactsAreReadFromWrongBodiesToo(t *testing.T) {
	tests := []struct {
		kind, body string
		want       []string
	}{
		{"patch", `{"person":{"resourceName":"people/c1","name":7},"x":1}`, []string{"people/c1"}},
		{"photo", `{"resourceName":"people/c2","photoBytes":false}`, []string{"people/c2"}},
		{"batch", `{"contacts":{"people/c4":{},"people/c3":7}}`, []string{"people/c3", "people/c4"}},
		{"patch", `{"person":`, nil},
		{"patch", `[]`, nil},
		{"merge", `{"person":{"resourceName":"people/c1"}}`, nil},
	}
	for _, test := range tests {
		l := about("L", "user-1", "", 0)
		l.Original.Attributes["ce-type"], l.Original.Data = "contactrelay."+test.kind+".v1", []byte(test.body)
		if got := Entries(delivered(t, l))[0].Contacts; !slices.Equal(got, test.want) {
			t.Errorf("%s %s: got %q, want %q", test.kind, test.body, got, test.want)
		}
	}
}

func TestShortIDsTellEntriesApart(t *testing.T) {
	entries := Entries(delivered(t, about("ABCDEFGHIJKL", "u", "people/c1", 0), about("ABCDEFGHIXYZ", "u", "people/c1", 0),
		about("ZZZZZZZZZZZZ", "u", "people/c1", 0), about("SHORT", "u", "people/c1", 0)))
	short := ShortIDs(entries)
	for id, want := range map[string]string{"ABCDEFGHIJKL": "ABCDEFGHIJ", "ABCDEFGHIXYZ": "ABCDEFGHIX", "ZZZZZZZZZZZZ": "ZZZZZZZZ", "SHORT": "SHORT"} {
		if short[id] != want {
			t.Errorf("%s is shown as %s, want %s", id, short[id], want)
		}
		if e, ambiguous := Match(entries, short[id]); ambiguous || e == nil || e.ID != id {
			t.Errorf("%s does not stand for %s", short[id], id)
		}
	}
	if _, ambiguous := Match(entries, "ABC"); !ambiguous {
		t.Error("the beginning of two IDs is taken for one of them")
	}
	if e, ambiguous := Match(entries, ""); e != nil || ambiguous {
		t.Error("nothing stands for a letter")
	}
}

func TestFailuresThatDifferInNumbersAndNamesAreOne(t *testing.T) {
	var letters []*Letter
	for i, detail := range []string{
		"contacts[people/c1].names: at most one value", "contacts[people/c77].names: at most one value",
		"not JSON at byte 12", "not JSON at byte 4096", "people/c5 is gone", "people/c6 is gone", "empty",
	} {
		l := about(fmt.Sprint("L", i), fmt.Sprint("user-", i%2), "people/c1", time.Duration(i)*24*time.Hour)
		l.Detail = detail
		letters = append(letters, l)
	}
	s := Sum(Entries(delivered(t, letters...)), at, 3)
	if s.Letters != 7 || s.FailureCount != 4 || len(s.Failures) != 3 || s.UserCount != 2 || s.Users[0] != (Count{"user-0", 4}) {
		t.Errorf("got %+v", s)
	}
	if f := s.Failures[1]; f.Detail != "not JSON at byte #" || f.Letters != 2 || f.Example != "L2" {
		t.Errorf("got %+v, want the newest as the example", f)
	}
	if got := s.Reasons[0].Ages; !slices.Equal(got, []int{1, 0, 6, 0}) {
		t.Errorf("got ages %v", got)
	}
}
