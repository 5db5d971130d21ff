package main

import (
	"net/http"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"

	"github.com/contactrelay/contactrelay/internal/peoplesim"
	"github.com/contactrelay/contactrelay/internal/tokensim"
)

// send publishes a change of a contact for each user, that of alice if the user has none.
func (c *cloud) send(t *testing.T, users ...string) {
	t.Helper()
	publisher := c.client.Publisher(devTopic)
	publisher.EnableMessageOrdering = true
	defer publisher.Stop()
	var results []*pubsub.PublishResult
	for _, user := range users {
		contact := "people/c1010"
		if user == "bob@example.com" {
			contact = "people/c2010"
		}
		results = append(results, publisher.Publish(t.Context(), &pubsub.Message{
			OrderingKey: user, Attributes: map[string]string{"ce-type": "contactrelay.patch.v1"},
			Data: []byte(`{"person":{"resourceName":"` + contact + `"},"updatePersonFields":"nicknames","precondition":"latest"}`),
		}))
	}
	for _, r := range results {
		_, err := r.Get(t.Context())
		must(t, err)
	}
}

func TestAProcessSignsUsersInEachWay(t *testing.T) {
	t.Parallel()
	for _, way := range []string{byDelegation, byKey, byTokens} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			c := newCloud(t)
			c.send(t, "alice@example.com", "bob@example.com")
			worker, _ := c.run(t, way)
			worker.until(2, 20*time.Second, applied)
			if n := c.accounts.google.Calls("alice@example.com").Token; n != 1 {
				t.Errorf("%d calls of the token endpoint for one user, want 1", n)
			}
			check := exec.Command(binary(t, "contactrelay"), c.command(way, "check", "--user=alice@example.com")...)
			check.Env = c.variables
			out, _ := check.CombinedOutput() // it fails: the subscription of dev has no retry policy
			for _, line := range []string{"ok a token for the user\n", "ok the token's scope for contacts\n", "ok People API\n"} {
				if !strings.Contains(string(out), line) {
					t.Errorf("check does not say %q:\n%s", line, out)
				}
			}
		})
	}
}

func TestAProcessSaysWhatKeepsEverybodyOutAndGoesOnWhenItIsMended(t *testing.T) {
	t.Parallel()
	for name, story := range map[string]struct {
		way    string
		token  tokensim.Kind // what is wrong with the tokens, or
		api    peoplesim.Kind
		remedy string
	}{
		"API disabled":  {byTokens, "", peoplesim.ServiceDisabled, "gcloud services enable people.googleapis.com"},
		"not delegated": {byDelegation, tokensim.NotDelegated, "", "an administrator of the users' domain must grant"},
		"wrong clock":   {byKey, tokensim.WrongClock, "", "the clock of this machine may be wrong"},
		"may not sign":  {byDelegation, tokensim.SignDenied, "", "roles/iam.serviceAccountTokenCreator"},
		"client gone":   {byTokens, tokensim.DeletedClient, "", "the OAuth client was deleted"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCloud(t)
			if story.api != "" {
				must(t, c.people.SetFaults(peoplesim.Faults{List: []peoplesim.Fault{{Kind: story.api, Rate: 1}}}))
			} else {
				c.accounts.google.SetFaults(tokensim.Fault{Kind: story.token})
			}
			c.send(t, "alice@example.com", "bob@example.com")
			worker, address := c.run(t, story.way)
			worker.until(1, 20*time.Second, with("no change can be made until this is over", story.remedy))
			if status, text := health(t, address, "/readyz"); status != http.StatusServiceUnavailable || !strings.Contains(text, story.remedy) {
				t.Errorf("readyz: %d %s", status, text)
			}
			c.accounts.google.SetFaults()
			must(t, c.people.SetFaults(peoplesim.Faults{}))
			worker.until(2, 30*time.Second, applied)
			if status, text := health(t, address, "/readyz"); status != http.StatusOK {
				t.Errorf("readyz when it is mended: %d %s", status, text)
			}
			if letters, err := c.deadLetters(); err != nil || len(letters) > 0 {
				t.Errorf("%d letters, %v", len(letters), err)
			}
		})
	}
}

// The lines of the letters.
var (
	unauthorized = with(`"reason":"user_unauthorized"`)
	forbidden    = with(`"reason":"forbidden"`)
)

// quoted is text as a line of the log has it.
func quoted(text string) string { return strconv.Quote(text) }

func TestAProcessRefusesUserNamesThatNoUserHas(t *testing.T) {
	t.Parallel()
	for way, users := range map[string]map[string]func(string) bool{
		byTokens: {
			"../" + sampleUsers[0]: unauthorized, "a/b": unauthorized, "..": unauthorized, `a\b`: unauthorized, ".hidden": unauthorized,
			"con.example.com": unauthorized, strings.Repeat("a", 300): unauthorized, "Alice@example.com": unauthorized,
		},
		byDelegation: {
			"../x@example.com": unauthorized, "Alice@example.com": unauthorized, "alice@example.com@example.com": forbidden,
			"con.example.com": forbidden, "alice@example.net": forbidden, "alice@sub.example.com": forbidden,
		},
	} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			c := newCloud(t)
			c.send(t, "alice@example.com")
			for user := range users {
				c.send(t, user)
			}
			worker, _ := c.run(t, way)
			worker.until(len(users)+1, 20*time.Second, with(`"verdict"`))
			for user, refused := range users {
				if n := worker.logged(func(line string) bool { return refused(line) && with(`"user":`+quoted(user))(line) }); n != 1 {
					t.Errorf("%q is not refused so", user)
				}
				if n := c.accounts.google.Calls(user); n.Token+n.Sign > 0 {
					t.Errorf("%q was asked for", user)
				}
			}
		})
	}
}

func TestAProcessAsksForARevokedUserOnceInTheTimeThatItIsTold(t *testing.T) {
	t.Parallel()
	for _, story := range []struct {
		flags           []string
		messages, calls int
	}{
		{nil, 1000, 1},
		{[]string{"--refused-for=1ns"}, 3, 3},
	} {
		t.Run(strings.Join(story.flags, ""), func(t *testing.T) {
			t.Parallel()
			c := newCloud(t)
			c.accounts.google.Revoke("bob@example.com")
			c.send(t, "alice@example.com")
			worker, _ := c.run(t, byTokens, story.flags...)
			worker.until(1, 20*time.Second, applied)
			c.send(t, slices.Repeat([]string{"bob@example.com"}, story.messages)...)
			c.send(t, "alice@example.com")
			worker.until(story.messages, time.Minute, unauthorized)
			worker.until(2, 20*time.Second, with(`"alice@example.com"`, `"verdict"`))
			if n := c.accounts.google.Calls("bob@example.com").Token; n != story.calls {
				t.Errorf("%d calls of the token endpoint for %d messages, want %d", n, story.messages, story.calls)
			}
		})
	}
}
