package people

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/contactrelay/contactrelay/internal/tokensim"
)

// clientFile is the client as the console gives it out.
const clientFile = `{"installed":{"client_id":"` + clientID + `","client_secret":"` + secret + `","redirect_uris":["http://localhost"],"token_uri":"https://elsewhere.example.com"}}`

func TestATokenFileIsReadInAllItsForms(t *testing.T) {
	o := newOffice(t)
	refresh := o.google.Grant(ann, clientID)
	client := o.write("client.json", []byte(clientFile))
	for name, c := range map[string]struct {
		text   string
		client string
		taken  bool
	}{
		"authorized_user":               {`{"type":"authorized_user","client_id":"` + clientID + `","client_secret":"` + secret + `","refresh_token":"` + refresh + `"}`, "", true},
		"authorized_user beside client": {`{"type":"authorized_user","client_id":"` + clientID + `","client_secret":"` + secret + `","refresh_token":"` + refresh + `"}`, client, true},
		"a token as libraries keep it":  {`{"access_token":"old","token_type":"Bearer","refresh_token":"` + refresh + `","expiry":"2026-01-01T00:00:00Z"}`, client, true},
		"bare":                          {refresh, client, true},
		"bare with a line end":          {refresh + "\n", client, true},
		"bare without its client":       {refresh, "", false},
		"JSON without its client":       {`{"refresh_token":"` + refresh + `"}`, "", false},
		"a service account":             {`{"type":"service_account","client_email":"x@example.com","refresh_token":"` + refresh + `"}`, client, false},
		"an external account":           {`{"type":"external_account","token_url":"https://elsewhere.example.com","refresh_token":"` + refresh + `"}`, client, false},
		"cut":                           {`{"type":"authorized_user","refresh_token":"` + refresh, client, false},
		"empty":                         {"", client, false},
		"no refresh token":              {`{"type":"authorized_user","client_id":"x"}`, client, false},
		"two lines":                     {refresh + "\n" + refresh, client, false},
		"a JSON string":                 {`"` + refresh + `"`, client, false},
	} {
		o.write("tokens/"+ann+".json", []byte(c.text))
		f, err := NewFolder(filepath.Join(o.dir, "tokens"), c.client, o.transport)
		if (err == nil) != c.taken {
			t.Errorf("%s: got %v, want taken: %t", name, err, c.taken)
		}
		if err != nil {
			discreet(t, err)
			continue
		}
		if token, err := f.fetch(t.Context(), ann); err != nil || token.AccessToken == "" {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestAFolderThatCannotBeUsedIsRefusedWithAllThatIsWrong(t *testing.T) {
	o := newOffice(t)
	for _, user := range []string{"a1", "a2", "a3", "a4"} {
		o.authorize(user)
	}
	for _, path := range []string{"tokens/a1.json", "tokens/a2.json"} {
		if err := os.Chmod(filepath.Join(o.dir, path), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	o.write("tokens/a3.json", []byte("not a token"))
	o.write("tokens/README", []byte("no token, and no matter"))
	if err := os.Symlink("nowhere", filepath.Join(o.dir, "tokens", ann+".json")); err != nil {
		t.Fatal(err)
	}
	o.write("tokens/..2026_11_22/a1.json", []byte("{"))
	_, err := NewFolder(filepath.Join(o.dir, "tokens"), o.write("client.json", []byte("{}")), nil)
	if err == nil {
		t.Fatal("it is taken")
	}
	for _, want := range []string{"2 of 5 files: readable or writable by others: chmod 600", "1 of 5 files: neither", "1 of 5 files: no such file"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
	discreet(t, err)
	err = CheckOAuthClient(filepath.Join(o.dir, "client.json"))
	if err == nil || !strings.Contains(err.Error(), "not the JSON of an OAuth client") {
		t.Errorf("of an empty client file: %v", err)
	}
	for _, dir := range []string{filepath.Join(o.dir, "none"), t.TempDir(), o.write("file", nil)} {
		if _, err := NewFolder(dir, "", nil); err == nil {
			t.Errorf("%s is taken", dir)
		}
	}
}

func TestAFileThatIsReplacedIsUsedAtTheNextRefresh(t *testing.T) {
	o := newOffice(t)
	o.authorize(ann)
	tokens := o.signIn(byTokens)
	o.google.Revoke(ann)
	if _, err := tokens.Token(t.Context(), ann); factOf(t, err).Kind != GrantRefused {
		t.Errorf("got %v, want grant_refused", err)
	}
	o.authorize(ann)
	// The clock of a file system ticks every few milliseconds.
	if err := os.Chtimes(filepath.Join(o.dir, "tokens", ann+".json"), time.Time{}, time.Now().Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := tokens.Token(t.Context(), ann); err != nil {
		t.Errorf("with a new file: %v", err)
	}
	if _, err := tokens.Token(t.Context(), bob); factOf(t, err).Kind != GrantRefused {
		t.Errorf("without a file: got %v, want grant_refused", err)
	}
	o.authorize(bob)
	if _, err := tokens.Token(t.Context(), bob); err != nil {
		t.Errorf("with a file at last: %v", err)
	}
}

func TestAFolderThatIsNotMountedIsNoUsersFault(t *testing.T) {
	o := newOffice(t)
	o.authorize(ann)
	tokens := o.signIn(byTokens)
	dir := filepath.Join(o.dir, "tokens")
	away := func(replace func() error) {
		t.Helper()
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		if err := replace(); err != nil {
			t.Fatal(err)
		}
		if _, err := tokens.Token(t.Context(), ann); factOf(t, err).Kind != TokenFailed {
			t.Errorf("got %v, want token_failed", err)
		}
	}
	away(func() error { return nil })
	away(func() error { return os.Mkdir(dir, 0o700) })
	o.authorize(ann)
	if _, err := tokens.Token(t.Context(), ann); err != nil {
		t.Errorf("mounted again: %v", err)
	}
}

func TestAFileThatIsWrongMeanwhileWaitsForTheOperator(t *testing.T) {
	o := newOffice(t)
	o.authorize(ann)
	tokens := o.signIn(byTokens)
	path := filepath.Join(o.dir, "tokens", ann+".json")
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	_, err := tokens.Token(t.Context(), ann)
	if e := factOf(t, err); e.Kind != TokenFailed || !strings.Contains(e.Error(), "chmod 600") {
		t.Errorf("got %v, want token_failed with a word of chmod 600", e)
	}
	discreet(t, err)
	o.write("tokens/"+ann+".json", []byte(`{"type":`))
	if _, err := tokens.Token(t.Context(), ann); factOf(t, err).Kind != TokenFailed {
		t.Errorf("half a file: got %v, want token_failed", err)
	}
}

func TestAKeyFileIsCheckedAndReadAnew(t *testing.T) {
	o := newOffice(t)
	text, err := tokensim.KeyFile(delegate, testKey())
	if err != nil {
		t.Fatal(err)
	}
	path := o.write("key.json", text)
	for name, wrong := range map[string]string{
		"no JSON": "x", "another type": `{"type":"authorized_user"}`, "no key": `{"type":"service_account","client_email":"x@example.com"}`,
		"no PEM":   `{"type":"service_account","client_email":"x@example.com","private_key":"x"}`,
		"bad PEM":  `{"type":"service_account","client_email":"x@example.com","private_key":"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"}`,
		"no email": strings.Replace(string(text), delegate, "", 1),
	} {
		o.write("key.json", []byte(wrong))
		if _, err := NewKeyFile(path, nil); err == nil {
			t.Errorf("%s: it is taken", name)
		}
	}
	o.write("key.json", []byte(strings.Replace(string(text), "https://oauth2.googleapis.com/token", "https://elsewhere.example.com/token", 1)))
	k, err := NewKeyFile(path, o.transport)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.fetch(t.Context(), ann); err != nil {
		t.Errorf("with another endpoint in the file: %v", err) // the simulator refuses other hosts
	}
	o.write("key.json", []byte("x"))
	if _, err := k.fetch(t.Context(), ann); factOf(t, err).Kind != ClientRejected || !strings.Contains(err.Error(), "key file") {
		t.Errorf("a broken file: got %v, want client_rejected", err)
	}
	o.write("key.json", text)
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := k.fetch(t.Context(), ann); factOf(t, err).Kind != ClientRejected || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a file for all: got %v, want client_rejected and chmod 600", err)
	}
	if _, err := NewDelegation("no address", self, nil); err == nil {
		t.Error("a delegate without an address is taken")
	}
}

func TestNamesThatDifferInTheirLettersAloneAreToldApart(t *testing.T) {
	o := newOffice(t)
	o.authorize("Ann")
	o.authorize("bob")
	o.authorize("Eve")
	f, err := NewFolder(filepath.Join(o.dir, "tokens"), "", o.transport)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Link(f.path("Ann"), f.path("ann")); err != nil { // as a file system shows it that does not tell them apart
		t.Fatal(err)
	}
	if _, err := f.fetch(t.Context(), "Ann"); factOf(t, err).Kind != TokenFailed {
		t.Errorf("Ann: got %v, want token_failed", err)
	}
	for _, user := range []string{"ann", "bob", "Eve"} {
		if _, err := f.fetch(t.Context(), user); err != nil {
			t.Errorf("%s: %v", user, err)
		}
	}
}
