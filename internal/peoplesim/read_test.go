package peoplesim

import (
	"encoding/json"
	"strings"
	"testing"

	"google.golang.org/api/people/v1"
)

func TestAReadNormalisesWhatWasWritten(t *testing.T) {
	const metadata = `"metadata":{"primary":true,"source":{"type":"CONTACT","id":"1"},"sourcePrimary":true}`
	for field, c := range map[string]struct{ written, want, outputOnly string }{
		"names": {
			written:    `{"givenName":"Ann","middleName":"M","familyName":"Bee","honorificPrefix":"Dr.","honorificSuffix":"Jr."}`,
			want:       `"familyName":"Bee","givenName":"Ann","honorificPrefix":"Dr.","honorificSuffix":"Jr.","middleName":"M","displayName":"Dr. Ann M Bee Jr.","displayNameLastFirst":"Bee, Dr. Ann M Jr.","unstructuredName":"Dr. Ann M Bee Jr."`,
			outputOnly: `"familyName":"Bee","givenName":"Ann","honorificPrefix":"Dr.","honorificSuffix":"Jr.","middleName":"M","displayName":"Dr. Ann M Bee Jr.","displayNameLastFirst":"Bee, Dr. Ann M Jr."`,
		},
		"addresses": {
			written:    `{"streetAddress":"1 Way","city":"Town","region":"ON","postalCode":"K1","country":"CA","type":"home"}`,
			want:       `"city":"Town","country":"CA","postalCode":"K1","region":"ON","streetAddress":"1 Way","type":"home","formattedValue":"1 Way\nTown, ON K1\nCA","formattedType":"Home"`,
			outputOnly: `"city":"Town","country":"CA","postalCode":"K1","region":"ON","streetAddress":"1 Way","type":"home","formattedType":"Home"`,
		},
		"biographies":    {written: `{"value":"B"}`, want: `"value":"B","contentType":"TEXT_PLAIN"`, outputOnly: `"value":"B"`},
		"birthdays":      {written: `{"date":{"year":1990,"month":2,"day":0}}`, want: `"date":{"month":2,"year":1990}`},
		"emailAddresses": {written: `{"value":"a@example.com","type":"Old one"}`, want: `"type":"Old one","value":"a@example.com","formattedType":"Old one"`},
		"genders":        {written: `{"value":"female"}`, want: `"value":"female","formattedValue":"Female"`},
		"imClients":      {written: `{"username":"u","protocol":"googleTalk","type":"work"}`, want: `"protocol":"googleTalk","type":"work","username":"u","formattedProtocol":"Google Talk","formattedType":"Work"`},
		"memberships":    {written: `{"contactGroupMembership":{"contactGroupResourceName":"contactGroups/g1","contactGroupId":"x"}}`, want: `"contactGroupMembership":{"contactGroupId":"g1","contactGroupResourceName":"contactGroups/g1"}`},
		"miscKeywords":   {written: `{"value":"k","type":"OUTLOOK_USER"}`, want: `"type":"OUTLOOK_USER","value":"k","formattedType":"Outlook User"`},
		"organizations":  {written: `{"name":"Org","current":true,"startDate":{"year":2000}}`, want: `"current":true,"name":"Org","startDate":{"year":2000}`},
		"phoneNumbers":   {written: `{"value":"+1 (555) 010-0200","type":"homeFax"}`, want: `"type":"homeFax","value":"+1 (555) 010-0200","canonicalForm":"+15550100200","formattedType":"Home Fax"`},
		"userDefined":    {written: `{"key":"k","value":"<&>"}`, want: `"key":"k","value":"<&>"`},
	} {
		t.Run(field, func(t *testing.T) {
			if c.outputOnly == "" {
				c.outputOnly = c.want
			}
			for _, config := range []Config{{}, {OutputOnly: true}} {
				s := New(config)
				raw := json.RawMessage(`{"resourceName":"people/c1","` + field + `":[` + c.written + `]}`)
				if err := s.SeedJSON(ann, []json.RawMessage{raw}); err != nil {
					t.Fatal(err)
				}
				_, body := send(t, s, "GET", "/v1/people/c1?prettyPrint=false&personFields="+field, "")
				members := c.want
				if config.OutputOnly {
					members = c.outputOnly
				}
				if want := `"` + field + `":[{` + metadata + "," + members + `}]`; !strings.Contains(string(body), want) {
					t.Errorf("got\n%s, want in it\n%s", body, want)
				}
			}
		})
	}
}

func TestMetadataComesOnlyWhenAskedFor(t *testing.T) {
	s := seeded(t, Config{})
	api := dial(t, s, ann)
	without, err := api.Get(c1).PersonFields("names").Do()
	if err != nil || without.Metadata != nil {
		t.Errorf("got %+v, %v, want no metadata", without, err)
	}
	with, err := api.Get(c1).PersonFields("metadata").Do()
	if err != nil {
		t.Fatal(err)
	}
	if m := with.Metadata; m == nil || m.ObjectType != "PERSON" || m.Sources[0].Etag != SourceEtag(c1, 1) || m.Sources[0].Id != "1" || m.Sources[0].UpdateTime == "" {
		t.Errorf("got %+v", with.Metadata)
	}
	if with.Names != nil {
		t.Errorf("names came unasked: %+v", with.Names)
	}
}

// linked seeds a contact that is linked to a profile.
func linked(t *testing.T) *Sim {
	t.Helper()
	s := New(Config{})
	profile := &people.FieldMetadata{Source: &people.Source{Type: "PROFILE"}}
	err := s.Seed(ann, []*people.Person{{
		ResourceName:   c1,
		Names:          []*people.Name{{GivenName: "Own"}, {GivenName: "Linked", Metadata: profile}},
		EmailAddresses: []*people.EmailAddress{{Value: "linked@example.com", Metadata: profile}},
		Skills:         []*people.Skill{{Value: "S", Metadata: profile}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestProfileValuesAreMergedInUnlessTheSourcesAreTheContactAlone(t *testing.T) {
	s := linked(t)
	api := dial(t, s, ann)
	const mask = "names,emailAddresses,skills,photos,metadata"

	merged, err := api.Get(c1).PersonFields(mask).Do()
	if err != nil {
		t.Fatal(err)
	}
	if len(merged.Names) != 2 || merged.Names[0].GivenName != "Own" || !merged.Names[0].Metadata.Primary || merged.Names[1].Metadata.Primary ||
		merged.Names[1].Metadata.Source.Type != "PROFILE" || len(merged.EmailAddresses) != 1 || !merged.EmailAddresses[0].Metadata.Primary ||
		len(merged.Skills) != 1 || len(merged.Metadata.Sources) != 2 {
		b, _ := json.Marshal(merged)
		t.Errorf("merged: got %s", b)
	}

	own, err := api.Get(c1).PersonFields(mask).Sources("READ_SOURCE_TYPE_CONTACT").Do()
	if err != nil {
		t.Fatal(err)
	}
	if len(own.Names) != 1 || own.Names[0].GivenName != "Own" || own.EmailAddresses != nil || own.Skills != nil || len(own.Metadata.Sources) != 1 {
		b, _ := json.Marshal(own)
		t.Errorf("of the contact alone: got %s", b)
	}

	profile, err := api.Get(c1).PersonFields(mask).Sources("READ_SOURCE_TYPE_PROFILE").Do()
	if err != nil {
		t.Fatal(err)
	}
	if len(profile.Names) != 1 || profile.Names[0].GivenName != "Linked" || profile.Photos != nil || profile.Metadata.Sources[0].Type != "PROFILE" {
		b, _ := json.Marshal(profile)
		t.Errorf("of the profile alone: got %s", b)
	}

	neither, err := api.Get(c1).PersonFields(mask).Sources("READ_SOURCE_TYPE_DOMAIN_CONTACT").Do()
	if err != nil || neither.Names != nil || len(neither.Metadata.Sources) != 0 {
		t.Errorf("of neither: got %+v, %v", neither, err)
	}

	// A client that sends back what it read does not make the profile's values the contact's own.
	back := *merged
	if _, err := api.UpdateContact(c1, &back).UpdatePersonFields("names,emailAddresses").Do(); err != nil {
		t.Fatal(err)
	}
	holds(t, s, c1, `{"memberships":[{"contactGroupMembership":{"contactGroupResourceName":"contactGroups/myContacts"}}],"names":[{"givenName":"Own","unstructuredName":"Own"}]}`)
}

func TestABatchGetAnswersForEachNameInOrder(t *testing.T) {
	s := seeded(t, Config{})
	got, err := dial(t, s, ann).GetBatchGet().ResourceNames(c2, "people/c99", c1, "people/me").PersonFields("names,emailAddresses").Do()
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Responses) != 4 {
		t.Fatalf("got %d responses, want 4", len(got.Responses))
	}
	for i, want := range []struct {
		name string
		code int64
	}{{c2, 0}, {"people/c99", 5}, {c1, 0}, {"people/me", 0}} {
		r := got.Responses[i]
		if r.RequestedResourceName != want.name || r.Status == nil || r.Status.Code != want.code || (r.Person == nil) != (want.code != 0) {
			t.Errorf("response %d is %+v, want %s with code %d", i, r, want.name, want.code)
		}
	}
	if got := got.Responses[3].Person.EmailAddresses[0].Value; got != ann {
		t.Errorf("people/me has the address %s, want %s", got, ann)
	}
}

func TestTheOlderMaskOfAGetIsTaken(t *testing.T) {
	s := seeded(t, Config{})
	p, err := dial(t, s, ann).Get(c1).RequestMaskIncludeField("person.names,person.metadata").Do()
	if err != nil || p.Names == nil || p.Metadata == nil || p.Urls != nil {
		t.Errorf("got %+v, %v, want names and metadata", p, err)
	}
}

func TestAPartialResponseHasWhatWasAskedFor(t *testing.T) {
	s := seeded(t, Config{})
	for fields, want := range map[string]string{
		"etag":            `{"etag":"` + personEtag(etagText(c1, 1), loadDiscovery().fields.set("names", "metadata")) + `"}`,
		"names/givenName": `{"names":[{"givenName":"Ada"}]}`,
		"names(givenName,metadata/source),resourceName": `{"names":[{"givenName":"Ada","metadata":{"source":{"id":"1","type":"CONTACT"}}}],"resourceName":"people/c1"}`,
		"names/metadata,names/metadata/primary,urls":    `{"names":[{"metadata":{"primary":true,"source":{"id":"1","type":"CONTACT"},"sourcePrimary":true}}]}`,
		"names/metadata/*": `{"names":[{"metadata":{"primary":true,"source":{"id":"1","type":"CONTACT"},"sourcePrimary":true}}]}`,
	} {
		answer, body := send(t, s, "GET", "/v1/people/c1?prettyPrint=false&personFields=names,metadata&fields="+fields, "")
		if string(body) != want {
			t.Errorf("fields=%s: got %d %s, want %s", fields, answer.StatusCode, body, want)
		}
	}
	for _, fields := range []string{"(", "names(", "names)", "names/", ",", "names(givenName", "names/foo", "etag/x"} {
		answer, body := send(t, s, "GET", "/v1/people/c1?personFields=names&fields="+fields, "")
		if answer.StatusCode != 400 {
			t.Errorf("fields=%s: got %d %s, want 400", fields, answer.StatusCode, body)
		}
	}
}

func TestValuesComeInAnotherOrderIfTheHabitSaysSo(t *testing.T) {
	s := New(Config{})
	err := s.Seed(ann, []*people.Person{{ResourceName: c1, Urls: []*people.Url{{Value: "a"}, {Value: "b"}, {Value: "c"}}}})
	if err != nil {
		t.Fatal(err)
	}
	setFaults(t, s, Faults{Habits: Habits{ShuffledValues: true}})
	p, err := dial(t, s, ann).Get(c1).PersonFields("urls").Do()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	primaries := 0
	for _, u := range p.Urls {
		got = append(got, u.Value)
		if u.Metadata.Primary {
			primaries++
		}
	}
	if strings.Join(got, "") != "bca" || primaries != 1 || !p.Urls[2].Metadata.Primary {
		t.Errorf("got the order %v with %d primaries, want bca, and a still the primary one", got, primaries)
	}
}
