package peoplesim

import (
	"testing"

	"google.golang.org/api/people/v1"
)

func TestAMaskReplacesAndClears(t *testing.T) {
	s := seeded(t, Config{})
	api := dial(t, s, ann)

	// The middle name is lost: a field is replaced whole. What is not masked stays, though it is sent.
	change := guarded(c1, 1, people.Person{
		Names: []*people.Name{{GivenName: "Ada", FamilyName: "New"}},
		Urls:  []*people.Url{{Value: "https://ignored.example.com"}},
	})
	if _, err := api.UpdateContact(c1, change).UpdatePersonFields("names").Do(); err != nil {
		t.Fatal(err)
	}
	holds(t, s, c1, `{"memberships":[{"contactGroupMembership":{"contactGroupResourceName":"contactGroups/myContacts"}}],`+
		`"names":[{"familyName":"New","givenName":"Ada"}],"urls":[{"type":"work","value":"https://one.example.com"}]}`)

	// A masked field that is not sent is cleared, one that was not there appears.
	change = guarded(c1, 2, people.Person{Nicknames: []*people.Nickname{{Value: "Nick"}}})
	if _, err := api.UpdateContact(c1, change).UpdatePersonFields("urls,nicknames").Do(); err != nil {
		t.Fatal(err)
	}
	holds(t, s, c1, `{"memberships":[{"contactGroupMembership":{"contactGroupResourceName":"contactGroups/myContacts"}}],`+
		`"names":[{"familyName":"New","givenName":"Ada"}],"nicknames":[{"value":"Nick"}]}`)

	change = guarded(c1, 3, people.Person{ForceSendFields: []string{"Nicknames"}})
	if _, err := api.UpdateContact(c1, change).UpdatePersonFields("nicknames").Do(); err != nil {
		t.Fatal(err)
	}
	holds(t, s, c1, `{"memberships":[{"contactGroupMembership":{"contactGroupResourceName":"contactGroups/myContacts"}}],`+
		`"names":[{"familyName":"New","givenName":"Ada"}]}`)
}

func holds(t *testing.T, s *Sim, resource, want string) {
	t.Helper()
	if got := string(state(t, s, resource).Values); got != want {
		t.Errorf("%s holds\n%s, want\n%s", resource, got, want)
	}
}

func TestOutputOnlyMembersAndProfileValuesOfAClientAreIgnored(t *testing.T) {
	s := seeded(t, Config{})
	change := guarded(c1, 1, people.Person{
		Names: []*people.Name{
			{GivenName: "Ann", DisplayName: "Other", DisplayNameLastFirst: "Other", Metadata: &people.FieldMetadata{Primary: true}},
			{GivenName: "Pat", Metadata: &people.FieldMetadata{Source: &people.Source{Type: "PROFILE", Id: "1"}}},
		},
		PhoneNumbers: []*people.PhoneNumber{{Value: "+1 555 0100 200", CanonicalForm: "+1", FormattedType: "X", Type: "home"}},
		Photos:       []*people.Photo{{Url: "https://photos.example.com/mine"}},
		AgeRanges:    []*people.AgeRangeType{{AgeRange: "TWENTY_ONE_OR_OLDER"}},
	})
	got, err := dial(t, s, ann).UpdateContact(c1, change).UpdatePersonFields("names,phoneNumbers").Do()
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Names) != 1 || got.Names[0].DisplayName != "Ann" || got.PhoneNumbers[0].CanonicalForm != "+15550100200" {
		t.Errorf("the answer has names %+v, phones %+v", got.Names, got.PhoneNumbers)
	}
	holds(t, s, c1, `{"memberships":[{"contactGroupMembership":{"contactGroupResourceName":"contactGroups/myContacts"}}],`+
		`"names":[{"givenName":"Ann"}],"phoneNumbers":[{"type":"home","value":"+1 555 0100 200"}],"urls":[{"type":"work","value":"https://one.example.com"}]}`)
}

func TestValuesThatMeanTheSameAreKeptTheSame(t *testing.T) {
	s := seeded(t, Config{})
	for i, names := range []string{
		`[{"givenName":"Jöe","familyName":"B"}]`,
		`[ { "familyName" : "B", "middleName": "", "givenName" : "J\u00f6e", "metadata":{"primary":true} } ]`,
		`[{"familyName":"B","honorificPrefix":null,"givenName":"J\u00F6e"}]`,
	} {
		body := `{"metadata":{"sources":[{"type":"CONTACT","etag":"` + SourceEtag(c2, int64(i+1)) + `"}]},"names":` + names + `}`
		if answer, b := send(t, s, "PATCH", "/v1/people/c2:updateContact?updatePersonFields=names", body); answer.StatusCode != 200 {
			t.Fatalf("got %d %s", answer.StatusCode, b)
		}
	}
	writes := s.Audit(0)
	if len(writes) != 3 || writes[0].Hash != writes[1].Hash || writes[1].Hash != writes[2].Hash {
		t.Errorf("the audit has %+v, want three writes with one hash", writes)
	}
}

func TestTheReadMaskDefaultsOfTheMethods(t *testing.T) {
	s := seeded(t, Config{})
	api := dial(t, s, ann)

	all, err := api.UpdateContact(c1, guarded(c1, 1, named("Ann"))).UpdatePersonFields("names").Do()
	if err != nil {
		t.Fatal(err)
	}
	if all.Metadata == nil || all.Names == nil || all.Urls == nil || all.Memberships == nil || all.Photos == nil {
		t.Errorf("updateContact without a read mask gave %+v, want all fields", all)
	}
	some, err := api.UpdateContact(c1, guarded(c1, 2, named("Ann"))).UpdatePersonFields("names").PersonFields("urls").Do()
	if err != nil {
		t.Fatal(err)
	}
	if some.Metadata != nil || some.Names != nil || some.Urls == nil || some.Etag == "" || some.ResourceName != c1 {
		t.Errorf("updateContact with the read mask urls gave %+v, want urls, etag and name alone", some)
	}

	photo, err := api.UpdateContactPhoto(c1, photoRequest(jpegBytes(t))).Do()
	if err != nil {
		t.Fatal(err)
	}
	if photo.Person != nil {
		t.Errorf("updateContactPhoto without a read mask gave %+v, want no person", photo.Person)
	}

	batch, err := api.BatchUpdateContacts(&people.BatchUpdateContactsRequest{
		Contacts: map[string]people.Person{c2: *guarded(c2, 1, named("Bob"))}, UpdateMask: "names",
	}).Do()
	if err != nil {
		t.Fatal(err)
	}
	if batch.UpdateResult != nil {
		t.Errorf("batchUpdateContacts without a read mask gave %+v, want no result", batch.UpdateResult)
	}
}

func TestAnotherUsersContactIsNotFoundOrForbidden(t *testing.T) {
	s := seeded(t, Config{})
	api := dial(t, s, "bob@example.com")
	for _, c := range []struct {
		habits Habits
		code   int
	}{{Habits{}, 404}, {Habits{ForeignIsForbidden: true}, 403}} {
		setFaults(t, s, Faults{Habits: c.habits})
		_, err := api.UpdateContact(c1, guarded(c1, 1, named("X"))).UpdatePersonFields("names").Do()
		if f := failed(t, err); f.Code != c.code {
			t.Errorf("update: got %d, want %d", f.Code, c.code)
		}
		_, err = api.Get(c1).PersonFields("names").Do()
		if f := failed(t, err); f.Code != c.code {
			t.Errorf("get: got %d, want %d", f.Code, c.code)
		}
		_, err = api.Get("people/c99").PersonFields("names").Do()
		if f := failed(t, err); f.Code != 404 {
			t.Errorf("get of what nobody has: got %d, want 404", f.Code)
		}
	}
}

func TestADeletedContactAnswersByHabit(t *testing.T) {
	for gone, want := range map[string]struct{ update, get int }{
		"": {404, 404}, "not_found": {404, 404}, "stale_etag": {400, 404}, "internal": {500, 500},
	} {
		s := seeded(t, Config{})
		setFaults(t, s, Faults{Habits: Habits{Gone: gone}})
		if err := s.Delete(ann, c1); err != nil {
			t.Fatal(err)
		}
		api := dial(t, s, ann)
		_, err := api.UpdateContact(c1, guarded(c1, 1, named("X"))).UpdatePersonFields("names").Do()
		f := failed(t, err)
		if f.Code != want.update || f.Code == 400 && f.Message != staleSourceText || f.Code == 500 && f.Message != "Internal error encountered." {
			t.Errorf("habit %q: an update answers %d %q, want %d", gone, f.Code, f.Message, want.update)
		}
		_, err = api.Get(c1).PersonFields("names").Do()
		if f := failed(t, err); f.Code != want.get {
			t.Errorf("habit %q: a get answers %d, want %d", gone, f.Code, want.get)
		}
		_, err = api.UpdateContactPhoto(c1, photoRequest(pngBytes(t))).Do()
		if f := failed(t, err); f.Code != want.update {
			t.Errorf("habit %q: a photo answers %d, want %d", gone, f.Code, want.update)
		}
		if _, ok := s.Contact(ann, c1); ok {
			t.Errorf("habit %q: the contact is still there", gone)
		}
	}
}
