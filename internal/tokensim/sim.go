// Package tokensim is Google's token endpoint (oauth2.googleapis.com) and the part of IAM that signs assertions
// (iamcredentials.googleapis.com), as far as contactrelay uses them: the ground of the tests of its credentials, and of
// `contactrelay dev --credentials tokens`.
//
// A [Sim] takes both flows, refresh tokens and signed assertions, and signs assertions itself for those who may ask
// for it. It verifies what the services do: clients and their secrets, signatures, issuer, subject, audience, scope,
// the times of an assertion. What else goes wrong, for whom and how often, is up to [Fault]s. The tokens that it issues
// expire; [Sim.Check] tells what they are good for, so that a simulator of an API can take exactly these. It counts the
// calls of each user.
//
// It serves as an [http.Handler] or in process as an [http.RoundTripper], which needs no socket and no goroutine and so
// works inside a testing/synctest bubble. Requests come with the services' own host names, which are constants in the
// client: whoever uses a Sim gives it to the client as its transport.
package tokensim

import (
	"crypto/rand"
	"crypto/rsa"
	"slices"
	"sync"
	"time"
)

// The addresses that a Sim answers at.
const (
	TokenHost = "oauth2.googleapis.com"
	SignHost  = "iamcredentials.googleapis.com"
	tokenURL  = "https://" + TokenHost + "/token"
)

// ContactsScope is the scope that changes contacts.
const ContactsScope = "https://www.googleapis.com/auth/contacts"

// Sim is both services. It is safe for concurrent use, starts nothing and needs no closing.
type Sim struct {
	mu       sync.Mutex // guards the fields below; never held over I/O or a sleep
	lifetime time.Duration
	latency  time.Duration
	clients  map[string]string    // secrets by client ID
	grants   map[string]*grant    // by refresh token
	accounts map[string]*account  // service accounts by address
	signers  map[string]string    // the delegate that the bearer of a token may sign for
	domains  map[string]bool      // whose users may be acted for
	deleted  map[string]bool      // users who are no more
	issued   map[string]*issuance // by access token
	faults   []*Fault
	calls    map[string]Calls // by user
}

// grant is what a user has granted to a client.
type grant struct {
	user, client string
	scopes       []string
	revoked      bool
}

// account is a service account with its key.
type account struct {
	key    *rsa.PrivateKey
	scopes []string // delegated to it
}

// New makes services that know nobody. Tokens live for an hour.
func New() *Sim {
	return &Sim{
		lifetime: time.Hour, clients: map[string]string{}, grants: map[string]*grant{}, accounts: map[string]*account{},
		signers: map[string]string{}, domains: map[string]bool{}, deleted: map[string]bool{},
		issued: map[string]*issuance{}, calls: map[string]Calls{},
	}
}

// SetLifetime sets how long tokens live that are issued from now on, in whole seconds.
func (s *Sim) SetLifetime(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lifetime = d
}

// SetLatency sets how long every answer takes from now on.
func (s *Sim) SetLatency(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.latency = d
}

// AddClient makes an OAuth client known.
func (s *Sim) AddClient(id, secret string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clients[id] = secret
}

// Grant lets a user grant scopes to a client; without any, it is the one for contacts. It returns the refresh token.
func (s *Sim) Grant(user, client string, scopes ...string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	token := "1//" + rand.Text()
	s.grants[token] = &grant{user: user, client: client, scopes: orContacts(scopes)}
	return token
}

// orContacts is the scopes, the one for contacts if there are none.
func orContacts(scopes []string) []string {
	if len(scopes) == 0 {
		return []string{ContactsScope}
	}
	return slices.Clone(scopes)
}

// AddDelegate makes a service account with its key, to which scopes are delegated; without any, the one for contacts.
func (s *Sim) AddDelegate(address string, key *rsa.PrivateKey, scopes ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accounts[address] = &account{key: key, scopes: orContacts(scopes)}
}

// AllowSigning lets the bearer of a token have assertions of a delegate signed.
func (s *Sim) AllowSigning(token, delegate string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.signers[token] = delegate
}

// AddDomain makes a domain in which every address is a user and delegation is granted.
func (s *Sim) AddDomain(domain string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.domains[domain] = true
}

// DeleteUser deletes a user of a domain: no assertion about the user is taken, and what was issued is void.
func (s *Sim) DeleteUser(user string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deleted[user] = true
	s.void(user)
}

// Revoke takes back all grants of a user, as the user can in the account's settings: what was issued is void.
func (s *Sim) Revoke(user string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range s.grants {
		g.revoked = g.revoked || g.user == user
	}
	s.void(user)
}

// Calls is how often a user's token was asked for.
type Calls struct {
	Token int // at the token endpoint
	Sign  int // at IAM
}

// Calls returns the counts of a user. Requests from which no user can be told are those of "".
func (s *Sim) Calls(user string) Calls {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[user]
}
