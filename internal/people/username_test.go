package people

import (
	"strings"
	"testing"
)

func TestSubjectsArePlainAddresses(t *testing.T) {
	for _, user := range []string{"ann@example.com", "ann.lee+crm@mail.example.co", "o'neil_7@ex-ample.com", "a@b.c"} {
		if err := checkSubject(user); err != nil {
			t.Errorf("%q is refused", user)
		}
	}
	for _, user := range []string{
		"", "ann", "@example.com", "ann@", "ann@example", "a@b@example.com", "ann@example.com ", " ann@example.com",
		"ann@example.com\n", "ann\x00@example.com", "an n@example.com", `"ann"@example.com`, "ann@example..com", ".ann@example.com",
		"ann.@example.com", "a..n@example.com", "ann@.example.com", "ann@example.com.", "Ann@example.com", "ann@Example.com",
		"änn@example.com", "ann@example.com,bob@example.com", "ann@[127.0.0.1]", "Ann <ann@example.com>", "ann/../bob@example.com..",
		strings.Repeat("a", 65) + "@example.com", "ann@" + strings.Repeat("a", 250) + ".com",
	} {
		if err := checkSubject(user); err == nil || factOf(t, err).Kind != GrantRefused {
			t.Errorf("%q: got %v, want grant_refused", user, err)
		}
	}
}

func TestFileNamesStayInTheirFolder(t *testing.T) {
	for _, user := range []string{"ann@example.com", "1024", "U1001", "ann lee", "Ann@example.com", "änn", "a..b", "ann.con@example.com", strings.Repeat("a", 250)} {
		if err := checkFileName(user); err != nil {
			t.Errorf("%q is refused", user)
		}
	}
	for _, user := range []string{
		"", ".", "..", "../ann", "..\\ann", "/etc/ann", "a/b", `a\b`, ".ann", "..data", "ann\x00", "ann\n", "ann\t", "c:ann", "ann\x7f",
		"ann\u202e", "ann\u200b", " ann", "ann ", "\xff", "a*", "a?", strings.Repeat("a", 251),
	} {
		if err := checkFileName(user); err == nil || factOf(t, err).Kind != GrantRefused {
			t.Errorf("%q: got %v, want grant_refused", user, err)
		}
	}
}

func FuzzFileName(f *testing.F) {
	for _, seed := range []string{"ann", "../ann", "a/b", ".", "\x00", "ann@example.com"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, user string) {
		if checkFileName(user) != nil {
			return
		}
		folder := &Folder{dir: "/tokens"}
		if path := folder.path(user); path != "/tokens/"+user+".json" || strings.Count(path, "/") != 2 {
			t.Errorf("the file of %q is %q", user, path)
		}
	})
}
