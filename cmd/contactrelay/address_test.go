package main

import (
	"context"
	"strings"
	"testing"
)

func TestTheAddressToListenOnIsCheckedBeforeAnythingStarts(t *testing.T) {
	emulators(t)
	ended, cancel := context.WithCancel(t.Context())
	cancel() // whatever starts all the same ends at once
	for address, good := range map[string]bool{
		"": true, ":8080": true, ":0": true, "127.0.0.1:8080": true, "[::1]:8080": true, "localhost:8080": true,
		"zzz": false, "8080": false, ":": false, ":http": false, ":99999": false, ":-1": false, "a b:80": false, "http://x:80": false, "::1:80": false,
	} {
		if text := wrongSettings(t, "--http="+address); (text == "") != good {
			t.Errorf("run --http=%q: %q, want good: %t", address, text, good)
		}
		if !good {
			if code, _, text := ask(t, ended, "", "dev", "--http="+address); code != 2 || !strings.Contains(text, "--http: ") {
				t.Errorf("dev --http=%q: exit code %d, %s", address, code, text)
			}
		}
	}
}

func TestEmulatorsAreHostAndPort(t *testing.T) {
	for address, good := range map[string]bool{
		"127.0.0.1:8085": true, "localhost:8085": true, "[::1]:8085": true, "people_sim:80": true,
		"http://foo": false, "http://foo:80": false, "foo": false, "foo:": false, ":8085": false, "foo:0": false, "foo:65536": false, "user:secret@foo:80": false, "foo:80/": false,
	} {
		for _, variable := range []string{"PUBSUB_EMULATOR_HOST", "PEOPLE_EMULATOR_HOST"} {
			emulators(t)
			t.Setenv(variable, address)
			text := wrongSettings(t)
			if (text == "") != good || !good && !strings.HasPrefix(text, variable+": must be host:port") || strings.Contains(text, "secret") || strings.Contains(text, "\n") {
				t.Errorf("%s=%s: %q, want good: %t", variable, address, text, good)
			}
		}
	}
}

func TestTheEndpointOfThePeopleAPIIsAPlainURL(t *testing.T) {
	emulators(t)
	for endpoint, good := range map[string]bool{
		"http://127.0.0.1:8087": true, "https://people.example.com": true, "https://people.example.com/": true, "http://[::1]:8087": true,
		"127.0.0.1:8087": false, "ftp://people.example.com": false, "//people.example.com": false, "http://": false, "http://:80": false, "http:people": false,
		"http://people.example.com:": false, "http://people.example.com:99999": false, "http://a b": false, "http://%zz": false,
		"http://ann:secret@people.example.com": false, "http://people.example.com?secret=1": false, "http://people.example.com#secret": false,
	} {
		text := wrongSettings(t, "--people-endpoint="+endpoint)
		if (text == "") != good || !good && !strings.HasPrefix(text, "--people-endpoint: ") || strings.Contains(text, "secret") || strings.Contains(text, "\n") {
			t.Errorf("--people-endpoint=%s: %q, want good: %t", endpoint, text, good)
		}
	}
}
