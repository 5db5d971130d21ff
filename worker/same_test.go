package worker

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	peopleapi "google.golang.org/api/people/v1"

	"github.com/contactrelay/contactrelay/messages"
)

var update = flag.Bool("update", false, "write derived files anew")

// discoverySchema is a schema of the discovery document.
type discoverySchema struct {
	Properties map[string]struct {
		Ref      string           `json:"$ref"`
		ReadOnly bool             `json:"readOnly"`
		Items    *json.RawMessage `json:"items"`
	} `json:"properties"`
}

// tree is the members of a schema that a client can write.
func tree(schemas map[string]discoverySchema, name string) memberTree {
	t := memberTree{}
	for member, p := range schemas[name].Properties {
		if p.ReadOnly || p.Ref == "FieldMetadata" { // metadata is the service's, but for the source's etag
			continue
		}
		t[member] = memberTree{}
		if p.Ref != "" {
			t[member] = tree(schemas, p.Ref)
		}
	}
	return t
}

func TestTheWritableMembersAreThoseOfTheDiscoveryDocument(t *testing.T) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "google.golang.org/api").Output()
	must(t, err)
	data, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(out)), "people/v1/people-api.json"))
	must(t, err)
	var document struct{ Schemas map[string]discoverySchema }
	must(t, json.Unmarshal(data, &document))
	fields := map[string]memberTree{}
	for _, field := range messages.WritableFields() {
		var items struct {
			Ref string `json:"$ref"`
		}
		must(t, json.Unmarshal(*document.Schemas["Person"].Properties[field].Items, &items))
		fields[field] = tree(document.Schemas, items.Ref)
	}
	want, err := json.MarshalIndent(fields, "", "\t")
	must(t, err)
	want = append(want, '\n')
	if *update {
		must(t, os.WriteFile("members.json", want, 0o644))
		return
	}
	if !bytes.Equal(want, membersJSON) {
		t.Error("members.json is not what the discovery document says; go test -run Members -update writes it anew")
	}
}

func TestSameComparesWhatAClientCanWrite(t *testing.T) {
	name := func(given, unstructured string) *peopleapi.Person {
		return &peopleapi.Person{Names: []*peopleapi.Name{{GivenName: given, UnstructuredName: unstructured, DisplayName: "shown " + unstructured}}}
	}
	mails := func(values ...string) *peopleapi.Person {
		p := &peopleapi.Person{}
		for _, v := range values {
			p.EmailAddresses = append(p.EmailAddresses, &peopleapi.EmailAddress{Value: v})
		}
		return p
	}
	birthday := func(day int64, text string) *peopleapi.Person {
		return &peopleapi.Person{Birthdays: []*peopleapi.Birthday{{Date: &peopleapi.Date{Day: day}, Text: text}}}
	}
	group := func(id string) *peopleapi.Person {
		return &peopleapi.Person{Memberships: []*peopleapi.Membership{{ContactGroupMembership: &peopleapi.ContactGroupMembership{
			ContactGroupResourceName: "contactGroups/a", ContactGroupId: id}}}}
	}
	for _, test := range []struct {
		name            string
		wanted, current *peopleapi.Person
		mask            string
		want            bool
	}{
		{"equal", name("a", ""), name("a", ""), "names", true},
		{"other", name("a", ""), name("b", ""), "names", false},
		{"filled in by the service", name("a", ""), name("a", "a"), "names", true},
		{"given by the client and other", name("a", "x"), name("a", "a"), "names", false},
		{"cleared", mails(), mails(), "emailAddresses", true},
		{"not cleared", mails(), mails("a"), "emailAddresses", false},
		{"another order", mails("a", "b"), mails("b", "a"), "emailAddresses", true},
		{"a value twice", mails("a", "a"), mails("a", "b"), "emailAddresses", false},
		{"one more", mails("a"), mails("a", "b"), "emailAddresses", false},
		{"unmasked", mails("a"), mails("b"), "names", true},
		{"nested", birthday(1, ""), birthday(2, ""), "birthdays", false},
		{"nested equal", birthday(1, "x"), birthday(1, "x"), "birthdays", true},
		{"output only in a nested object", group(""), group("7"), "memberships", true},
	} {
		if got := samePeople(test.wanted, test.current, test.mask, anyOrder); got != test.want {
			t.Errorf("%s: same = %v", test.name, got)
		}
	}
}

func samePeople(wanted, current *peopleapi.Person, mask string, order valueOrder) bool {
	return same(messages.MaskFields(mask), valuesIn(wanted), valuesIn(current), order)
}

func TestTheOrderOfValuesCountsWhereItIsAsked(t *testing.T) {
	mails := func(values ...string) *peopleapi.Person {
		p := &peopleapi.Person{}
		for _, v := range values {
			p.EmailAddresses = append(p.EmailAddresses, &peopleapi.EmailAddress{Value: v})
		}
		return p
	}
	if samePeople(mails("a", "b"), mails("b", "a"), "emailAddresses", inOrder) || !samePeople(mails("a", "b"), mails("a", "b"), "emailAddresses", inOrder) {
		t.Error("in order: [a b] is the same as [a b] alone")
	}
}

// TestWhatWasWrittenIsTheSameWhenItIsReadBack writes one value of every field and compares the service's answer.
func TestWhatWasWrittenIsTheSameWhenItIsReadBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, ordered)
		w.seed(ann, 1)
		body := `{"names":[{"givenName":"Nora"}],"addresses":[{"streetAddress":"1 Sample Street","city":"Springfield"}],
			"biographies":[{"value":"x"}],"phoneNumbers":[{"value":"+1 555 0100"},{"value":"+1 555 0101","type":"work"}],
			"birthdays":[{"date":{"year":1980,"month":2,"day":29}}],"organizations":[{"name":"Example","current":true}]}`
		mask := "addresses,biographies,birthdays,names,organizations,phoneNumbers"
		wanted := &peopleapi.Person{}
		must(t, json.Unmarshal([]byte(body), wanted))
		must(t, w.people.HandEdit(ann, "people/c1", wanted, mask))
		w.start()
		time.Sleep(time.Millisecond)
		read := answerRead
		read.Fields = mask
		current, err := w.worker.contacts.Get(t.Context(), ann, "people/c1", read)
		must(t, err)
		if !samePeople(wanted, current, mask, inOrder) {
			t.Errorf("read back as something else")
		}
	})
}

func TestEveryFieldOfAMaskIsFoundInAPerson(t *testing.T) {
	for _, field := range messages.WritableFields() {
		p, want := &peopleapi.Person{}, `[{"metadata":{"primary":true}}]` // a member that the values of all fields have
		must(t, json.Unmarshal([]byte(`{"`+field+`":`+want+`}`), p))
		got := valuesIn(p)
		if len(got) != 1 || string(got[field]) != want {
			t.Errorf("%s: %s, want %s", field, got, want)
		}
	}
}

func TestTwoValuesHaveOnePrintIfAClientCanWriteTheSame(t *testing.T) {
	const field = "memberships" // whose values are nested
	tree := writableMembers[field]
	group := func(name any) map[string]any { return map[string]any{"contactGroupResourceName": name} }
	all := []map[string]any{
		{}, {"contactGroupMembership": group("a")}, {"contactGroupMembership": group("b")}, {"contactGroupMembership": group(true)},
		{"contactGroupMembership": group("true")}, {"contactGroupMembership": group(1.0)}, {"contactGroupMembership": map[string]any{}},
		{"contactGroupMembership": map[string]any{"contactGroupId": "added"}}, {"metadata": map[string]any{"primary": true}},
		{"contactGroupMembership": group("a"), "metadata": map[string]any{"primary": true}},
		{"contactGroupMembership": group(`a","x":"`)},
	}
	for i, a := range all {
		for j, b := range all {
			want := equalJSON(prune(a, tree), prune(b, tree))
			one, other := printValues(field, []map[string]any{a}, true), printValues(field, []map[string]any{b}, true)
			if got := one == other; got != want {
				t.Errorf("values %d and %d have one print: %v, want %v\n%v\n%v", i, j, got, want, a, b)
			}
		}
	}
}
