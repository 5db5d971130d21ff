package messages

import (
	"slices"
	"strconv"
	"strings"
)

// The top-level fields of a Person as the masks of the People API name them, sorted.
var (
	writable = []string{
		"addresses", "biographies", "birthdays", "calendarUrls", "clientData", "emailAddresses", "events",
		"externalIds", "genders", "imClients", "interests", "locales", "locations", "memberships", "miscKeywords",
		"names", "nicknames", "occupations", "organizations", "phoneNumbers", "relations", "sipAddresses", "urls",
		"userDefined",
	}
	readable = slices.Sorted(slices.Values(append([]string{
		"ageRanges", "coverPhotos", "metadata", "photos", "skills",
	}, writable...)))

	readSources = []string{
		"READ_SOURCE_TYPE_UNSPECIFIED", "READ_SOURCE_TYPE_PROFILE", "READ_SOURCE_TYPE_CONTACT",
		"READ_SOURCE_TYPE_DOMAIN_CONTACT", "READ_SOURCE_TYPE_OTHER_CONTACT",
	}
)

// WritableFields is the fields that updatePersonFields and updateMask may name, sorted; the caller's own copy.
func WritableFields() []string { return slices.Clone(writable) }

// ReadableFields is the fields that personFields and readMask may name, sorted; the caller's own copy.
func ReadableFields() []string { return slices.Clone(readable) }

// MaskFields is the fields that a mask names, sorted, each once, so that masks that ask for the same are equal
// here. The mask must be one that Decode accepts.
func MaskFields(mask string) []string {
	if mask == "" {
		return nil
	}
	fields := strings.Split(mask, ",")
	slices.Sort(fields)
	return slices.Compact(fields)
}

// checkWriteMask checks a mask of fields to write and returns those of its fields that can be written.
func checkWriteMask(f *faults, field, mask string) []string {
	if mask == "" {
		f.add(field, ruleRequired+": the fields to write")
		return nil
	}
	return checkPaths(f, field, mask, writable, "is no writable field")
}

// checkReadMask checks a mask of fields to read, which may be absent or empty: nothing is to be read.
func checkReadMask(f *faults, field, mask string) {
	if mask != "" {
		checkPaths(f, field, mask, readable, "is no readable field")
	}
}

// checkPaths counts the paths of bad masks instead of showing them, and looks at each in place: a mask can be as long
// as the body.
func checkPaths(f *faults, field, mask string, known []string, rule string) []string {
	var good []string
	n := 0
	for path := range strings.SplitSeq(mask, ",") {
		n++
		switch {
		case slices.Contains(known, path):
			if !slices.Contains(good, path) {
				good = append(good, path)
			}
		case f.full():
			return good
		case path == "":
			f.add(field, "path "+strconv.Itoa(n)+" is empty")
		default:
			f.add(field, "path "+strconv.Itoa(n)+" "+rule)
		}
	}
	return good
}

func checkSources(f *faults, sources []string) {
	for i, source := range sources {
		if f.full() {
			return
		}
		if !slices.Contains(readSources, source) {
			f.add(string(path("sources").index(i)), "must be one of "+strings.Join(readSources, ", "))
		}
	}
}
