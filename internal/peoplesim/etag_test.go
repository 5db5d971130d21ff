package peoplesim

import (
	"strings"
	"testing"

	"google.golang.org/api/people/v1"
)

func TestAnUpdateNeedsTheEtagOfTheVersionItChanges(t *testing.T) {
	s := seeded(t, Config{})
	api := dial(t, s, ann)

	first, err := api.UpdateContact(c1, guarded(c1, FirstVersion, named("One"))).UpdatePersonFields("names").Do()
	if err != nil {
		t.Fatalf("with the etag of a freshly seeded contact: %v", err)
	}
	source := first.Metadata.Sources[0]
	if source.Type != "CONTACT" || source.Etag != SourceEtag(c1, FirstVersion+1) {
		t.Errorf("the answer has the source %+v, want the etag of version 2", source)
	}

	_, err = api.UpdateContact(c1, guarded(c1, FirstVersion, named("Stale"))).UpdatePersonFields("names").Do()
	if f := failed(t, err); f.Code != 400 || f.Status != "FAILED_PRECONDITION" || f.Message != staleSourceText {
		t.Errorf("with the old etag: got %+v, want 400 FAILED_PRECONDITION %q", f, staleSourceText)
	}

	again := named("Two")
	again.Metadata = first.Metadata
	if _, err := api.UpdateContact(c1, &again).UpdatePersonFields("names").Do(); err != nil {
		t.Errorf("with the etag of the answer: %v", err)
	}
	if c := state(t, s, c1); c.Version != 3 || c.Person().Names[0].GivenName != "Two" {
		t.Errorf("the contact is at version %d with %s, want 3 with Two", c.Version, c.Values)
	}
}

func TestThePersonEtagVariesWithTheReadMaskAndEachFormIsTaken(t *testing.T) {
	s := seeded(t, Config{})
	api := dial(t, s, ann)
	seen := make(map[string]bool)
	for i, mask := range []string{"names", "names,metadata", "urls", "photos,metadata,names"} {
		p, err := api.Get(c1).PersonFields(mask).Do()
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(p.Etag, "%") || seen[p.Etag] {
			t.Errorf("with mask %s the etag is %s, want one that begins with %% and that no other mask has", mask, p.Etag)
		}
		seen[p.Etag] = true
		again, err := api.Get(c1).PersonFields(mask).Do()
		if err != nil || again.Etag != p.Etag {
			t.Errorf("with the same mask the etag is %s then %v, want the same", p.Etag, again)
		}

		change := people.Person{Etag: p.Etag, Metadata: contactSourceOnly(), Urls: []*people.Url{{Value: "https://two.example.com"}}}
		if _, err := api.UpdateContact(c1, &change).UpdatePersonFields("urls").Do(); err != nil {
			t.Errorf("update %d with the person etag of mask %s: %v", i, mask, err)
		}
		_, err = api.UpdateContact(c1, &change).UpdatePersonFields("urls").Do()
		if f := failed(t, err); f.Status != "FAILED_PRECONDITION" || f.Message != staleEtagText {
			t.Errorf("with the person etag of before: got %s %q, want %q", f.Status, f.Message, staleEtagText)
		}
	}
}

func contactSourceOnly() *people.PersonMetadata {
	return &people.PersonMetadata{Sources: []*people.Source{{Type: "CONTACT"}}}
}

func TestWhichEtagsAreGood(t *testing.T) {
	good := "#" + etagText(c1, FirstVersion)
	goodPerson := personEtag(etagText(c1, FirstVersion), 1)
	other := personEtag(etagText(c1, FirstVersion+1), 1)
	for name, c := range map[string]struct {
		habits         Habits
		person, source string
		want           string // the text of the refusal, empty if it is good
	}{
		"a good source etag":                            {source: good},
		"a good person etag":                            {person: goodPerson},
		"both good":                                     {person: goodPerson, source: good},
		"a source etag of another contact":              {source: SourceEtag(c2, FirstVersion), want: staleSourceText},
		"a source etag of the next version":             {source: SourceEtag(c1, FirstVersion+1), want: staleSourceText},
		"a source etag as person etag":                  {person: good, want: staleEtagText},
		"a source etag as person etag beside a good":    {person: good, source: good, want: staleEtagText},
		"a person etag as source etag":                  {source: goodPerson, want: staleSourceText},
		"a person etag of another version":              {person: other, want: staleEtagText},
		"a person etag that is none":                    {person: "%%%", want: staleEtagText},
		"a person etag without its %":                   {person: goodPerson[1:], want: staleEtagText},
		"a good source and a stale person etag":         {person: other, source: good, want: staleEtagText},
		"a stale source and a good person etag":         {person: goodPerson, source: "#AAAAAAAAAAA=", want: staleSourceText},
		"the habit that the source etag decides":        {habits: Habits{SourceEtagDecides: true}, person: other, source: good},
		"that habit, and a stale source etag":           {habits: Habits{SourceEtagDecides: true}, person: goodPerson, source: "#x", want: staleSourceText},
		"that habit, and no source etag":                {habits: Habits{SourceEtagDecides: true}, person: other, want: staleEtagText},
		"no etag":                                       {want: noEtagText},
		"no etag, with the habit that this is the same": {habits: Habits{NoEtagIsPrecondition: true}, want: noEtagText},
	} {
		t.Run(name, func(t *testing.T) {
			s := seeded(t, Config{})
			setFaults(t, s, Faults{Habits: c.habits})
			p := named("New")
			p.Etag, p.Metadata = c.person, &people.PersonMetadata{Sources: []*people.Source{{Type: "PROFILE", Etag: "#other"}, {Type: "CONTACT", Etag: c.source}}}
			_, err := dial(t, s, ann).UpdateContact(c1, &p).UpdatePersonFields("names").Do()
			if c.want == "" {
				if err != nil {
					t.Errorf("got %v, want no error", err)
				}
				return
			}
			status := "FAILED_PRECONDITION"
			if c.want == noEtagText && !c.habits.NoEtagIsPrecondition {
				status = "INVALID_ARGUMENT"
			}
			if f := failed(t, err); f.Code != 400 || f.Status != status || f.Message != c.want {
				t.Errorf("got %d %s %q, want 400 %s %q", f.Code, f.Status, f.Message, status, c.want)
			}
			if c := state(t, s, c1); c.Version != FirstVersion {
				t.Errorf("the contact moved to version %d", c.Version)
			}
		})
	}
}

func TestAnEtagWithoutASourceIsEnoughIfTheHabitSaysSo(t *testing.T) {
	s := seeded(t, Config{})
	setFaults(t, s, Faults{Habits: Habits{EtagWithoutSource: true}})
	p := named("New")
	p.Etag = personEtag(etagText(c1, FirstVersion), 1)
	if _, err := dial(t, s, ann).UpdateContact(c1, &p).UpdatePersonFields("names").Do(); err != nil {
		t.Errorf("got %v, want no error", err)
	}
}

func TestTheEtagMovesByHandByItselfAndByFault(t *testing.T) {
	s := seeded(t, Config{})
	if err := s.HandEdit(ann, c1, &people.Person{Urls: []*people.Url{{Value: "https://hand.example.com"}}}, "urls"); err != nil {
		t.Fatal(err)
	}
	if err := s.Touch(ann, c1); err != nil {
		t.Fatal(err)
	}
	setFaults(t, s, Faults{List: []Fault{{Kind: EtagMoved, Rate: 1, Calls: 1}}})
	_, err := dial(t, s, ann).UpdateContact(c1, guarded(c1, 3, named("New"))).UpdatePersonFields("names").Do()
	if f := failed(t, err); f.Message != staleSourceText {
		t.Errorf("with the etag that was good until the call: got %q, want %q", f.Message, staleSourceText)
	}
	var methods []string
	for _, w := range s.Audit(0) {
		methods = append(methods, w.Method)
	}
	if got, want := strings.Join(methods, ", "), "by hand, by itself, by itself"; got != want {
		t.Errorf("the audit has %s, want %s", got, want)
	}
	if c := state(t, s, c1); c.Version != 4 || c.Person().Urls[0].Value != "https://hand.example.com" || c.Person().Names[0].GivenName != "Ada" {
		t.Errorf("the contact is at version %d with %s", c.Version, c.Values)
	}
}
