package main

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/contactrelay/contactrelay/internal/people"
	"github.com/contactrelay/contactrelay/internal/tokensim"
)

// keyFile writes the JSON key of a service account, with a mode.
func keyFile(t *testing.T, mode os.FileMode) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	text, err := tokensim.KeyFile("delegate@demo.iam.gserviceaccount.com", key)
	must(t, err)
	path := filepath.Join(t.TempDir(), "key.json")
	must(t, os.WriteFile(path, text, 0o600))
	must(t, os.Chmod(path, mode))
	return path
}

// tokensDir makes a folder with the token of a made-up user.
func tokensDir(t *testing.T) string {
	t.Helper()
	a, err := newAccounts([]string{"ann@example.com"})
	must(t, err)
	t.Cleanup(func() { _ = a.close() })
	return a.dir
}

func TestEachWayOfSigningInSaysAllThatItLacks(t *testing.T) {
	good, exposed, folder := keyFile(t, 0o600), keyFile(t, 0o666), tokensDir(t)
	for name, c := range map[string]struct {
		args   []string
		faults map[string]string // a word of the text, by the flag
	}{
		"nothing": {nil, map[string]string{"credentials": "GOOGLE_APPLICATION_CREDENTIALS", "delegate": "required", "allow-users": "required"}},
		"delegation without an address": {[]string{"--credentials=delegation", "--delegate=me", "--allow-users=example.com"},
			map[string]string{"credentials": "account of the worker's own", "delegate": "e-mail address"}},
		"key without all":       {[]string{"--credentials=delegation-key"}, map[string]string{"key-file": "required", "allow-users": "required"}},
		"key without a file":    {[]string{"--credentials=delegation-key", "--key-file=/nowhere/key", "--allow-users=example.com"}, map[string]string{"key-file": "no such file"}},
		"key that all can read": {[]string{"--credentials=delegation-key", "--key-file=" + exposed, "--allow-users=example.com"}, map[string]string{"key-file": "chmod 600"}},
		"key that is none":      {[]string{"--credentials=delegation-key", "--key-file=signin_test.go", "--allow-users=example.com"}, map[string]string{"key-file": ""}},
		"tokens without all":    {[]string{"--credentials=tokens"}, map[string]string{"tokens-dir": "required"}},
		"tokens without files":  {[]string{"--credentials=tokens", "--tokens-dir=" + t.TempDir()}, map[string]string{"tokens-dir": "there is no <user>.json"}},
		"tokens without folder": {[]string{"--credentials=tokens", "--tokens-dir=/nowhere"}, map[string]string{"tokens-dir": "no such file"}},
		"tokens without client": {[]string{"--credentials=tokens", "--tokens-dir=" + folder, "--oauth-client-file=/nowhere/client"}, map[string]string{"oauth-client-file": "no such file"}},
		"tokens without anything": {[]string{"--credentials=tokens", "--tokens-dir=/nowhere", "--oauth-client-file=signin_test.go", "--refused-for=0s"},
			map[string]string{"tokens-dir": "no such file", "oauth-client-file": "", "refused-for": "more than 0"}},
		"another way": {[]string{"--credentials=password"}, map[string]string{"credentials": "none of"}},
		"real tokens in the clear": {[]string{"--credentials=tokens", "--tokens-dir=" + folder, "--people-endpoint=http://people.example.com"},
			map[string]string{"people-endpoint": "https"}},
		"key":                    {[]string{"--credentials=delegation-key", "--key-file=" + good, "--allow-users=example.com"}, nil},
		"tokens":                 {[]string{"--credentials=tokens", "--tokens-dir=" + folder}, nil},
		"tokens to this machine": {[]string{"--credentials=tokens", "--tokens-dir=" + folder, "--people-endpoint=http://127.0.0.1:1"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("PUBSUB_EMULATOR_HOST", "127.0.0.1:1") // so that only the users' sign-in needs credentials
			run := parsed(t, append([]string{"run", "--project=demo"}, c.args...)...).Run
			defer run.signInSettings.close()
			faults := &settingFaults{}
			err := run.check(t.Context(), faults)
			if len(faults.errs) != len(c.faults) {
				t.Errorf("got %v, want %d faults", err, len(c.faults))
			}
			for flag, word := range c.faults {
				if !strings.Contains(err.Error(), "--"+flag+": ") || !strings.Contains(err.Error(), word) {
					t.Errorf("got %v, want a fault of --%s with %q", err, flag, word)
				}
			}
			if err == nil && run.tokens == nil {
				t.Error("there is nothing that answers tokens")
			}
		})
	}
}

func TestDevSaysAllThatIsWrongWithItsSettings(t *testing.T) {
	code, _, text := ask(t, t.Context(), "", "dev", "--once", "--credentials=delegation", "--drain=1h")
	if code != 2 || !strings.Contains(text, `--credentials: "delegation" is neither`) || !strings.Contains(text, "--drain:") {
		t.Errorf("exit code %d, %s", code, text)
	}
}

func TestTheEnvironmentNamesTheFlagsOfSigningIn(t *testing.T) {
	t.Setenv("CONTACTRELAY_CREDENTIALS", "tokens")
	t.Setenv("CONTACTRELAY_TOKENS_DIR", "tokens")
	t.Setenv("CONTACTRELAY_OAUTH_CLIENT_FILE", "client.json")
	t.Setenv("CONTACTRELAY_DELEGATE", "delegate@demo.iam.gserviceaccount.com")
	t.Setenv("CONTACTRELAY_KEY_FILE", "key.json")
	c := parsed(t, "run").Run
	if c.Credentials != byTokens || c.TokensDir != "tokens" || c.OAuthClientFile != "client.json" || c.Delegate == "" || c.KeyFile != "key.json" {
		t.Errorf("got %+v", c.signInSettings)
	}
	if dev := parsed(t, "dev").Dev; dev.Credentials != byEmulator {
		t.Errorf("dev signs in with %s: what run is set to is no matter of dev", dev.Credentials)
	}
}

func TestRealCredentialsAreTheClients(t *testing.T) {
	a, err := newAccounts([]string{"ann@example.com"})
	must(t, err)
	defer func() { must(t, a.close()) }()
	s := signInSettings{}
	if s.tokens, err = a.tokens(); err != nil {
		t.Fatal(err)
	}
	defer s.close()
	var c people.Config
	s.sign(&c)
	token, err := c.Token(t.Context(), "ann@example.com")
	must(t, err)
	if user, _ := a.google.Check(token); user != "ann@example.com" || c.Rejected == nil {
		t.Errorf("the token is that of %q", user)
	}
}

func TestTheWorkersOwnAccountIsFoundAndItsRefusalIsEverybodys(t *testing.T) {
	status, body := http.StatusOK, `{"access_token":"own-token","token_type":"Bearer","expires_in":3600}`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	defer server.Close()
	path := keyFile(t, 0o600)
	text, err := os.ReadFile(path)
	must(t, err)
	must(t, os.WriteFile(path, bytes.Replace(text, []byte("https://oauth2.googleapis.com"), []byte(server.URL), 1), 0o600))
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", path)
	ask := func() (string, error) {
		own, err := ownAccount()
		must(t, err)
		return own(t.Context())
	}
	if token, err := ask(); token != "own-token" || err != nil {
		t.Errorf("got %q, %v", token, err)
	}
	status, body = http.StatusBadRequest, `{"error":"invalid_grant","error_description":"Invalid JWT Signature."}`
	_, err = ask()
	if fact, ok := errors.AsType[*people.Error](err); !ok || fact.Kind != people.ClientRejected {
		t.Errorf("refused: got %v, want client_rejected", err)
	}
	server.Close()
	_, err = ask()
	if _, ok := errors.AsType[*people.Error](err); ok || err == nil {
		t.Errorf("nobody answers: got %v, want an error that may pass", err)
	}
}
