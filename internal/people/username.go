package people

import (
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A user's name comes with the message, and whoever publishes chooses it. Before it becomes a file's name or the
// subject of an assertion it is checked here; a name that fails gets no token, whatever is tried: GrantRefused.

// badName is the fact that no user can have this name.
func badName() *Error { return &Error{Kind: GrantRefused, Reason: "user_name_refused"} }

// checkSubject takes the e-mail addresses that domain-wide delegation can act for. They have no capital letters:
// Google writes primary addresses without, and two spellings of one user would be two lanes.
func checkSubject(user string) error {
	if !isAddress(user) || user != strings.ToLower(user) {
		return badName()
	}
	return nil
}

// isAddress reports whether text is an e-mail address as Google's accounts have them: ASCII, nothing quoted.
func isAddress(text string) bool {
	local, domain, ok := strings.Cut(text, "@")
	return ok && len(text) <= 254 && len(local) <= 64 &&
		isDotted(local, "!#$%&'*+/=?^_`{|}~-") && isDotted(domain, "-") && strings.Contains(domain, ".")
}

// isDotted reports whether text is made of letters, digits and some marks, with single dots between them.
func isDotted(text, marks string) bool {
	for part := range strings.SplitSeq(text, ".") {
		odd := func(r rune) bool {
			return (r < 'a' || 'z' < r) && (r < 'A' || 'Z' < r) && (r < '0' || '9' < r) && !strings.ContainsRune(marks, r)
		}
		if part == "" || strings.ContainsFunc(part, odd) {
			return false
		}
	}
	return true
}

// maxFileName is the longest name of a file that common file systems take, in bytes.
const maxFileName = 255

// checkFileName takes the users whose name, with a suffix, is that of a file in a folder, wherever the program runs:
// no separators, no names that begin with a dot (.., and what mounted secrets keep besides), nothing that is not seen, and
// on Windows no device (con.example.com, there).
func checkFileName(user string) error {
	odd := func(r rune) bool { return !unicode.IsGraphic(r) || strings.ContainsRune(`/\:*?"<>|`, r) }
	if user == "" || len(user)+len(tokenSuffix) > maxFileName || !utf8.ValidString(user) || user[0] == '.' ||
		user != strings.TrimSpace(user) || strings.ContainsFunc(user, odd) || !filepath.IsLocal(user+tokenSuffix) {
		return badName()
	}
	return nil
}
