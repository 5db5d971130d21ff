package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	peopleapi "google.golang.org/api/people/v1"

	"github.com/contactrelay/contactrelay/deadletter"
	"github.com/contactrelay/contactrelay/internal/people"
	"github.com/contactrelay/contactrelay/internal/peoplesim"
	"github.com/contactrelay/contactrelay/internal/pubsubsim"
	"github.com/contactrelay/contactrelay/messages"
	"github.com/contactrelay/contactrelay/worker"
)

// benchRig is both simulators in this process, for commands that find them by their environment.
type benchRig struct {
	*world
	t         *testing.T
	variables []string // of the commands; of a name that stands there twice the last counts
}

func newBenchRig(t *testing.T) *benchRig {
	t.Helper()
	w, err := newWorld(t.Context(), byEmulator)
	must(t, err)
	t.Cleanup(w.close)
	must(t, w.people.SetFaults(peoplesim.Faults{}))
	return &benchRig{w, t, []string{"PUBSUB_EMULATOR_HOST=" + w.pubsubAddress, "PEOPLE_EMULATOR_HOST=" + w.peopleAddress}}
}

// set changes a variable of the commands to come.
func (r *benchRig) set(name, value string) { r.variables = append(r.variables, name+"="+value) }

// ask runs a deadletter command without waiting long for more letters.
func (r *benchRig) ask(stdin, command string, args ...string) (code int, out, errs string) {
	r.t.Helper()
	return r.askUntil(r.t.Context(), stdin, command, args...)
}

// askUntil is ask with Ctrl-C when ctx is done. A machine that has much else to do brings a letter within a second.
func (r *benchRig) askUntil(ctx context.Context, stdin, command string, args ...string) (code int, out, errs string) {
	r.t.Helper()
	return invoke(r.t, ctx, r.variables, stdin, append([]string{"deadletter", command, "--wait=1s"}, args...)...)
}

// park publishes letters as a worker would.
func (r *benchRig) park(letters ...*deadletter.Letter) {
	r.t.Helper()
	for _, l := range letters {
		all, err := l.Encode()
		must(r.t, err)
		for _, m := range all {
			r.put(m)
		}
	}
}

// put publishes a message to the dead-letter topic.
func (r *benchRig) put(m deadletter.Message) (id string) {
	r.t.Helper()
	ids, err := r.broker.Publish(devDeadLetterTopic, []pubsubsim.Message{{Data: m.Data, Attributes: m.Attributes, OrderingKey: m.OrderingKey}})
	must(r.t, err)
	return ids[0]
}

// left is the entries that are still there.
func (r *benchRig) left() []*deadletter.Entry {
	r.t.Helper()
	waiting, err := r.broker.Backlog(devDeadLetterSubscription, 0)
	must(r.t, err)
	var all []deadletter.Delivery
	for _, m := range waiting {
		if m.Outstanding {
			r.t.Errorf("message %s was not given back", m.ID)
		}
		all = append(all, deadletter.Delivery{
			Message: deadletter.Message{Data: m.Data, Attributes: m.Attributes, OrderingKey: m.OrderingKey}, ID: m.ID, Published: m.PublishTime,
		})
	}
	return deadletter.Entries(all)
}

// published is what is in the worker's subscription, in the order of its publication.
func (r *benchRig) published() []pubsubsim.Waiting {
	r.t.Helper()
	waiting, err := r.broker.Backlog(devSubscription, 0)
	must(r.t, err)
	return waiting
}

// work runs a worker on the world until the test ends, or stop is called. settled is told how each message ends.
func (r *benchRig) work(settled func(worker.Settlement)) (stop func()) {
	r.t.Helper()
	contacts, err := people.New(r.t.Context(), people.Config{Endpoint: r.peopleURL(), Token: people.EmulatorToken})
	must(r.t, err)
	config := (&workSettings{
		MaxMessages: 10000, MaxBytes: 256 << 20, MaxCalls: 64, MaxPhotoBytes: 5 << 20, BatchMin: 100, BatchMax: 200,
		BatchLate: 10 * time.Second, CallTimeout: 5 * time.Second, Attempts: 8, RetryFor: time.Minute, Drain: time.Second,
	}).config(nil)
	config.Subscription, config.Settled, config.UserLabel = devSubscription, settled, strings.Clone
	w := worker.New(config, worker.NewSubscription(r.client, r.pulls, devSubscription, 10000, 256<<20),
		worker.NewTopic(r.client, devDeadLetterTopic), contacts, slog.New(slog.DiscardHandler))
	working, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := w.Run(working); err != nil {
			r.t.Errorf("worker: %v", err)
		}
	})
	stop = sync.OnceFunc(func() { cancel(); running.Wait() })
	r.t.Cleanup(stop)
	return stop
}

// until blocks until a condition holds.
func until(t *testing.T, limit time.Duration, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); !holds(); wait(t.Context(), 10*time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after %v still not: %s", limit, what)
		}
	}
}

// aLetter is a letter about a change of a contact's given name that nobody can find.
func aLetter(n int, reason deadletter.Reason, user string) *deadletter.Letter {
	contact := fmt.Sprintf("people/c%d", n)
	m := change(user, contact, fmt.Sprint("Given", n), "#x")
	published := time.Date(2026, 10, 1, 8, 0, 0, 0, time.UTC).Add(time.Duration(n) * time.Millisecond)
	return &deadletter.Letter{
		Reason: reason, Detail: fmt.Sprintf("a fixed text, case %d", n), ID: fmt.Sprintf("LETTER%06d", n),
		Time: published.Add(time.Minute), FirstAttempt: published, Attempts: 1, Subscription: devSubscription, Worker: "test",
		Original: deadletter.Original{
			Data: m.Data, Attributes: m.Attributes, OrderingKey: user, MessageID: fmt.Sprint("m", n), PublishTime: published,
		},
	}
}

// editName types a given name into a contact.
func (r *benchRig) editName(user, contact, given string) {
	r.t.Helper()
	must(r.t, r.people.HandEdit(user, contact, &peopleapi.Person{Names: []*peopleapi.Name{{GivenName: given}}}, "names"))
}

// nameOf is a contact's given name.
func (r *benchRig) nameOf(user, contact string) string {
	r.t.Helper()
	c, _ := r.people.Contact(user, contact)
	return givenName(c)
}

// publishChanges publishes to the worker's topic.
func (r *benchRig) publishChanges(all ...messages.Message) {
	r.t.Helper()
	for _, m := range all {
		_, err := r.broker.Publish(devTopic, []pubsubsim.Message{{Data: m.Data, Attributes: m.Attributes, OrderingKey: m.OrderingKey}})
		must(r.t, err)
	}
}

// jsonLines reads an output of JSON lines.
func jsonLines[T any](t *testing.T, text string) (all []T) {
	t.Helper()
	for line := range strings.Lines(text) {
		var v T
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		all = append(all, v)
	}
	return all
}
