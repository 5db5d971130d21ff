package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/contactrelay/contactrelay/deadletter"
	"github.com/contactrelay/contactrelay/internal/peoplesim"
	"github.com/contactrelay/contactrelay/messages"
)

// emulatorVariable names the address of Google's own Pub/Sub emulator. Where it is set, the end-to-end tests run
// against it too; .ci/run starts it.
const emulatorVariable = "CONTACTRELAY_TEST_EMULATOR"

// buildOnce builds the programs under test.
var buildOnce = sync.OnceValue(func() error {
	for name, path := range map[string]string{"contactrelay": ".", "simulate": "../../internal/cmd/simulate"} {
		if out, err := exec.Command("go", "build", "-o", filepath.Join(testDirectory, name), path).CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w\n%s", name, err, out)
		}
	}
	return nil
})

// binary is the path of a built program.
func binary(t *testing.T, name string) string {
	t.Helper()
	must(t, buildOnce())
	return filepath.Join(testDirectory, name)
}

// simulator is one of the simulators as a process of its own.
type simulator struct{ Listen, Admin string }

// simulate starts a simulator; it ends with the test.
func simulate(t *testing.T, args ...string) simulator {
	t.Helper()
	command := exec.Command(binary(t, "simulate"), args...)
	command.Stderr = os.Stderr
	out, err := command.StdoutPipe()
	must(t, err)
	must(t, command.Start())
	t.Cleanup(func() { _ = command.Process.Kill(); _ = command.Wait() })
	var s simulator
	must(t, json.NewDecoder(out).Decode(&s))
	return s
}

// put sends a JSON body to the admin port.
func (s simulator) put(t *testing.T, method, path string, body any) {
	t.Helper()
	data, err := json.Marshal(body)
	must(t, err)
	r, err := http.NewRequestWithContext(t.Context(), method, "http://"+s.Admin+path, bytes.NewReader(data))
	must(t, err)
	answer, err := http.DefaultClient.Do(r)
	must(t, err)
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(answer.Body)
		t.Fatalf("%s %s: %s %s", method, path, answer.Status, text)
	}
}

// lines reads an answer of the admin port that has a JSON value a line, or one value.
func lines[T any](t *testing.T, s simulator, path string) []T {
	t.Helper()
	answer, err := http.Get("http://" + s.Admin + path)
	must(t, err)
	defer answer.Body.Close()
	var all []T
	for d := json.NewDecoder(answer.Body); ; {
		var v T
		if err := d.Decode(&v); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatalf("GET %s: %v", path, err)
		}
		all = append(all, v)
	}
}

// rig is a broker, a People API and what a worker needs of both: the worker finds it by environment alone.
type rig struct {
	t       *testing.T
	broker  string // address
	people  simulator
	project string
	client  *pubsub.Client
}

// The subscription of the rig that sees what the worker's sees: whatever is in it was published.
const operatorSubscription = "contact-changes-dead-operator"

// newRig makes topics and subscriptions at a broker, in a project of the test's own. The flags are those of the
// simulator of the People API.
func newRig(t *testing.T, broker string, flags ...string) *rig {
	t.Helper()
	r := &rig{t: t, broker: broker, people: simulate(t, append([]string{"people"}, flags...)...), project: "test-" + strings.ToLower(randomID())}
	connection, err := grpc.NewClient(broker, grpc.WithTransportCredentials(insecure.NewCredentials()))
	must(t, err)
	r.client, err = pubsub.NewClient(context.Background(), r.project, option.WithGRPCConn(connection))
	must(t, err)
	t.Cleanup(func() { _ = r.client.Close() })
	for _, topic := range []string{"contact-changes", "contact-changes-dead"} {
		_, err := r.client.TopicAdminClient.CreateTopic(t.Context(), &pubsubpb.Topic{Name: r.topic(topic)})
		must(t, err)
	}
	for _, s := range []*pubsubpb.Subscription{
		{Name: r.subscription("contact-changes-worker"), Topic: r.topic("contact-changes"), EnableMessageOrdering: true, AckDeadlineSeconds: 60},
		{Name: r.subscription(operatorSubscription), Topic: r.topic("contact-changes-dead"), AckDeadlineSeconds: 60},
	} {
		s.MessageRetentionDuration = durationpb.New(time.Hour)
		_, err := r.client.SubscriptionAdminClient.CreateSubscription(t.Context(), s)
		must(t, err)
	}
	return r
}

func randomID() string { return deadletter.NewID()[:12] }

func (r *rig) topic(id string) string        { return "projects/" + r.project + "/topics/" + id }
func (r *rig) subscription(id string) string { return "projects/" + r.project + "/subscriptions/" + id }

// publish publishes messages in order.
func (r *rig) publish(all []messages.Message) {
	r.t.Helper()
	publisher := r.client.Publisher(r.topic("contact-changes"))
	publisher.EnableMessageOrdering = true
	defer publisher.Stop()
	results := make([]*pubsub.PublishResult, len(all))
	for i, m := range all {
		results[i] = publisher.Publish(r.t.Context(), &pubsub.Message{Data: m.Data, Attributes: m.Attributes, OrderingKey: m.OrderingKey})
	}
	for _, result := range results {
		_, err := result.Get(r.t.Context())
		must(r.t, err)
	}
}

// process is a running contactrelay.
type process struct {
	t       *testing.T
	command *exec.Cmd
	ended   chan error

	mu   sync.Mutex // guards the fields below
	out  []string
	more chan struct{} // closed and made anew at each line
}

// worker starts contactrelay run with nothing but the three variables that an emulator needs.
func (r *rig) worker(flags ...string) *process {
	return start(r.t, []string{
		"PUBSUB_EMULATOR_HOST=" + r.broker, "PEOPLE_EMULATOR_HOST=" + r.people.Listen, "GOOGLE_CLOUD_PROJECT=" + r.project,
	}, append([]string{"run", "--http", ""}, flags...)...)
}

// start runs contactrelay with only these variables and keeps the lines that it prints; it ends with the test.
func start(t *testing.T, environment []string, args ...string) *process {
	t.Helper()
	p := &process{t: t, command: exec.Command(binary(t, "contactrelay"), args...), ended: make(chan error, 1), more: make(chan struct{})}
	p.command.Env = environment
	out, err := p.command.StderrPipe()
	must(t, err)
	must(t, p.command.Start())
	t.Cleanup(func() { _ = p.command.Process.Kill(); <-p.ended })
	go func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			p.mu.Lock()
			p.out = append(p.out, lines.Text())
			close(p.more)
			p.more = make(chan struct{})
			p.mu.Unlock()
		}
		p.ended <- p.command.Wait()
	}()
	return p
}

// with is the lines that contain all of the texts.
func with(texts ...string) func(line string) bool {
	return func(line string) bool {
		return !slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(line, text) })
	}
}

// logged counts the lines so far.
func (p *process) logged(counts func(line string) bool) (n int) {
	lines, _ := p.since(0)
	for _, line := range lines {
		if counts(line) {
			n++
		}
	}
	return n
}

// since is the lines from a position on, and what is closed when there are more.
func (p *process) since(from int) (lines []string, more chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out[from:], p.more
}

// until blocks until n lines count.
func (p *process) until(n int, limit time.Duration, counts func(line string) bool) {
	p.t.Helper()
	over := time.After(limit)
	for have, seen := 0, 0; have < n; {
		lines, more := p.since(seen)
		seen += len(lines)
		for _, line := range lines {
			if counts(line) {
				have++
			}
		}
		if have >= n {
			return
		}
		select {
		case <-more:
		case <-over:
			p.t.Fatalf("%d of %d lines after %v; the last lines:\n%s", have, n, limit, p.tail())
		}
	}
}

func (p *process) tail() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.out[max(0, len(p.out)-10):], "\n")
}

// terminate sends SIGTERM and returns how long the process took and how it ended.
func (p *process) terminate() (took time.Duration, err error) {
	p.t.Helper()
	begin := time.Now()
	must(p.t, p.command.Process.Signal(syscall.SIGTERM))
	select {
	case err = <-p.ended:
		p.ended <- err // for the cleanup
		return time.Since(begin), err
	case <-time.After(20 * time.Second):
		p.t.Fatalf("the process has not ended 20 s after SIGTERM:\n%s", p.tail())
		return 0, nil
	}
}

// kill sends SIGKILL and waits for the end.
func (p *process) kill() {
	p.t.Helper()
	must(p.t, p.command.Process.Kill())
	p.ended <- <-p.ended // for the cleanup
}

// pulledLetter is a dead letter and how it was encoded.
type pulledLetter struct {
	*deadletter.Letter
	encoding string
}

// letters pulls dead letters until there are n, and none is more for a moment.
func (r *rig) letters(n int) []pulledLetter {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 30*time.Second)
	defer cancel()
	var mu sync.Mutex
	var all []pulledLetter
	err := r.client.Subscriber(r.subscription(operatorSubscription)).Receive(ctx, func(_ context.Context, m *pubsub.Message) {
		mu.Lock()
		defer mu.Unlock()
		l, err := deadletter.Decode(deadletter.Message{Data: m.Data, Attributes: m.Attributes, OrderingKey: m.OrderingKey})
		if err != nil {
			r.t.Errorf("letter: %v", err)
		}
		all = append(all, pulledLetter{l, m.Attributes["dl-encoding"]})
		m.Ack()
		if len(all) >= n {
			time.AfterFunc(300*time.Millisecond, cancel)
		}
	})
	must(r.t, err)
	return all
}

// contacts reads all contacts as they are, by user and resource name.
func (r *rig) contacts() map[[2]string]peoplesim.Contact {
	r.t.Helper()
	all := map[[2]string]peoplesim.Contact{}
	for _, c := range lines[peoplesim.Contact](r.t, r.people, "/contacts") {
		all[[2]string{c.User, c.ResourceName}] = c
	}
	return all
}

// givenName is the given name in a contact.
func givenName(c peoplesim.Contact) string {
	if names := c.Person().Names; len(names) > 0 {
		return names[0].GivenName
	}
	return ""
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
