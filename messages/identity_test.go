package messages

import (
	"testing"
	"time"
)

func TestIdentityIsTheLetterElseTheEventElseTheMessage(t *testing.T) {
	cases := []struct {
		change Change
		want   string
	}{
		{Change{}, "message:m1"},
		{Change{Source: "crm"}, "message:m1"},
		{Change{ID: "e1"}, "event:0::e1"},
		{Change{ID: "e1", Source: "crm"}, "event:3:crm:e1"},
		{Change{ID: "e1", Source: "crm", Replay: &Replay{Letter: "l1"}}, "letter:l1"},
	}
	for _, tt := range cases {
		if got := tt.change.Identity("m1"); got != tt.want {
			t.Errorf("Identity of %+v = %q, want %q", tt.change, got, tt.want)
		}
	}
}

func TestIdentitiesNeverCollide(t *testing.T) {
	parts := []string{"1", ":", "1:", ":1", "3:a", "a:b", "crm", "event:1:a:b", "letter:1", "message:1", "é"}
	seen := map[string]string{}
	add := func(identity, of string) {
		if other, ok := seen[identity]; ok {
			t.Errorf("%s and %s are both %q", of, other, identity)
		}
		seen[identity] = of
	}
	for _, p := range parts {
		add((&Change{}).Identity(p), "message "+p)
		add((&Change{Replay: &Replay{Letter: p}}).Identity("m"), "letter "+p)
		for _, q := range append(parts, "") {
			add((&Change{ID: p, Source: q}).Identity("m"), "source "+q+" ID "+p)
		}
	}
}

func TestAMessageHasTheIdentityOfItsChange(t *testing.T) {
	for _, c := range []*Change{
		change(),
		{Type: Patch, User: "user-1", ID: "e1", Patch: change().Patch},
		{Type: Patch, User: "user-1", ID: "e1", Source: "crm", Patch: change().Patch},
		{Type: Patch, User: "user-1", Replay: &Replay{Letter: "l1", MessageID: "m0", PublishTime: time.Unix(0, 0), Count: 1}, Patch: change().Patch},
	} {
		m, err := Encode(c)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := m.Identity("m1"), c.Identity("m1"); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
