package peoplesim

import (
	"crypto/sha256"
	"encoding/hex"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/api/people/v1"
)

func TestTheAuditHasEveryWriteInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := seeded(t, Config{AuditValues: true})
		api := dial(t, s, ann)
		start := time.Now()
		update := guarded(c1, 1, people.Person{Names: []*people.Name{{GivenName: "A"}}})
		if _, err := api.UpdateContact(c1, update).UpdatePersonFields("urls,names").Do(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if err := s.HandEdit(ann, c2, &people.Person{Names: []*people.Name{{GivenName: "H"}}}, "names"); err != nil {
			t.Fatal(err)
		}
		if err := rename(t.Context(), api, 1, "Stale"); err == nil {
			t.Fatal("a stale write was taken")
		}
		got := s.Audit(0)
		values := []string{`{"names":[{"givenName":"A"}],"urls":[]}`, `{"names":[{"givenName":"H"}]}`}
		want := []Write{
			{
				Seq: 1, Call: 1, Time: start, User: ann, Method: UpdateContact, ResourceName: c1, Fields: []string{"names", "urls"},
				OldVersion: 1, NewVersion: 2, OldEtag: SourceEtag(c1, 1), NewEtag: SourceEtag(c1, 2),
			},
			{
				Seq: 2, Time: start.Add(time.Second), User: ann, Method: ByHand, ResourceName: c2, Fields: []string{"names"},
				OldVersion: 1, NewVersion: 2, OldEtag: SourceEtag(c2, 1), NewEtag: SourceEtag(c2, 2),
			},
		}
		for i := range want {
			sum := sha256.Sum256([]byte(values[i]))
			want[i].Hash, want[i].Values = hex.EncodeToString(sum[:]), []byte(values[i])
			if i < len(got) {
				got[i].Time = got[i].Time.Round(0)
				want[i].Time = want[i].Time.Round(0)
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got\n%+v, want\n%+v", got, want)
		}
		if after := s.Audit(1); len(after) != 1 || after[0].Seq != 2 {
			t.Errorf("after the first: got %+v", after)
		}
	})
}

func TestTheAuditKeepsTheLastWritesWithTheirNumbers(t *testing.T) {
	s := seeded(t, Config{AuditLimit: 3})
	for range 10 {
		if err := s.Touch(ann, c1); err != nil {
			t.Fatal(err)
		}
	}
	got := s.Audit(0)
	if len(got) < 3 || len(got) > 6 || got[len(got)-1].Seq != 10 || got[len(got)-1].NewVersion != 11 || s.Stats().Writes != 10 {
		t.Errorf("got %+v, want the last 3 to 6 of 10 writes", got)
	}
	for i, w := range got {
		if w.NewVersion != w.Seq+1 || i > 0 && w.Seq != got[i-1].Seq+1 {
			t.Errorf("write %d is %+v", i, w)
		}
	}
	if got := s.Audit(10); len(got) != 0 {
		t.Errorf("after the last: got %+v", got)
	}
}
