package people

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"
)

// Folder is a folder of refresh tokens: <user>.json is what `gcloud auth application-default login` writes
// (authorized_user), or only the refresh token, in JSON or bare, which was given to the client of the OAuth client
// file. Files are read at each refresh: one that was replaced is used at once.
type Folder struct {
	dir        string
	clientFile string
	client     *http.Client
}

// tokenSuffix follows the user in the name of a file.
const tokenSuffix = ".json"

// NewFolder reads all users' files once, to refuse what cannot be used: what is wrong comes as one error, which counts
// the files and does not name them. clientFile may be empty; [CheckOAuthClient] tells what is wrong with it. transport
// carries the requests, nil is one made for this use.
func NewFolder(dir, clientFile string, transport http.RoundTripper) (*Folder, error) {
	f := &Folder{dir: dir, clientFile: clientFile, client: tokenClient(transport)}
	users, err := f.users()
	if err != nil {
		return nil, err
	}
	if len(users) == 0 {
		return nil, errors.New("there is no <user>.json in the folder")
	}
	wrong := map[string]int{}
	for _, user := range users {
		if _, err := f.readToken(user); err != nil {
			wrong[secretText(err)]++
		}
	}
	var errs []error
	for _, text := range slices.Sorted(maps.Keys(wrong)) {
		errs = append(errs, fmt.Errorf("%d of %d files: %s", wrong[text], len(users), text))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return f, nil
}

// CheckOAuthClient reports what is wrong with an OAuth client file.
func CheckOAuthClient(file string) error {
	_, err := readClient(file)
	return err
}

// users are those with a file. Mounted secrets keep their versions in folders with dot names.
func (f *Folder) users() ([]string, error) {
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		return nil, err
	}
	var users []string
	for _, e := range entries {
		if user, ok := strings.CutSuffix(e.Name(), tokenSuffix); ok && checkFileName(user) == nil {
			users = append(users, user)
		}
	}
	return users, nil
}

func (f *Folder) path(user string) string { return filepath.Join(f.dir, user+tokenSuffix) }

func (f *Folder) check(user string) error     { return checkFileName(user) }
func (f *Folder) state(user string) fileState { return stateOf(f.path(user)) }
func (f *Folder) hangUp()                     { f.client.CloseIdleConnections() }

func (f *Folder) fetch(ctx context.Context, user string) (*oauth2.Token, error) {
	client, refresh, err := f.read(user)
	switch {
	case errors.Is(err, fs.ErrNotExist) && f.mounted():
		return nil, &Error{Kind: GrantRefused, Reason: "no_token_file"}
	case err != nil:
		// A file that is being replaced, a folder that is not mounted: the operator's to mend, not the user's fault.
		return nil, secretFact(TokenFailed, err)
	}
	ctx = context.WithValue(ctx, oauth2.HTTPClient, f.client)
	token, err := client.TokenSource(ctx, &oauth2.Token{RefreshToken: refresh}).Token()
	if err != nil {
		return nil, tokenFact(ctx, err, refreshGrant)
	}
	return token, nil
}

// mounted reports whether the folder is there with anything in it: else a file that is missing says nothing.
func (f *Folder) mounted() bool {
	users, err := f.users()
	return err == nil && len(users) > 0
}

// read returns a user's refresh token and the client that it was given to.
func (f *Folder) read(user string) (*oauth2.Config, string, error) {
	token, err := f.readToken(user)
	if err != nil {
		return nil, "", err
	}
	if token.ClientID != "" {
		return &oauth2.Config{ClientID: token.ClientID, ClientSecret: token.ClientSecret, Endpoint: google.Endpoint}, token.RefreshToken, nil
	}
	client, err := readClient(f.clientFile)
	return client, token.RefreshToken, err
}

// userToken is what a user's file holds. Without a client, it was given to that of the OAuth client file.
type userToken struct {
	Type         string `json:"type"`
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
	RefreshToken string `json:"refresh_token"`
}

// readToken reads a user's file.
func (f *Folder) readToken(user string) (token userToken, err error) {
	path := f.path(user)
	if aliased(path, f.path(strings.ToLower(user))) {
		return token, secretError{"letter_case_lost", "the file system does not tell capital letters from small ones, by which two users may differ: name them in small ones"}
	}
	text, err := readSecret(path)
	if err != nil {
		return token, err
	}
	text = bytes.TrimSpace(text)
	if !bytes.HasPrefix(text, []byte("{")) {
		token.RefreshToken = string(text)
	} else if json.Unmarshal(text, &token) != nil {
		token.RefreshToken = ""
	}
	// Other types name an address to ask for tokens: whoever wrote the file would choose who is trusted.
	if token.Type != "" && token.Type != "authorized_user" || !isRefreshToken(token.RefreshToken) {
		return token, secretError{"token_file_unreadable", "neither authorized_user JSON nor a refresh token"}
	}
	if token.ClientID == "" && f.clientFile == "" {
		return token, secretError{"oauth_client_missing", "a refresh token without its client: give --oauth-client-file"}
	}
	return token, nil
}

// readClient returns the client of an OAuth client file.
func readClient(file string) (*oauth2.Config, error) {
	text, err := readSecret(file)
	if err != nil {
		return nil, err
	}
	client, err := google.ConfigFromJSON(text)
	if err != nil || client.ClientID == "" {
		return nil, secretError{"oauth_client_unreadable", "not the JSON of an OAuth client (web or installed)"}
	}
	client.Endpoint = google.Endpoint // whatever the file says: Google's endpoint alone may have a refresh token
	return client, nil
}

// isRefreshToken reports whether text can be one: they are printable and without blanks.
func isRefreshToken(text string) bool {
	odd := func(r rune) bool { return r <= ' ' || r > '~' || r == '"' }
	return text != "" && !strings.ContainsFunc(text, odd)
}
