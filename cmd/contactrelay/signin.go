package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"cloud.google.com/go/auth"
	"cloud.google.com/go/auth/credentials"

	"github.com/contactrelay/contactrelay/internal/people"
)

// The ways to sign users in.
const (
	byDelegation = "delegation"
	byKey        = "delegation-key"
	byTokens     = "tokens"
	byEmulator   = "emulator"
)

// signInSettings say how users are signed in.
type signInSettings struct {
	Credentials     string   `help:"How users are signed in: delegation, delegation-key, tokens, or emulator (no secrets; the token is the user ID). Default: delegation; emulator with PEOPLE_EMULATOR_HOST." placeholder:"KIND"`
	Delegate        string   `help:"Service account that acts for the users, with delegation." placeholder:"ADDRESS"`
	KeyFile         string   `help:"JSON key of such an account, with delegation-key." placeholder:"FILE"`
	TokensDir       string   `help:"Folder with a <user>.json for each user, with tokens: authorized_user JSON or a refresh token." placeholder:"DIR"`
	OAuthClientFile string   `name:"oauth-client-file" help:"JSON of the OAuth client that refresh tokens without one were given to." placeholder:"FILE"`
	AllowUsers      userList `help:"Users whose contacts may be changed: addresses or domains. Required with delegation; default with the others: all." placeholder:"USER,..."`

	RefusedFor time.Duration `help:"How long it is remembered that a user has no grant." default:"5m"`

	tokens *people.Tokens // nil with emulator
}

// open notes what is wrong with the settings and the files that they name, and makes what answers the users' tokens.
func (s *signInSettings) open(f *settingFaults) {
	f.require(s.RefusedFor > 0, "refused-for", "must be more than 0")
	switch s.Credentials {
	case byDelegation:
		s.openDelegation(f)
	case byKey:
		s.openKeyFile(f)
	case byTokens:
		s.openFolder(f)
	case byEmulator:
	default:
		f.add("credentials", "%q is none of delegation, delegation-key, tokens, emulator", s.Credentials)
	}
}

func (s *signInSettings) openDelegation(f *settingFaults) {
	s.requireAllowUsers(f)
	self, err := ownAccount()
	f.require(err == nil, "credentials", "delegation needs an account of the worker's own that may sign as the delegate: "+
		"that of the service on Google Cloud, else GOOGLE_APPLICATION_CREDENTIALS")
	if s.Delegate == "" {
		f.add("delegate", "required with delegation")
		return
	}
	delegation, err := people.NewDelegation(s.Delegate, self, nil)
	if err != nil {
		f.add("delegate", "%v", err)
		return
	}
	s.tokens = people.NewTokens(delegation, people.TokensConfig{RefusedFor: s.RefusedFor})
}

func (s *signInSettings) openKeyFile(f *settingFaults) {
	s.requireAllowUsers(f)
	if s.KeyFile == "" {
		f.add("key-file", "required with delegation-key")
		return
	}
	key, err := people.NewKeyFile(s.KeyFile, nil)
	if err != nil {
		f.add("key-file", "%v", err)
		return
	}
	s.tokens = people.NewTokens(key, people.TokensConfig{RefusedFor: s.RefusedFor})
}

func (s *signInSettings) openFolder(f *settingFaults) {
	if s.TokensDir == "" {
		f.add("tokens-dir", "required with tokens")
		return
	}
	if s.OAuthClientFile != "" {
		if err := people.CheckOAuthClient(s.OAuthClientFile); err != nil {
			f.add("oauth-client-file", "%v", err)
		}
	}
	folder, err := people.NewFolder(s.TokensDir, s.OAuthClientFile, nil)
	if err != nil {
		f.add("tokens-dir", "%s", strings.ReplaceAll(err.Error(), "\n", "; "))
		return
	}
	s.tokens = people.NewTokens(folder, people.TokensConfig{RefusedFor: s.RefusedFor})
}

// requireAllowUsers: a delegate can act for everybody in the domain, so that whoever may publish to the topic could.
func (s *signInSettings) requireAllowUsers(f *settingFaults) {
	f.require(len(s.AllowUsers) > 0, "allow-users", "required with %s: whoever may publish could otherwise change anyone's contacts", s.Credentials)
}

// sign gives the client of the People API what it signs users in with.
func (s *signInSettings) sign(c *people.Config) {
	if s.tokens == nil {
		c.Token = people.EmulatorToken
		return
	}
	c.Token, c.Rejected = s.tokens.Token, s.tokens.Rejected
}

// close ends what open made.
func (s *signInSettings) close() {
	if s.tokens != nil {
		s.tokens.Close()
	}
}

// ownScope is what IAM asks of those who let it sign.
const ownScope = "https://www.googleapis.com/auth/cloud-platform"

// ownAccount finds the worker's own account where Google's libraries look for it, and answers its token.
func ownAccount() (func(context.Context) (string, error), error) {
	own, err := credentials.DetectDefault(&credentials.DetectOptions{
		Scopes:              []string{ownScope},
		DisableAsyncRefresh: true, // else a goroutine that nobody waits for
		// Unset, the library logs whole requests and answers when an environment variable asks for it.
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (string, error) {
		token, err := own.Token(ctx)
		if refused, ok := errors.AsType[*auth.Error](err); ok && refused.Response != nil && !passing(refused.Response.StatusCode) {
			return "", &people.Error{Kind: people.ClientRejected}
		}
		if err != nil {
			return "", err
		}
		return token.Value, nil
	}, nil
}

// passing reports whether time may cure a status.
func passing(status int) bool {
	return status >= http.StatusInternalServerError || status == http.StatusTooManyRequests || status == http.StatusRequestTimeout
}
