package messages

import (
	"strconv"
	"strings"
)

// path is the place in a body that is being looked at, as an error shows it: person.names[1].givenName. It grows
// and shrinks in one buffer, since every name of every body passes through it and hardly any is ever shown.
type path []byte

func (p path) name(name string) path {
	if len(p) > 0 {
		p = append(p, '.')
	}
	if !isIdentifier(name) {
		name = "?"
	}
	return append(p, name...)
}

func (p path) index(i int) path {
	p = append(p, '[')
	p = strconv.AppendInt(p, int64(i), 10)
	return append(p, ']')
}

func (p path) key(key string) path {
	if !isResourceName(key) || len(key) > maxShownKey {
		key = "?"
	}
	p = append(p, '[')
	p = append(p, key...)
	return append(p, ']')
}

// maxShownKey is the length in bytes up to which a key is shown: those of Google have about 30, and a key can be as
// long as the body.
const maxShownKey = 128

// isIdentifier reports whether s looks like a name of JSON as Google writes them: a letter, then at most 63 letters,
// digits and underscores.
func isIdentifier(s string) bool {
	if s == "" || len(s) > 64 || !isLetter(s[0]) {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !isLetter(c) && c != '_' && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// isResourceName reports whether s is people/ and an ID of ASCII without a slash. Spaces and control characters are
// not taken either: Google assigns no such names, and resource names stand in log lines.
func isResourceName(s string) bool {
	id, ok := strings.CutPrefix(s, "people/")
	if !ok || id == "" {
		return false
	}
	for i := range len(id) {
		if c := id[i]; c <= ' ' || c == '/' || c >= 0x7f {
			return false
		}
	}
	return true
}
