package peoplesim

import (
	"strings"
	"time"
)

// read is people.get or, with several names, people.getBatchGet.
type read struct {
	names []string
	batch bool
	view  view
}

func (s *Sim) parseRead(c *call) (operation, *problem) {
	mask := c.query.Get("personFields")
	if mask == "" {
		// The older way to say it: every path begins with person.
		mask = strings.ReplaceAll(","+c.query.Get("requestMask.includeField"), ",person.", ",")[1:]
	}
	fields := &s.discovery.fields
	wanted, p := fields.required(maskParameter{"personFields", page(c.method.name), fields.readable}, mask)
	if p != nil {
		return nil, p
	}
	r := &read{view: s.view(c.query["sources"], wanted)}
	if c.method.named {
		r.names = []string{c.resource}
		return r, nil
	}
	r.batch, r.names = true, c.query["resourceNames"]
	if len(r.names) == 0 {
		return nil, invalid("Request must set resource_names.")
	}
	if len(r.names) > batchLimit {
		return nil, invalid("Request must not have more than %d resource_names.", batchLimit)
	}
	for _, name := range r.names {
		if id, ok := strings.CutPrefix(name, "people/"); !ok || id == "" || strings.Contains(id, "/") {
			return nil, invalid("Resource name %q is not a valid person resource.", name)
		}
	}
	return r, nil
}

func (r *read) contacts() []string { return r.names }

func (r *read) perform(s *Sim, c *call, now time.Time) (func([]byte) []byte, *problem) {
	v := r.view
	v.shuffle = s.faults.Habits.ShuffledValues
	seen := make([]*sight, len(r.names))
	problems := make([]*problem, len(r.names))
	for i, name := range r.names {
		seen[i], problems[i] = s.toRead(c, name, now)
		if p := problems[i]; p != nil && (!r.batch || p.number == codes.internal.number) {
			return nil, p
		}
	}
	if !r.batch {
		return func(b []byte) []byte { return v.appendPerson(b, *seen[0]) }, nil
	}
	return func(b []byte) []byte {
		b = append(b, `{"responses":[`...)
		for i, name := range r.names {
			if i > 0 {
				b = append(b, ',')
			}
			b = v.appendResponse(b, name, seen[i], problems[i])
		}
		return append(b, ']', '}')
	}, nil
}
