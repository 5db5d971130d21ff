package peoplesim

import (
	"maps"
	"slices"
	"testing"

	"google.golang.org/api/people/v1"
)

// renaming is a batch that gives contacts new names, guarded by the etags of their versions.
func renaming(versions map[string]int64) *people.BatchUpdateContactsRequest {
	r := &people.BatchUpdateContactsRequest{Contacts: make(map[string]people.Person), UpdateMask: "names", ReadMask: "names,metadata"}
	for name, v := range versions {
		r.Contacts[name] = *guarded(name, v, named("New "+name))
	}
	return r
}

func givenName(t *testing.T, s *Sim, resource string) string {
	t.Helper()
	if p := state(t, s, resource).Person(); len(p.Names) > 0 {
		return p.Names[0].GivenName
	}
	return ""
}

func TestABatchUpdatesAllItsContactsInOneCall(t *testing.T) {
	s := seeded(t, Config{})
	got, err := dial(t, s, ann).BatchUpdateContacts(renaming(map[string]int64{c1: 1, c2: 1, c3: 1})).Do()
	if err != nil {
		t.Fatal(err)
	}
	if len(got.UpdateResult) != 3 {
		t.Errorf("the answer has %d contacts, want 3", len(got.UpdateResult))
	}
	for name, r := range got.UpdateResult {
		if r.RequestedResourceName != name || r.HttpStatusCode != 200 || r.Status == nil || r.Status.Code != 0 ||
			r.Person.Names[0].GivenName != "New "+name || r.Person.Metadata.Sources[0].Etag != SourceEtag(name, 2) {
			t.Errorf("the answer for %s is %+v", name, r)
		}
		if got := givenName(t, s, name); got != "New "+name {
			t.Errorf("%s holds %q", name, got)
		}
	}
	writes := s.Audit(0)
	if len(writes) != 3 || writes[0].Call != writes[2].Call || s.Stats().Calls[BatchUpdateContacts]["200"] != 1 {
		t.Errorf("the audit has %+v, want three writes of one call", writes)
	}
	if u := s.Stats().Units; u != (Units{6, 6, 200}) {
		t.Errorf("the batch cost %+v, want 6, 6, 200", u)
	}
}

func TestAMaskedFieldThatAContactOfABatchLacksIsCleared(t *testing.T) {
	s := seeded(t, Config{})
	r := renaming(map[string]int64{c1: 1, c2: 1})
	r.Contacts[c1] = *guarded(c1, 1, people.Person{Urls: []*people.Url{{Value: "https://new.example.com"}}})
	r.UpdateMask = "names,urls"
	if _, err := dial(t, s, ann).BatchUpdateContacts(r).Do(); err != nil {
		t.Fatal(err)
	}
	const group = `{"memberships":[{"contactGroupMembership":{"contactGroupResourceName":"contactGroups/myContacts"}}],`
	holds(t, s, c1, group+`"urls":[{"value":"https://new.example.com"}]}`)
	holds(t, s, c2, group+`"names":[{"givenName":"New people/c2"}]}`)
}

func TestABatchThatFailsNamesItsBadContactsAndAppliesNone(t *testing.T) {
	s := seeded(t, Config{})
	r := renaming(map[string]int64{c1: 1, c2: 7, "people/c99": 1, "people/me": 1})
	r.Contacts[c3] = *guarded(c3, 1, people.Person{Names: []*people.Name{{GivenName: "A"}, {GivenName: "B"}}})
	_, err := dial(t, s, ann).BatchUpdateContacts(r).Do()
	f := failed(t, err)
	if len(f.Details) != 1 || f.Details[0].Type != "type.googleapis.com/google.people.v1.BatchUpdateContactsErrorDetails" {
		t.Fatalf("got %+v, want one detail of the batch", f)
	}
	for name, want := range map[string]struct {
		code    int
		message string
	}{
		c2:           {9, staleSourceText},
		c3:           {3, "Cannot have more than one person.names per source."},
		"people/c99": {5, "Requested entity was not found."},
		"people/me":  {3, `Resource name "people/me" is not a valid contact person resource.`},
	} {
		if got := f.Details[0].ContactErrors[name]; got.Code != want.code || got.Message != want.message {
			t.Errorf("contactErrors[%s] is %+v, want %+v", name, got, want)
		}
	}
	if got := slices.Sorted(maps.Keys(f.Details[0].ContactErrors)); len(got) != 4 || slices.Contains(got, c1) {
		t.Errorf("contactErrors names %v, want all but %s", got, c1)
	}
	if w := s.Audit(0); len(w) != 0 {
		t.Errorf("%d writes happened", len(w))
	}
}

func TestTheHabitsOfABatchThatFails(t *testing.T) {
	for name, c := range map[string]struct {
		habits  Habits
		named   int
		applied string
	}{
		"all or nothing":       {Habits{}, 2, "Ada"},
		"partial":              {Habits{PartialBatch: true}, 2, "New people/c1"},
		"first only":           {Habits{FirstErrorOnly: true}, 1, "Ada"},
		"partial, first only":  {Habits{PartialBatch: true, FirstErrorOnly: true}, 1, "New people/c1"},
		"missing as 500":       {Habits{Gone: "internal"}, 2, "Ada"},
		"missing, stale first": {Habits{Gone: "stale_etag"}, 2, "Ada"},
	} {
		t.Run(name, func(t *testing.T) {
			s := seeded(t, Config{})
			setFaults(t, s, Faults{Habits: c.habits})
			_, err := dial(t, s, ann).BatchUpdateContacts(renaming(map[string]int64{c1: 1, c2: 2, c3: 2})).Do()
			f := failed(t, err)
			if f.Code != 400 || f.Status != "FAILED_PRECONDITION" || len(f.Details) != 1 || len(f.Details[0].ContactErrors) != c.named {
				t.Errorf("got %+v, want 400 with %d contacts named", f, c.named)
			}
			if got := givenName(t, s, c1); got != c.applied {
				t.Errorf("the good contact holds %q, want %q", got, c.applied)
			}
			if got := givenName(t, s, c2); got != "Bo" {
				t.Errorf("a bad contact holds %q, want what it held", got)
			}
		})
	}
}

func TestAMissingContactCanMakeTheWholeBatchA500(t *testing.T) {
	s := seeded(t, Config{})
	setFaults(t, s, Faults{Habits: Habits{Gone: "internal"}})
	_, err := dial(t, s, ann).BatchUpdateContacts(renaming(map[string]int64{c1: 1, "people/c99": 1})).Do()
	if f := failed(t, err); f.Code != 500 || f.Details != nil {
		t.Errorf("got %+v, want 500 without details", f)
	}
}

func TestSingleContactsOfABatchThatSucceedsCanFail(t *testing.T) {
	s := seeded(t, Config{})
	setFaults(t, s, Faults{List: []Fault{
		{Kind: ContactStatus, Rate: 1, Contacts: []string{c1}, Code: 13},
		{Kind: ContactOmitted, Rate: 1, Contacts: []string{c2}},
		{Kind: ContactRenamed, Rate: 1, Contacts: []string{c3}},
	}})
	api := dial(t, s, ann)
	got, err := api.BatchUpdateContacts(renaming(map[string]int64{c1: 1, c2: 1, c3: 1})).Do()
	if err != nil {
		t.Fatal(err)
	}
	if r := got.UpdateResult[c1]; r.Status.Code != 13 || r.Person != nil || givenName(t, s, c1) != "Ada" {
		t.Errorf("the contact with a status is %+v, and holds %s", r, givenName(t, s, c1))
	}
	if _, ok := got.UpdateResult[c2]; ok || givenName(t, s, c2) != "Bo" {
		t.Errorf("the contact that is omitted is in the answer, or holds %s", givenName(t, s, c2))
	}
	if r := got.UpdateResult[c3]; r.RequestedResourceName != c3 || r.Person.ResourceName != MergedName(c3) || givenName(t, s, c3) != "New "+c3 {
		t.Errorf("the contact that was merged is %+v, and holds %s", r, givenName(t, s, c3))
	}
	for _, name := range []string{c3, MergedName(c3)} {
		p, err := api.Get(name).PersonFields("names").Do()
		if err != nil || p.ResourceName != MergedName(c3) || p.Names[0].GivenName != "New "+c3 {
			t.Errorf("%s then gives %+v, %v", name, p, err)
		}
	}
	if all, counted := len(s.Snapshot()), s.Stats().Contacts; all != 3 || counted != 3 {
		t.Errorf("there are %d contacts, by the statistics %d, want 3", all, counted)
	}
}

func TestSingleContactsOfABatchCanFailThoughTheyAreApplied(t *testing.T) {
	s := seeded(t, Config{})
	setFaults(t, s, Faults{List: []Fault{
		{Kind: ContactStatus, Rate: 1, Contacts: []string{c1}, Applied: true},
		{Kind: ContactOmitted, Rate: 1, Contacts: []string{c2}, Applied: true},
		{Kind: Forbidden, Rate: 1, Contacts: []string{c3}},
	}})
	api := dial(t, s, ann)
	got, err := api.BatchUpdateContacts(renaming(map[string]int64{c1: 1, c2: 1})).Do()
	if err != nil || got.UpdateResult[c1].Status.Code != 10 || len(got.UpdateResult) != 1 {
		t.Errorf("got %+v, %v", got, err)
	}
	if a, b := givenName(t, s, c1), givenName(t, s, c2); a != "New people/c1" || b != "New people/c2" {
		t.Errorf("the contacts hold %s and %s, want both applied", a, b)
	}
	_, err = api.BatchUpdateContacts(renaming(map[string]int64{c1: 2, c3: 1})).Do()
	f := failed(t, err)
	if f.Code != 403 || len(f.Details) != 1 || len(f.Details[0].ContactErrors) != 1 || f.Details[0].ContactErrors[c3].Code != 7 {
		t.Errorf("with a forbidden contact: got %+v", f)
	}
	read, err := api.GetBatchGet().ResourceNames(c1, c3).PersonFields("names").Do()
	if err != nil || read.Responses[0].Person == nil || read.Responses[1].Status.Code != 7 {
		t.Errorf("reading both: got %+v, %v", read, err)
	}
}

func TestTheSameBatchTwiceIsStaleTheSecondTime(t *testing.T) {
	s := seeded(t, Config{})
	api := dial(t, s, ann)
	r := renaming(map[string]int64{c1: 1, c2: 1})
	if _, err := api.BatchUpdateContacts(r).Do(); err != nil {
		t.Fatal(err)
	}
	_, err := api.BatchUpdateContacts(r).Do()
	if f := failed(t, err); f.Status != "FAILED_PRECONDITION" || f.Message != staleSourceText || len(f.Details[0].ContactErrors) != 2 {
		t.Errorf("got %+v", f)
	}
}
