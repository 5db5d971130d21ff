package worker

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/contactrelay/contactrelay/internal/people"
	"github.com/contactrelay/contactrelay/internal/peoplesim"
	"github.com/contactrelay/contactrelay/internal/tokensim"
)

const delegate = "relay@project.example.com"

// delegated lets the worker of a world sign its users in with a key file, at a simulated token endpoint.
func (w *world) delegated(key *rsa.PrivateKey) *tokensim.Sim {
	w.t.Helper()
	google := tokensim.New()
	google.AddDelegate(delegate, key)
	google.AddDomain("example.com")
	der, err := x509.MarshalPKCS8PrivateKey(key)
	must(w.t, err)
	text, err := json.Marshal(map[string]string{
		"type": "service_account", "client_email": delegate, "token_uri": "https://" + tokensim.TokenHost + "/token",
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
	})
	must(w.t, err)
	file := filepath.Join(w.t.TempDir(), "key.json")
	must(w.t, os.WriteFile(file, text, 0o600))
	grant, err := people.NewKeyFile(file, google)
	must(w.t, err)
	tokens := people.NewTokens(grant, people.TokensConfig{})
	w.t.Cleanup(tokens.Close)
	w.tokens = tokens
	w.people = peoplesim.New(peoplesim.Config{AuditValues: true, Tokens: func(token string) (string, peoplesim.TokenState) {
		user, found := google.Check(token)
		if found == tokensim.Good {
			return user, peoplesim.TokenGood
		}
		return "", peoplesim.TokenInvalid
	}})
	return google
}

// signedIn runs a story in a world whose users are signed in by delegation.
func signedIn(t *testing.T, story func(t *testing.T, w *world, google *tokensim.Sim)) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, ordered)
		w.config.MaxMessages = 10_000
		story(t, w, w.delegated(key))
	})
}

func (w *world) tokenCalls(google *tokensim.Sim, users int) (n int) {
	for i := range users {
		n += google.Calls(user(i)).Token
	}
	return n
}

func TestWhatIsWrongWithTheDelegationPausesAllAndAsksSeldom(t *testing.T) {
	t.Parallel()
	for kind, remedy := range map[tokensim.Kind]string{
		tokensim.NotDelegated: "an administrator of the users' domain must grant", tokensim.WrongClock: "the clock of this machine may be wrong",
		tokensim.BadSignature: "make a new one",
	} {
		signedIn(t, func(t *testing.T, w *world, google *tokensim.Sim) {
			w.crowd(50, 10)
			w.fail(latency(100 * time.Millisecond))
			google.SetFaults(tokensim.Fault{Kind: kind})
			w.start()
			var minutes []int
			for before := 0; len(minutes) < 3; before = w.tokenCalls(google, 50) {
				time.Sleep(time.Minute)
				minutes = append(minutes, w.tokenCalls(google, 50)-before)
			}
			t.Logf("%s: calls of the token endpoint a minute: %v", kind, minutes)
			if minutes[0] >= 50+30 || minutes[1] >= 30 || minutes[2] >= 30 {
				t.Errorf("%s: %v calls of the token endpoint a minute", kind, minutes)
			}
			w.ready(false)
			if !strings.Contains(w.log.String(), remedy) {
				t.Errorf("%s: the log does not say what to do:\n%s", kind, w.log)
			}
			google.SetFaults()
			time.Sleep(30 * time.Second)
			w.check(map[string]int{"applied": 500})
			w.ready(true)
		})
	}
}

func TestAThousandMessagesOfADeletedUserAskOnce(t *testing.T) {
	signedIn(t, func(t *testing.T, w *world, google *tokensim.Sim) {
		w.crowd(10, 100)
		w.seed(ann, 1000)
		for i := range 1000 {
			w.publish(ann, rename(contactName(i+1), "x", 1))
		}
		w.fail(latency(10 * time.Millisecond))
		google.DeleteUser(ann)
		w.start()
		time.Sleep(time.Minute)
		w.check(map[string]int{"applied": 1000, "user_unauthorized": 1000})
		if n := google.Calls(ann).Token; n != 1 {
			t.Errorf("%d calls of the token endpoint, want 1", n)
		}
		w.ready(true)
	})
}

func TestATokenThatRunsOutInTheMidstOfCallsIsRefreshedOnceAUser(t *testing.T) {
	t.Parallel()
	signedIn(t, func(t *testing.T, w *world, google *tokensim.Sim) {
		const users = 64
		w.config.MaxMessages = 40_000
		w.crowd(users, 300)
		w.fail(latency(time.Second))
		google.SetLatency(50 * time.Millisecond)
		w.start()
		time.Sleep(1500 * time.Millisecond)
		before := w.tokenCalls(google, users)
		google.Void()
		time.Sleep(time.Minute)
		w.check(map[string]int{"applied": 300 * users})
		if n := w.tokenCalls(google, users) - before; before != users || n != users {
			t.Errorf("%d calls of the token endpoint before and %d after, want one a user", before, n)
		}
		if n := w.codes()["401"]; n == 0 {
			t.Error("no call met a token that had run out")
		}
	})
}
