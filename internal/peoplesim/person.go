package peoplesim

import "slices"

// contactSource is the source type of what a contact holds.
const contactSource = "CONTACT"

// singletons are the fields of which a contact has one value at most.
var singletons = []string{"biographies", "birthdays", "genders", "names"}

// person is a Person of a request: what is to be written, and the etags that guard it.
type person struct {
	node
	resourceName string
	etag         string // person.etag
	hasSource    bool   // there is a source of type CONTACT
	sourceEtag   string // its etag
}

func newPerson(n node) person {
	p := person{node: n, resourceName: n.string("resourceName"), etag: n.string("etag")}
	sources := n.member("metadata").member("sources")
	if sources == nil {
		return p
	}
	for i := range sources.items {
		s := &sources.items[i]
		if s.string("type") == contactSource {
			p.hasSource = true
			p.sourceEtag = s.string("etag")
			break
		}
	}
	return p
}

// values gives the values of a field that are of a source: non-contact data in an update is ignored, not refused, so
// that a client can send back what it read. A value that names no source is the contact's own.
func (p *person) values(field string, contact bool) []*node {
	list := p.member(field)
	if list == nil {
		return nil
	}
	values := make([]*node, 0, len(list.items))
	for i := range list.items {
		source := list.items[i].string("metadata", "source", "type")
		if (source == "" || source == contactSource) == contact {
			values = append(values, &list.items[i])
		}
	}
	return values
}

// checkGuard refuses a person without an etag: each is a documented 400.
func (p *person) checkGuard(h Habits) *problem {
	switch {
	case p.etag == "" && p.sourceEtag == "":
		refusal := invalid(noEtagText)
		if h.NoEtagIsPrecondition {
			refusal.code = codes.failedPrecondition
		}
		return refusal
	case !p.hasSource && !h.EtagWithoutSource:
		return invalid(noSourceText)
	}
	return nil
}

// checkValues refuses values that no contact can have under a mask.
func (p *person) checkValues(t *fieldTable, mask fieldSet) *problem {
	for _, field := range singletons {
		if mask.has(t.index[field]) && len(p.values(field, true)) > 1 {
			return invalid("Cannot have more than one person.%s per source.", field)
		}
	}
	if mask.has(t.index["memberships"]) && !slices.ContainsFunc(p.values("memberships", true), inGroup) {
		return invalid(noGroupText)
	}
	return nil
}

// inGroup reports whether a membership is one of a contact group.
func inGroup(membership *node) bool {
	return membership.string("contactGroupMembership", "contactGroupResourceName") != ""
}
