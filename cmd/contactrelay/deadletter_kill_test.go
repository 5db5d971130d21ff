package main

import (
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"

	"github.com/contactrelay/contactrelay/deadletter"
	"github.com/contactrelay/contactrelay/internal/peoplesim"
	"github.com/contactrelay/contactrelay/internal/pubsubsim"
)

// roundsOfLetters is how many letters there are of each contact.
const roundsOfLetters = 2

// parkLetters publishes letters of so many users to the dead-letter topic, through the real client. Their contacts are
// there, each with several letters behind one another, which are changes that can be made.
func (r *rig) parkLetters(letters, users int) {
	r.t.Helper()
	contacts := letters / users / roundsOfLetters
	r.people.put(r.t, "POST", "/seed", peoplesim.Seeding{Users: users, Contacts: contacts})
	publisher := r.client.Publisher(r.topic("contact-changes-dead"))
	publisher.EnableMessageOrdering = true
	defer publisher.Stop()
	results := make([]*pubsub.PublishResult, letters)
	for n := range letters {
		user, nth := n%users, n/users
		m := firstChange(user, nth%contacts, fmt.Sprintf("round %d", nth/contacts))
		l := aLetter(n, deadletter.Rejected, m.OrderingKey)
		l.Original.Data = m.Data
		all, err := l.Encode()
		must(r.t, err)
		letter := all[0]
		results[n] = publisher.Publish(r.t.Context(), &pubsub.Message{Data: letter.Data, Attributes: letter.Attributes, OrderingKey: letter.OrderingKey})
	}
	for _, result := range results {
		_, err := result.Get(r.t.Context())
		must(r.t, err)
	}
}

// bench starts a deadletter command as a process of its own.
func (r *rig) bench(args ...string) *exec.Cmd {
	r.t.Helper()
	command := exec.Command(binary(r.t, "contactrelay"), append([]string{"deadletter"}, args...)...)
	command.Env = []string{"PUBSUB_EMULATOR_HOST=" + r.broker, "PEOPLE_EMULATOR_HOST=" + r.people.Listen, "GOOGLE_CLOUD_PROJECT=" + r.project}
	return command
}

// replayed is the messages of the worker's subscription, in the order of their publication.
func (r *rig) replayed(broker simulator) []pubsubsim.Waiting {
	r.t.Helper()
	return lines[[]pubsubsim.Waiting](r.t, broker, "/messages?subscription="+r.subscription("contact-changes-worker"))[0]
}

// left is how many letters are there.
func (r *rig) left(broker simulator) int {
	r.t.Helper()
	return lines[pubsubsim.Stats](r.t, broker, "/stats")[0].Subscriptions[r.subscription(operatorSubscription)].Backlog
}

// mostDoubled is how many letters a replay that is killed may publish twice: the one that is under way. More are
// only over a long line.
const mostDoubled = 1

// killedHalfWay replays all letters, kills the process when about half are replayed, and runs it again. A worker then makes
// each change once, in order.
func killedHalfWay(t *testing.T, letters, users int) {
	broker := simulate(t, "pubsub")
	r := newRig(t, broker.Listen)
	r.parkLetters(letters, users)
	args := []string{"replay", "--all", "--yes", "--wait=500ms", "--log-level=warn"}
	first := r.bench(args...)
	must(t, first.Start())
	until(t, 30*time.Second, "half are replayed", func() bool { return r.left(broker) < letters/2 })
	must(t, first.Process.Signal(syscall.SIGKILL))
	if err := first.Wait(); err == nil {
		t.Fatal("the first run ended before it was killed: the test shows nothing")
	}
	// What the killed one held is back when its leases have run out. By then its last request has taken effect, too.
	until(t, leaseFor+5*time.Second, "the leases have run out", func() bool {
		return lines[pubsubsim.Stats](t, broker, "/stats")[0].Subscriptions[r.subscription(operatorSubscription)].Outstanding == 0
	})
	left := r.left(broker)
	if out, err := r.bench(args...).CombinedOutput(); err != nil || !strings.Contains(string(out), fmt.Sprintf("replayed %d of %d letters", left, left)) {
		t.Errorf("the second run: %v, %s", err, out)
	}
	all := r.replayed(broker)
	checkOrder(t, all, letters)
	doubled := len(all) - letters
	if n := r.left(broker); n > 0 || doubled > mostDoubled {
		t.Errorf("%d letters are left, %d were published twice", n, doubled)
	}
	worker := r.worker()
	worker.until(letters, 2*time.Minute, applied)
	worker.until(doubled, time.Minute, duplicate)
	r.inOrder(roundsOfLetters)
	for key, c := range r.contacts() {
		if got, want := givenName(c), fmt.Sprintf("round %d", roundsOfLetters-1); got != want {
			t.Fatalf("%v ended as %q, want %q", key, got, want)
		}
	}
	t.Logf("killed with %d of %d left; %d were published twice", left, letters, doubled)
}

// TestAReplayThatIsKilledCanBeRunAgain is not parallel: how many letters are under way depends on how quickly they go.
func TestAReplayThatIsKilledCanBeRunAgain(t *testing.T) {
	killedHalfWay(t, 2000, 50)
}
