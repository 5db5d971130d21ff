package peoplesim

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"google.golang.org/api/people/v1"
)

func TestGeneratedContactsFollowTheirPattern(t *testing.T) {
	s := New(Config{})
	if err := s.Generate(12, 3); err != nil {
		t.Fatal(err)
	}
	if UserName(7) != "user-007@example.com" || UserName(1234) != "user-1234@example.com" || ContactName(7, 2) != "people/c1000007000002" {
		t.Errorf("the names are %s, %s, %s", UserName(7), UserName(1234), ContactName(7, 2))
	}
	if got := s.Stats(); got.Users != 12 || got.Contacts != 36 || got.Writes != 0 {
		t.Errorf("the statistics show %+v", got)
	}
	c, ok := s.Contact(UserName(7), ContactName(7, 2))
	if !ok || c.Version != FirstVersion || c.Etag != SourceEtag(ContactName(7, 2), FirstVersion) || string(c.Values) != string(GeneratedValues(7, 2)) {
		t.Errorf("got %+v with %s, want %s", c, c.Values, GeneratedValues(7, 2))
	}
	if _, ok := s.Contact(UserName(7), ContactName(7, 3)); ok {
		t.Error("there is a fourth contact")
	}
	for _, n := range [][2]int{{-1, 1}, {1, -1}, {1_000_001, 1}, {1, 1_000_001}} {
		if err := s.Generate(n[0], n[1]); err == nil {
			t.Errorf("Generate(%d, %d) = nil, want an error", n[0], n[1])
		}
	}
}

func TestSeedingRefusesWhatNoContactCanBeAndThenSeedsNothing(t *testing.T) {
	for want, raw := range map[string]string{
		"does not begin with people/c":       `{"resourceName":"people/me"}`,
		`resource name "" does not begin`:    `{}`,
		`Unknown name "foo" at 'person'`:     `{"resourceName":"people/c2","foo":1}`,
		"Cannot have more than one person.n": `{"resourceName":"people/c2","names":[{"givenName":"A"},{"givenName":"B"}]}`,
	} {
		s := New(Config{})
		err := s.SeedJSON(ann, []json.RawMessage{json.RawMessage(`{"resourceName":"people/c1"}`), json.RawMessage(raw)})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "contact 1") {
			t.Errorf("seeding %s: got %v, want %s of contact 1", raw, err, want)
		}
		if got := s.Stats().Contacts; got != 0 {
			t.Errorf("seeding %s: %d contacts are there", raw, got)
		}
	}
}

func TestSeedingAgainPutsAContactBackToItsStart(t *testing.T) {
	s := seeded(t, Config{})
	if err := rename(t.Context(), dial(t, s, ann), 1, "New"); err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(ann, c2); err != nil {
		t.Fatal(err)
	}
	if err := s.Seed(ann, []*people.Person{{ResourceName: c1, Names: []*people.Name{{GivenName: "Back"}}}, {ResourceName: c2}}); err != nil {
		t.Fatal(err)
	}
	if c := state(t, s, c1); c.Version != FirstVersion || c.Person().Names[0].GivenName != "Back" || c.Person().Urls != nil {
		t.Errorf("got %+v with %s", c, c.Values)
	}
	state(t, s, c2)
}

func TestASnapshotHasAllContactsInOrder(t *testing.T) {
	s := seeded(t, Config{})
	if err := s.Seed("abe@example.com", []*people.Person{{ResourceName: "people/c9"}}); err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(ann, c2); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range s.Snapshot() {
		got = append(got, c.User+" "+c.ResourceName)
	}
	if want := "abe@example.com people/c9, ann@example.com people/c1, ann@example.com people/c3"; strings.Join(got, ", ") != want {
		t.Errorf("got %s, want %s", strings.Join(got, ", "), want)
	}
}

func TestWhatIsNotThereCannotBeChangedByHand(t *testing.T) {
	s := seeded(t, Config{})
	p := named("X")
	for name, err := range map[string]error{
		"Delete":   s.Delete(ann, "people/c9"),
		"Touch":    s.Touch("bob@example.com", c1),
		"HandEdit": s.HandEdit(ann, "people/c9", &p, "names"),
	} {
		if !errors.Is(err, ErrNoContact) {
			t.Errorf("%s: got %v, want ErrNoContact", name, err)
		}
	}
	for _, mask := range []string{"", "photos", "memberships"} {
		if err := s.HandEdit(ann, c1, &p, mask); err == nil || errors.Is(err, ErrNoContact) {
			t.Errorf("HandEdit with mask %q: got %v, want an error", mask, err)
		}
	}
}

func TestAResetForgetsEverything(t *testing.T) {
	s := seeded(t, Config{})
	setFaults(t, s, Faults{List: []Fault{{Kind: Latency, Rate: 1, Delay: 1}}})
	if err := rename(t.Context(), dial(t, s, ann), 1, "New"); err != nil {
		t.Fatal(err)
	}
	s.Reset()
	st := s.Stats()
	if st.Users+st.Contacts+st.MaxOverlap != 0 || st.Writes != 0 || len(st.Calls) != 0 || st.Units != (Units{}) || len(s.Faults().List) != 0 || len(s.Audit(0)) != 0 {
		t.Errorf("after a reset: %+v, %+v", st, s.Faults())
	}
}
