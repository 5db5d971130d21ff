package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/contactrelay/contactrelay/internal/peoplesim"
	"github.com/contactrelay/contactrelay/internal/pubsubsim"
)

const (
	changes = "projects/demo/topics/contact-changes"
	dead    = "projects/demo/topics/contact-changes-dead"
	work    = "projects/demo/subscriptions/contact-changes-worker"
	letters = "projects/demo/subscriptions/letters"
	user    = "user-000@example.com"
)

// onePixel is the smallest of PNGs.
const onePixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

// world is both services, where the environment says.
func world(t *testing.T) (*pubsubsim.Broker, *peoplesim.Sim) {
	t.Helper()
	broker, sim := pubsubsim.New(pubsubsim.Config{}), peoplesim.New(peoplesim.Config{})
	t.Cleanup(broker.Close)
	for _, err := range []error{
		sim.Generate(1, 4), broker.CreateTopic(changes, pubsubsim.TopicSettings{}), broker.CreateTopic(dead, pubsubsim.TopicSettings{}),
		broker.CreateSubscription(work, pubsubsim.SubscriptionSettings{Topic: changes, Ordering: true}),
		broker.CreateSubscription(letters, pubsubsim.SubscriptionSettings{Topic: dead}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	server := pubsubsim.NewServer(broker)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(listener) }() // ends when it is stopped
	t.Cleanup(server.Stop)
	people := httptest.NewServer(sim)
	t.Cleanup(people.Close)
	t.Setenv("PUBSUB_EMULATOR_HOST", listener.Addr().String())
	t.Setenv("PEOPLE_EMULATOR_HOST", strings.TrimPrefix(people.URL, "http://"))
	t.Setenv("GOOGLE_CLOUD_PROJECT", "demo")
	return broker, sim
}

// person is a nickname for a generated contact, guarded by the etag of a version.
func person(contact int, version int64, nickname string) string {
	name := peoplesim.ContactName(0, contact)
	return fmt.Sprintf(`{"resourceName":%q,"nicknames":[{"value":%q}],"metadata":{"sources":[{"type":"CONTACT","etag":%q}]}}`,
		name, nickname, peoplesim.SourceEtag(name, version))
}

func TestThePeerMakesEachKindOfChangeAndDeadLettersWhatIsRefused(t *testing.T) {
	broker, sim := world(t)
	for _, m := range []struct{ kind, id, body string }{
		{"patch", "1", `{"person":` + person(0, 1, "first") + `,"updatePersonFields":"nicknames"}`},
		{"photo", "2", `{"resourceName":"` + peoplesim.ContactName(0, 1) + `","photoBytes":"` + onePixel + `"}`},
		{"batch", "3", `{"contacts":{"` + peoplesim.ContactName(0, 2) + `":` + person(2, 1, "third") + `},"updateMask":"nicknames"}`},
		{"patch", "4", `{"person":` + person(0, 1, "fourth") + `,"updatePersonFields":"nicknames"}`}, // its etag is outdated
		{"patch", "5", `{"person":`},
		{"letter", "6", `{}`},
	} {
		_, err := broker.Publish(changes, []pubsubsim.Message{{OrderingKey: user, Data: []byte(m.body),
			Attributes: map[string]string{"ce-type": "contactrelay." + m.kind + ".v1", "ce-id": m.id}}})
		if err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, 2, slog.New(slog.DiscardHandler)) }()
	if _, err := broker.Await(ctx, work, map[string]uint64{"backlog": 0}); err != nil {
		t.Error(err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	for contact, want := range map[int]string{0: "first", 2: "third"} {
		c, _ := sim.Contact(user, peoplesim.ContactName(0, contact))
		if got := c.Person().Nicknames; len(got) != 1 || got[0].Value != want {
			data, _ := json.Marshal(got)
			t.Errorf("contact %d has the nicknames %s, want %s", contact, data, want)
		}
	}
	if c, _ := sim.Contact(user, peoplesim.ContactName(0, 1)); c.Photo == "" {
		t.Error("the photo was not set")
	}
	waiting, err := broker.Backlog(letters, 0)
	var ids []string
	for _, m := range waiting {
		ids = append(ids, m.Attributes["ce-id"]+" "+m.Attributes["error-code"])
	}
	if got, want := strings.Join(ids, ", "), "4 400, 5 0, 6 0"; err != nil || got != want {
		t.Errorf("dead letters %q, %v; want %q", got, err, want)
	}
}
