package main

import (
	"strings"
	"testing"
)

func TestAllowedUsersMakeSense(t *testing.T) {
	emulators(t)
	for list, good := range map[string]bool{
		"ann@example.com": true, "example.com": true, "@example.com": true, "user-7": true, "auth0|7": true, " ann@example.com , example.net ": true,
		"": false, " ": false, ",": false, "example.com,": false, "example.com,,example.net": false, "*": false, "*.example.com": false, ".example.com": false,
		"example.com,*": false, "ann @example.com": false, "ann@": false, "@": false, "ann@ben@example.com": false, "https://example.com": false, "ann@example com": false,
	} {
		text := wrongSettings(t, "--allow-users="+list)
		if (text == "") != good || !good && !strings.HasPrefix(text, "--allow-users: ") || strings.Contains(text, "ann@ben") {
			t.Errorf("--allow-users=%q: %q, want good: %t", list, text, good)
		}
	}
}

func TestAnEmptyListOfUsersInTheEnvironmentIsAFaultToo(t *testing.T) {
	emulators(t)
	t.Setenv("CONTACTRELAY_ALLOW_USERS", "")
	if text := wrongSettings(t); !strings.HasPrefix(text, "--allow-users: is empty") {
		t.Errorf("%q, want a fault", text)
	}
	if text := wrongSettings(t, "--allow-users=example.com"); text != "" {
		t.Errorf("the flag does not come before the environment: %s", text)
	}
}

func TestAllowedUsersAddUp(t *testing.T) {
	emulators(t)
	c := parsed(t, "run", "--allow-users=a.example.com,b.example.com", "--allow-users=c.example.com").Run
	if got := strings.Join(c.AllowUsers, " "); got != "a.example.com b.example.com c.example.com" {
		t.Errorf("allowed users %q", got)
	}
}
