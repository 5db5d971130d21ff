package messages

import (
	"maps"
	"slices"
	"strconv"

	people "google.golang.org/api/people/v1"
)

// The rules below are those for which the People API documents a 400: a call for a message that breaks one would be
// wasted quota. What is more than that says why.

// maxBatch is the API's limit of contacts in a call.
const maxBatch = 200

func (b *PatchBody) check(f *faults, _ Limits) {
	masked := checkWriteMask(f, "updatePersonFields", b.UpdatePersonFields)
	checkReadMask(f, "personFields", b.PersonFields)
	checkSources(f, b.Sources)
	checkPrecondition(f, b.Precondition)
	if b.Person == nil {
		f.add("person", ruleRequired)
		return
	}
	checkResourceName(f, "person.resourceName", b.Person.ResourceName)
	checkPerson(f, "person", b.Person, masked, b.Precondition)
	// A base of another contact would make a merge of values that never belonged together.
	if b.Base != nil && b.Base.ResourceName != "" && b.Base.ResourceName != b.Person.ResourceName {
		f.add("base.resourceName", "must equal person.resourceName")
	}
}

func (b *BatchBody) check(f *faults, _ Limits) {
	masked := checkWriteMask(f, "updateMask", b.UpdateMask)
	checkReadMask(f, "readMask", b.ReadMask)
	checkSources(f, b.Sources)
	checkPrecondition(f, b.Precondition)
	if n := len(b.Contacts); n == 0 || n > maxBatch {
		f.add("contacts", "needs 1 to "+strconv.Itoa(maxBatch)+" contacts")
	}
	for _, name := range slices.Sorted(maps.Keys(b.Contacts)) {
		if f.full() {
			return
		}
		at, person := string(path("contacts").key(name)), b.Contacts[name]
		checkKey(f, at, name, person)
		checkPerson(f, at, person, masked, b.Precondition)
	}
	for _, name := range slices.Sorted(maps.Keys(b.Base)) {
		if f.full() {
			return
		}
		at := string(path("base").key(name))
		if _, ok := b.Contacts[name]; !ok {
			f.add(at, "must be a key of contacts too")
		}
		checkKey(f, at, name, b.Base[name])
	}
}

func checkResourceName(f *faults, field, name string) {
	if name == "" {
		f.add(field, ruleRequired)
	} else if !isResourceName(name) {
		f.add(field, ruleResourceName)
	}
}

const ruleResourceName = "must be people/ and an ID of ASCII without slash and space"

func checkKey(f *faults, at, key string, person *people.Person) {
	if !isResourceName(key) {
		f.add(at, "the key "+ruleResourceName)
	}
	if person.ResourceName != "" && person.ResourceName != key {
		f.add(at+".resourceName", "must equal the key")
	}
}

func checkPrecondition(f *faults, p Precondition) {
	if p != Etag && p != Latest {
		f.add("precondition", "must be "+string(Etag)+" or "+string(Latest))
	}
}

// checkPerson checks the person at a path, of which the masked fields are to be written.
func checkPerson(f *faults, at string, person *people.Person, masked []string, p Precondition) {
	singletons := [...]struct {
		field  string
		values int
	}{
		{"biographies", len(person.Biographies)},
		{"birthdays", len(person.Birthdays)},
		{"genders", len(person.Genders)},
		{"names", len(person.Names)},
	}
	for _, s := range singletons {
		if s.values > 1 && slices.Contains(masked, s.field) {
			f.add(at+"."+s.field, "at most one value")
		}
	}
	if slices.Contains(masked, "memberships") && !slices.ContainsFunc(person.Memberships, isGroupMembership) {
		f.add(at+".memberships", "needs a contactGroupMembership with contactGroupResourceName")
	}
	if p != Latest {
		checkEtag(f, at, person)
	}
}

func isGroupMembership(m *people.Membership) bool {
	return m.ContactGroupMembership != nil && m.ContactGroupMembership.ContactGroupResourceName != ""
}

// checkEtag wants what guards the write: the source that is written, and the state in which it must be.
func checkEtag(f *faults, at string, person *people.Person) {
	found, etag := false, person.Etag != ""
	if person.Metadata != nil {
		for _, source := range person.Metadata.Sources {
			if source.Type == "CONTACT" {
				found, etag = true, etag || source.Etag != ""
			}
		}
	}
	if !found {
		f.add(at+".metadata.sources", "needs a source of type CONTACT, unless precondition is latest")
	}
	if !etag {
		f.add(at+".etag", "required, here or in the source of type CONTACT, unless precondition is latest")
	}
}
