package peoplesim

import (
	"slices"
	"strconv"
	"time"
)

// view is what a request asked to read.
type view struct {
	table   *fieldTable
	fields  fieldSet
	contact bool // values of the contact itself
	profile bool // values of the profile it is linked to
	shuffle bool // values come in another order at each version
}

// profilePrefix precedes the resource names and source IDs of profiles.
const profilePrefix = "people/"

// appendPerson appends a Person as an answer spells it.
func (v view) appendPerson(b []byte, s sight) []byte {
	b = append(b, '{')
	b = appendMember(b, "resourceName", s.name)
	b = appendMember(b, "etag", personEtag(s.contact.etagText(s.revision), v.fields))
	for i := range v.fields.each {
		switch v.table.names[i] {
		case "metadata":
			b = v.appendMetadata(b, s)
		case "photos":
			b = v.appendPhotos(b, s)
		default:
			b = v.appendField(b, i, s)
		}
	}
	return append(b, '}')
}

// appendMetadata appends the sources: without this field in the mask a client does not see the source etag.
func (v view) appendMetadata(b []byte, s sight) []byte {
	b = append(b, `,"metadata":{`...)
	if v.contact || v.profile {
		b = append(b, `"sources":[`...)
	}
	if v.contact {
		b = append(b, '{')
		b = appendMember(b, "type", contactSource)
		b = appendMember(b, "id", s.contact.sourceID)
		b = appendMember(b, "etag", "#"+s.contact.etagText(s.revision))
		b = appendMember(b, "updateTime", s.at.UTC().Format("2006-01-02T15:04:05.000000Z"))
		b = append(b, '}')
	}
	if v.profile && len(s.contact.profile) > 0 {
		if v.contact {
			b = append(b, ',')
		}
		b = append(b, `{"type":"PROFILE"`...)
		b = appendMember(b, "id", profileID(s.contact.name))
		b = appendMember(b, "etag", SourceEtag(profilePrefix+profileID(s.contact.name), FirstVersion))
		b = append(b, `,"profileMetadata":{"objectType":"PERSON","userTypes":["GOOGLE_USER"]}}`...)
	}
	if v.contact || v.profile {
		b = append(b, `],`...)
	}
	return append(b, `"objectType":"PERSON"}`...)
}

// appendField appends the values of a field, those of the profile behind the contact's; one of them is primary.
func (v view) appendField(b []byte, field int, s sight) []byte {
	var own, linked []value
	if v.contact {
		own = s.values.of(field)
	}
	if v.profile {
		linked = s.contact.profile.of(field)
	}
	if len(own)+len(linked) == 0 {
		return b
	}
	b = append(b, ',', '"')
	b = append(b, v.table.names[field]...)
	b = append(b, `":[`...)
	first := primary(own)
	for k := range own {
		if v.shuffle {
			k = (k + int(s.version)) % len(own)
		}
		b = appendFieldMetadata(b, contactSource, s.contact.sourceID, k == first, k == first)
		b = appendMembers(b, own[k].answer)
	}
	first = primary(linked)
	for k := range linked {
		b = appendFieldMetadata(b, "PROFILE", profileID(s.contact.name), k == first && len(own) == 0, k == first)
		b = appendMembers(b, linked[k].answer)
	}
	b[len(b)-1] = ']' // in place of the last comma
	return b
}

// primary gives the index of the primary value: the one the client marked, else the first.
func primary(values []value) int {
	return max(0, slices.IndexFunc(values, func(v value) bool { return v.primary }))
}

// appendFieldMetadata opens a value.
func appendFieldMetadata(b []byte, source, id string, primary, sourcePrimary bool) []byte {
	b = append(b, `{"metadata":{`...)
	if primary {
		b = append(b, `"primary":true,`...)
	}
	b = append(b, `"source":{`...)
	b = appendMember(b, "type", source)
	b = appendMember(b, "id", id)
	b = append(b, '}')
	if sourcePrimary {
		b = append(b, `,"sourcePrimary":true`...)
	}
	if source == "PROFILE" {
		b = append(b, `,"verified":true`...)
	}
	return append(b, '}')
}

// appendMembers closes a value, with a comma behind it.
func appendMembers(b, members []byte) []byte {
	if len(members) > 0 {
		b = append(b, ',')
		b = append(b, members...)
	}
	return append(b, '}', ',')
}

// appendPhotos appends the contact's photo, or the default one that everybody without a photo has.
func (v view) appendPhotos(b []byte, s sight) []byte {
	if !v.contact {
		return b
	}
	b = append(b, `,"photos":[`...)
	b = appendFieldMetadata(b, contactSource, s.contact.sourceID, true, true)
	if s.photo == "" {
		return append(b, `,"url":"https://photos.example.com/default","default":true}]`...)
	}
	b = appendMember(b, "url", "https://photos.example.com/"+s.photo[:16])
	return append(b, '}', ']')
}

// profileID gives the account ID of the profile that a contact is linked to: 21 digits.
func profileID(name string) string {
	n, _ := strconv.ParseUint(sourceID(name), 16, 64) // sourceID made it
	const digits = "100000000000000000000"
	tail := strconv.FormatUint(n, 10)
	return digits[:len(digits)-len(tail)] + tail
}

// appendResponse appends a PersonResponse: the person, or why there is none.
func (v view) appendResponse(b []byte, requested string, s *sight, p *problem) []byte {
	b = append(b, '{')
	b = appendMember(b, "requestedResourceName", requested)
	if p != nil {
		b = append(b, `,"httpStatusCode":`...)
		b = strconv.AppendInt(b, int64(p.http), 10)
		b = append(b, `,"status":{"code":`...)
		b = strconv.AppendInt(b, int64(p.number), 10)
		b = appendMember(b, "message", p.message)
		return append(b, '}', '}')
	}
	b = append(b, `,"httpStatusCode":200,"status":{},"person":`...)
	b = v.appendPerson(b, *s)
	return append(b, '}')
}

// me is the user's own profile, which is no contact: it can be read and not written.
func me(user string, t *fieldTable, now time.Time) sight {
	c := newContact(profilePrefix+"me-"+user, now, nil, nil)
	email := value{written: appendMember(nil, "value", user)}
	email.answer = email.written
	c.profile = contents{{uint8(t.index["emailAddresses"]), []value{email}}}
	return sight{revision: c.current, contact: c, name: profilePrefix + profileID(c.name)}
}
