package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/contactrelay/contactrelay/internal/people"
	"github.com/contactrelay/contactrelay/internal/peoplesim"
	"github.com/contactrelay/contactrelay/internal/tokensim"
)

// accounts are the made-up Google accounts of dev --credentials tokens: a token endpoint in this process, and a folder
// with the refresh token of each user, as a mounted secret would be.
type accounts struct {
	google *tokensim.Sim
	dir    string
}

// The OAuth client of dev.
const devClient, devClientSecret = "dev.apps.example.com", "no secret at all"

// newAccounts makes the folder. close removes it.
func newAccounts(users []string) (*accounts, error) {
	dir, err := os.MkdirTemp("", "contactrelay-dev-tokens-*")
	if err != nil {
		return nil, err
	}
	a := &accounts{google: tokensim.New(), dir: dir}
	a.google.AddClient(devClient, devClientSecret)
	for _, user := range users {
		if err := a.add(user); err != nil {
			return nil, errors.Join(fmt.Errorf("the tokens of the made-up users: %w", err), a.close())
		}
	}
	return a, nil
}

// add lets a user grant what it takes, and writes the user's file.
func (a *accounts) add(user string) error {
	text, err := json.Marshal(map[string]string{
		"type": "authorized_user", "client_id": devClient, "client_secret": devClientSecret, "refresh_token": a.google.Grant(user, devClient),
	})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(a.dir, user+".json"), text, 0o600)
}

func (a *accounts) close() error { return os.RemoveAll(a.dir) }

// tokens signs the users in, as run would with that folder.
func (a *accounts) tokens() (*people.Tokens, error) {
	folder, err := people.NewFolder(a.dir, "", a.google)
	if err != nil {
		return nil, err
	}
	return people.NewTokens(folder, people.TokensConfig{}), nil
}

// check tells the simulated People API what a token is good for.
func (a *accounts) check(token string) (user string, state peoplesim.TokenState) {
	user, found := a.google.Check(token)
	switch found {
	case tokensim.Good:
		return user, peoplesim.TokenGood
	case tokensim.Scopeless:
		return user, peoplesim.TokenScopeless
	}
	return "", peoplesim.TokenInvalid
}
