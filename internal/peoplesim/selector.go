package peoplesim

import (
	"encoding/json"
	"fmt"
	"strings"
)

// selector is a partial response (the parameter fields): the members to keep, each with what to keep of it; nil keeps
// all.
type selector map[string]selector

// parseSelector reads "etag,metadata/sources(type,etag)" and checks it against the answer's schema.
func parseSelector(text string, answer *schema) (selector, *problem) {
	s, rest, ok := selectorList(text)
	if !ok || rest != "" {
		return nil, badRequest(text, fmt.Sprintf("Invalid field selection %s", text))
	}
	if path := s.unknown(answer, ""); path != "" {
		return nil, badRequest(text, fmt.Sprintf("Error expanding 'fields' parameter. Cannot find matching fields for path '%s'.", path))
	}
	return s, nil
}

// selectorList reads items up to the end of the text or a closing parenthesis.
func selectorList(text string) (s selector, rest string, ok bool) {
	s = make(selector)
	for {
		name, sub, rest, ok := selectorItem(text)
		if !ok {
			return nil, "", false
		}
		s.add(name, sub)
		if !strings.HasPrefix(rest, ",") {
			return s, rest, true
		}
		text = rest[1:]
	}
}

// add keeps more of a member: all of it if either says so.
func (s selector) add(name string, sub selector) {
	old, seen := s[name]
	switch {
	case !seen:
		s[name] = sub
	case old == nil || sub == nil:
		s[name] = nil
	default:
		for deeper, rest := range sub {
			old.add(deeper, rest)
		}
	}
}

// selectorItem reads a name with what follows it: /item or (list).
func selectorItem(text string) (name string, sub selector, rest string, ok bool) {
	end := strings.IndexAny(text, ",/()")
	if end < 0 {
		return text, nil, "", text != ""
	}
	name, rest = text[:end], text[end:]
	switch {
	case name == "":
		return "", nil, "", false
	case rest[0] == '/':
		var below string
		var deeper selector
		below, deeper, rest, ok = selectorItem(rest[1:])
		return name, selector{below: deeper}, rest, ok
	case rest[0] == '(':
		sub, rest, ok = selectorList(rest[1:])
		if !ok || !strings.HasPrefix(rest, ")") {
			return "", nil, "", false
		}
		return name, sub, rest[1:], true
	}
	return name, nil, rest, true
}

// unknown gives the path of a name that the answer does not have, empty if there is none.
func (s selector) unknown(message *schema, at string) string {
	for name, sub := range s {
		if name == "*" {
			continue
		}
		f := message.fields[name]
		if f == nil || f.message == nil && sub != nil {
			return at + name
		}
		if f.message == nil || f.keyed {
			continue // the keys of a map are anybody's
		}
		if path := sub.unknown(f.message, at+name+"/"); path != "" {
			return path
		}
	}
	return ""
}

// keep gives what is selected of a JSON value.
func (s selector) keep(v any) any {
	if s == nil {
		return v
	}
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = s.keep(v[i])
		}
	case map[string]any:
		for name, member := range v {
			sub, ok := s[name]
			if !ok {
				sub, ok = s["*"]
			}
			if !ok {
				delete(v, name)
				continue
			}
			v[name] = sub.keep(member)
		}
	}
	return v
}

// selected reduces the answer to what the request asked for with the parameter fields.
func (a reply) selected(c *call) reply {
	if c.selector == nil {
		return a
	}
	var v any
	if err := json.Unmarshal(a.body, &v); err != nil {
		return a
	}
	body, err := json.Marshal(c.selector.keep(v))
	if err != nil {
		return a
	}
	a.body = body
	return a
}
