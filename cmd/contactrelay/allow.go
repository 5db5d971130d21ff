package main

import (
	"reflect"
	"strings"
	"unicode"

	"github.com/alecthomas/kong"
)

// userList is the users, or the domains of users, whose contacts may be changed. Nil, not given: everybody's.
type userList []string

// decodeUsers makes kong read entries between commas; the flag may be given more than once.
func decodeUsers(ctx *kong.DecodeContext, target reflect.Value) error {
	var text string
	if err := ctx.Scan.PopValueInto(ctx.Value.Name, &text); err != nil {
		return err
	}
	for entry := range strings.SplitSeq(text, ",") {
		target.Set(reflect.Append(target, reflect.ValueOf(strings.TrimSpace(entry))))
	}
	return nil
}

// check notes what is wrong. It tells of an entry by its number: it may be an e-mail address.
func (u userList) check(f *settingFaults, flag string) {
	if len(u) == 1 && u[0] == "" {
		f.add(flag, "is empty, which is nobody; leave it out to allow everybody")
		return
	}
	for i, entry := range u {
		f.require(sensibleUser(entry), flag, "entry %d is neither a user, such as ann@example.com, nor a domain, such as example.com", i+1)
	}
}

// sensibleUser reports whether an entry can be equal to a user or to the domain of one. A user can be any ID, so this
// refuses only what is surely meant otherwise: nothing, patterns, URLs, half addresses.
func sensibleUser(entry string) bool {
	odd := func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) || r == '*' }
	if entry == "" || strings.ContainsFunc(entry, odd) || strings.Contains(entry, "://") {
		return false
	}
	_, domain, address := strings.Cut(entry, "@")
	if address {
		return validHost(domain)
	}
	return !strings.HasPrefix(entry, ".") && !strings.HasSuffix(entry, ".")
}
