package messages

import (
	"fmt"
	"strings"
	"testing"
)

const (
	contactSource = `"metadata":{"sources":[{"type":"CONTACT","etag":"#1"}]}`

	needsSource = "needs a source of type CONTACT, unless precondition is latest"
	needsEtag   = "required, here or in the source of type CONTACT, unless precondition is latest"
	needsGroup  = "needs a contactGroupMembership with contactGroupResourceName"
	noName      = "must be people/ and an ID of ASCII without slash and space"
	oneOfFive   = "must be one of READ_SOURCE_TYPE_UNSPECIFIED, READ_SOURCE_TYPE_PROFILE, READ_SOURCE_TYPE_CONTACT, READ_SOURCE_TYPE_DOMAIN_CONTACT, READ_SOURCE_TYPE_OTHER_CONTACT"
)

// patchWith is a patch of a person with those names in JSON, and with those beside the person.
func patchWith(person, beside string) string {
	return `{"person":{"resourceName":"people/c1",` + contactSource + `,` + person + `},` + beside + `}`
}

// batchWith is a batch of those contacts, and with those names beside.
func batchWith(contacts, beside string) string {
	return `{"contacts":{` + contacts + `},` + beside + `}`
}

// broken is a body that breaks the rules of the faults and no others.
type broken struct {
	name   string
	typ    Type
	body   string
	faults []Fault

	beyondSchema bool // a rule that JSON Schema cannot express
}

// brokenRules has each rule of the values, broken once.
func brokenRules() []broken {
	all := append(brokenMasks(), brokenPersons()...)
	return append(all, brokenBatches()...)
}

func brokenMasks() []broken {
	patch := func(name, beside, field, rule string) broken {
		return broken{"patch: " + name, Patch, patchWith(`"urls":[]`, beside), []Fault{{field, rule}}, false}
	}
	const urls = `"updatePersonFields":"urls",`
	return []broken{
		patch("no mask", `"sources":[]`, "updatePersonFields", "required: the fields to write"),
		patch("empty mask", `"updatePersonFields":""`, "updatePersonFields", "required: the fields to write"),
		patch("photos cannot be written", `"updatePersonFields":"urls,photos"`, "updatePersonFields", "path 2 is no writable field"),
		patch("space in a mask", `"updatePersonFields":"urls, names"`, "updatePersonFields", "path 2 is no writable field"),
		patch("path into a field", `"updatePersonFields":"names.givenName"`, "updatePersonFields", "path 1 is no writable field"),
		patch("case of a path", `"updatePersonFields":"Urls"`, "updatePersonFields", "path 1 is no writable field"),
		patch("empty path", `"updatePersonFields":"urls,,names"`, "updatePersonFields", "path 2 is empty"),
		patch("comma at the end", `"updatePersonFields":"urls,"`, "updatePersonFields", "path 2 is empty"),
		patch("read mask", urls+`"personFields":"photos,phones"`, "personFields", "path 2 is no readable field"),
		patch("source", urls+`"sources":["READ_SOURCE_TYPE_CONTACT","CONTACT"]`, "sources[1]", oneOfFive),
		patch("precondition", urls+`"precondition":"Latest"`, "precondition", "must be etag or latest"),
		patch("empty precondition", urls+`"precondition":""`, "precondition", "must be etag or latest"),
	}
}

func brokenPersons() []broken {
	patch := func(name, body string, faults ...Fault) broken {
		return broken{"patch: " + name, Patch, body, faults, false}
	}
	const urls = `"updatePersonFields":"urls"`
	two := func(field string) broken {
		body := patchWith(`"`+field+`":[{},{}]`, `"updatePersonFields":"urls,`+field+`"`)
		return patch("two "+field, body, Fault{"person." + field, "at most one value"})
	}
	group := func(name, memberships string) broken {
		body := patchWith(`"memberships":[`+memberships+`]`, `"updatePersonFields":"memberships"`)
		return patch(name, body, Fault{"person.memberships", needsGroup})
	}
	named := func(name, rule string) broken {
		body := `{"person":{"resourceName":"` + name + `",` + contactSource + `},` + urls + `}`
		return patch("resource name "+name, body, Fault{"person.resourceName", rule})
	}
	guardedBy := func(name, guard string, faults ...Fault) broken {
		return patch(name, `{"person":{"resourceName":"people/c1",`+guard+`},`+urls+`}`, faults...)
	}
	source, etag := Fault{"person.metadata.sources", needsSource}, Fault{"person.etag", needsEtag}

	otherBase := patch("base of another contact", patchWith(`"urls":[]`, urls+`,"base":{"resourceName":"people/c2"}`),
		Fault{"base.resourceName", "must equal person.resourceName"})
	otherBase.beyondSchema = true
	return []broken{
		patch("no person", `{`+urls+`}`, Fault{"person", "required"}),
		patch("no resource name", `{"person":{`+contactSource+`},`+urls+`}`, Fault{"person.resourceName", "required"}),
		named("", "required"),
		named("c1", noName),
		named("people/", noName),
		named("people/c1/x", noName),
		named("contacts/c1", noName),
		named("people/é", noName),
		named("people/c 1", noName),
		named(`people/c1\n`, noName),
		two("biographies"), two("birthdays"), two("genders"), two("names"),
		group("no membership", ``),
		group("membership of a domain", `{"domainMembership":{"inViewerDomain":true}}`),
		group("membership by ID", `{"contactGroupMembership":{"contactGroupId":"1"}}`),
		group("membership of no group", `{"contactGroupMembership":{"contactGroupResourceName":""}}`),
		guardedBy("no metadata", `"etag":"%1"`, source),
		guardedBy("no sources", `"etag":"%1","metadata":{}`, source),
		guardedBy("source of a profile", `"etag":"%1","metadata":{"sources":[{"type":"PROFILE","etag":"#1"}]}`, source),
		guardedBy("no etag", `"metadata":{"sources":[{"type":"CONTACT"}]}`, etag),
		guardedBy("empty etags", `"etag":"","metadata":{"sources":[{"type":"CONTACT","etag":""}]}`, etag),
		guardedBy("etag of another source", `"metadata":{"sources":[{"type":"CONTACT"},{"type":"PROFILE","etag":"#1"}]}`, etag),
		guardedBy("neither", `"metadata":{"sources":[{"type":"PROFILE","etag":"#1"}]}`, etag, source),
		otherBase,
		{"photo: no resource name", Photo, `{"photoBytes":"/9j/"}`, []Fault{{"resourceName", "required"}}, false},
		{"photo: resource name", Photo, `{"resourceName":"people/a/b","photoBytes":"/9j/"}`, []Fault{{"resourceName", noName}}, false},
		{"photo: read mask", Photo, `{"resourceName":"people/c1","photoBytes":"/9j/","personFields":"photo"}`, []Fault{{"personFields", "path 1 is no readable field"}}, false},
		{"photo: source", Photo, `{"resourceName":"people/c1","photoBytes":"/9j/","sources":[""]}`, []Fault{{"sources[0]", oneOfFive}}, false},
	}
}

func brokenBatches() []broken {
	batch := func(name, contacts, beside string, faults ...Fault) broken {
		return broken{"batch: " + name, Batch, batchWith(contacts, beside), faults, false}
	}
	beyond := func(b broken) broken {
		b.beyondSchema = true
		return b
	}
	const c1, urls = `"people/c1":{` + contactSource + `}`, `"updateMask":"urls"`
	var many []string
	for i := range 201 {
		many = append(many, fmt.Sprintf(`"people/c%d":{%s}`, i, contactSource))
	}
	return []broken{
		batch("no contacts", ``, urls, Fault{"contacts", "needs 1 to 200 contacts"}),
		{"batch: contacts missing", Batch, `{` + urls + `}`, []Fault{{"contacts", "needs 1 to 200 contacts"}}, false},
		batch("201 contacts", strings.Join(many, ","), urls, Fault{"contacts", "needs 1 to 200 contacts"}),
		batch("no mask", c1, `"sources":[]`, Fault{"updateMask", "required: the fields to write"}),
		batch("mask", c1, `"updateMask":"metadata"`, Fault{"updateMask", "path 1 is no writable field"}),
		batch("read mask", c1, urls+`,"readMask":"urls,"`, Fault{"readMask", "path 2 is empty"}),
		batch("source", c1, urls+`,"sources":["x"]`, Fault{"sources[0]", oneOfFive}),
		batch("precondition", c1, urls+`,"precondition":"none"`, Fault{"precondition", "must be etag or latest"}),
		batch("key", `"first@example.com":{`+contactSource+`}`, urls, Fault{"contacts[?]", "the key " + noName}),
		beyond(batch("key of another contact", `"people/c1":{"resourceName":"people/c2",`+contactSource+`}`, urls,
			Fault{"contacts[people/c1].resourceName", "must equal the key"})),
		batch("two names", `"people/c1":{"names":[{},{}],`+contactSource+`}`, `"updateMask":"names"`,
			Fault{"contacts[people/c1].names", "at most one value"}),
		batch("memberships", c1, `"updateMask":"memberships"`, Fault{"contacts[people/c1].memberships", needsGroup}),
		batch("source and etag of one", c1+`,"people/c2":{}`, urls,
			Fault{"contacts[people/c2].etag", needsEtag}, Fault{"contacts[people/c2].metadata.sources", needsSource}),
		beyond(batch("base of another contact", c1, urls+`,"base":{"people/c2":{}}`,
			Fault{"base[people/c2]", "must be a key of contacts too"})),
		beyond(batch("key of base", c1, urls+`,"base":{"people/c1":{"resourceName":"people/c2"}}`,
			Fault{"base[people/c1].resourceName", "must equal the key"})),
		batch("base by another key", c1, urls+`,"base":{"c1":{}}`,
			Fault{"base[?]", "must be a key of contacts too"}, Fault{"base[?]", "the key " + noName}),
	}
}

func TestEachBrokenRuleIsInvalid(t *testing.T) {
	for _, tt := range brokenRules() {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Decode(message(tt.typ, tt.body), Limits{})
			wantError(t, err, Invalid, tt.faults...)
		})
	}
}

func TestWhatTheRulesAllowIsDecoded(t *testing.T) {
	const urls = `"updatePersonFields":"urls"`
	var many []string
	for i := range 200 {
		many = append(many, fmt.Sprintf(`"people/c%d":{%s}`, i, contactSource))
	}
	cases := []struct {
		name string
		typ  Type
		body string
	}{
		{"a path twice", Patch, patchWith(`"urls":[]`, `"updatePersonFields":"urls,urls"`)},
		{"every writable field", Patch, patchWith(`"memberships":[{"contactGroupMembership":{"contactGroupResourceName":"contactGroups/g1"}},{}]`,
			`"updatePersonFields":"`+strings.Join(writable, ",")+`"`)},
		{"every readable field", Patch, patchWith(`"urls":[]`, urls+`,"personFields":"`+strings.Join(readable, ",")+`"`)},
		{"an empty read mask", Patch, patchWith(`"urls":[]`, urls+`,"personFields":""`)},
		{"every source", Patch, patchWith(`"urls":[]`, urls+`,"sources":["`+strings.Join(readSources, `","`)+`"]`)},
		{"two names that are not written", Patch, patchWith(`"names":[{},{}]`, urls)},
		{"memberships that are not written", Patch, patchWith(`"memberships":[]`, urls)},
		{"latest without metadata", Patch, `{"person":{"resourceName":"people/c1"},` + urls + `,"precondition":"latest"}`},
		{"an ID of odd characters", Patch, `{"person":{"resourceName":"people/c.1:~!-_@","etag":"%1","metadata":{"sources":[{"type":"CONTACT"}]}},` + urls + `}`},
		{"200 contacts", Batch, batchWith(strings.Join(many, ","), `"updateMask":"urls"`)},
		{"a base for none", Batch, batchWith(many[0], `"updateMask":"urls","base":{}`)},
		{"an integer of 64 bits", Patch, patchWith(`"birthdays":[{"date":{"year":-9223372036854775808,"day":-0}}]`, urls)},
		{"every name escaped", Patch, patchWith(`"\u006eames":[{"given\u004eame":"x"}]`, urls)},
	}
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := Decode(message(tt.typ, tt.body), Limits{}); err != nil {
				t.Error(err)
			}
			if err := schemaError(t, tt.typ, tt.body); err != nil {
				t.Errorf("the schema: %v", err)
			}
		})
	}
}

func TestAllBrokenRulesAreToldTogether(t *testing.T) {
	body := `{"person":{"names":[{},{}]},"updatePersonFields":"names,x","personFields":"y","sources":["z"],"precondition":"w"}`
	_, err := Decode(message(Patch, body), Limits{})
	wantError(t, err, Invalid,
		Fault{"person.etag", needsEtag},
		Fault{"person.metadata.sources", needsSource},
		Fault{"person.names", "at most one value"},
		Fault{"person.resourceName", "required"},
		Fault{"personFields", "path 1 is no readable field"},
		Fault{"precondition", "must be etag or latest"},
		Fault{"sources[0]", oneOfFive},
		Fault{"updatePersonFields", "path 2 is no writable field"},
	)
}

func TestAnErrorHasAtMost20Faults(t *testing.T) {
	hostile := map[string]Message{
		"names":    message(Patch, `{"person":{`+`"x":1},"sources":[`+strings.Repeat("1,", 100)+`1]}`),
		"sources":  message(Patch, patchWith(`"urls":[]`, `"updatePersonFields":"urls","sources":[`+strings.Repeat(`"",`, 100)+`""]`)),
		"paths":    message(Patch, patchWith(`"urls":[]`, `"updatePersonFields":"`+strings.Repeat(",", 100)+`"`)),
		"contacts": message(Batch, batchWith(strings.TrimSuffix(strings.Repeat(`"people/c%d":{},`, 100), ","), `"updateMask":"urls"`)),
	}
	for i := range 100 {
		m := hostile["contacts"]
		m.Data = []byte(strings.Replace(string(m.Data), "%d", fmt.Sprint(i), 1))
		hostile["contacts"] = m
	}
	for name, m := range hostile {
		_, err := Decode(m, Limits{})
		e, ok := err.(*Error)
		if !ok || len(e.Faults) != 20 {
			t.Errorf("%s: got %v, want 20 faults", name, err)
		}
	}
}

func TestTheTextOfAnErrorIsItsReasonAndFaults(t *testing.T) {
	e := &Error{Invalid, []Fault{{"person.names", "at most one value"}, {"sources[1]", "x"}, {"sources[1]", "y"}, {"", "z"}}}
	if got, want := e.Error(), "invalid: person.names: at most one value; sources[1]: x; sources[1]: y; z"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := fmt.Sprint(e.Fields()), "[person.names sources[1]]"; got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}
