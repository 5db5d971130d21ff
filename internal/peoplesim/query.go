package peoplesim

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
)

// checkQuery refuses parameters that the method does not have, as Google's front end does.
func (m *method) checkQuery(query url.Values) *problem {
	for _, name := range slices.Sorted(maps.Keys(query)) {
		p, ok := m.parameters[name]
		if !ok {
			return badRequest("", fmt.Sprintf("Invalid JSON payload received. Unknown name %q: Cannot bind query parameter. "+
				"Field '%s' could not be found in request message.", name, name))
		}
		values := query[name]
		if len(values) > 1 && !p.Repeated {
			return badRequest(snakeCase(name), fmt.Sprintf("Invalid value at '%s': the parameter is given %d times.", snakeCase(name), len(values)))
		}
		for i, v := range values {
			if bad := p.check(name, i, v); bad != nil {
				return bad
			}
		}
	}
	if alt := query.Get("alt"); alt != "" && alt != "json" {
		return invalid("Format %s is not simulated.", alt)
	}
	return nil
}

func (p parameter) check(name string, index int, value string) *problem {
	at := snakeCase(name)
	switch {
	case p.Repeated && p.Enum != nil && !slices.Contains(p.Enum, value):
		at = fmt.Sprintf("%s[%d]", at, index)
		return badRequest(at, fmt.Sprintf("Invalid value at '%s' (type.googleapis.com/google.people.v1.ReadSourceType), %q", at, value))
	case p.Enum != nil && !slices.Contains(p.Enum, value):
		return badRequest(at, fmt.Sprintf("Invalid value at '%s', %q", at, value))
	case p.Type == "boolean" && value != "true" && value != "false":
		return badRequest(at, fmt.Sprintf("Invalid value at '%s' (TYPE_BOOL), %q", at, value))
	}
	return nil
}

// view gives what a request wants to read: fields, of these sources. Without sources it is the contact and the profile
// that is linked to it, merged.
func (s *Sim) view(sources []string, fields fieldSet) view {
	const (
		unspecified = "READ_SOURCE_TYPE_UNSPECIFIED"
		profile     = "READ_SOURCE_TYPE_PROFILE"
		contact     = "READ_SOURCE_TYPE_CONTACT"
	)
	all := !slices.ContainsFunc(sources, func(source string) bool { return source != unspecified })
	return view{
		table: &s.discovery.fields, fields: fields,
		contact: all || slices.Contains(sources, contact),
		profile: all || slices.Contains(sources, profile),
	}
}
