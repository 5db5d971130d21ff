package main

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/contactrelay/contactrelay/internal/peoplesim"
	"github.com/contactrelay/contactrelay/messages"
	"github.com/contactrelay/contactrelay/worker"
)

func TestDevShowsTheOutcomes(t *testing.T) {
	t.Parallel()
	code, out, errs := ask(t, t.Context(), "", "dev", "--once", "--outcomes")
	if code != 0 || errs != "" {
		t.Errorf("exit code %d, %q", code, errs)
	}
	tooWide(t, out)
	for _, line := range []string{
		`outcome applied         alice@example.com  people/c10\d\d  #\S{12}`,
		`outcome dead_lettered   bob@example.com    people/c2001  etag_conflict`,
		`outcome dead_lettered   bob@example.com    6 contacts    etag_conflict`,
	} {
		if !regexp.MustCompile("(?m)^" + line + "$").MatchString(out) {
			t.Errorf("no line %s in\n%s", line, out)
		}
	}
	var want int
	if _, err := fmt.Sscanf(out[strings.LastIndex(out, "confirmed")+1:][strings.Index(out[strings.LastIndex(out, "confirmed")+1:], "ok")+2:], "%d", &want); err != nil || want == 0 {
		t.Fatalf("no sum of outcomes: %v", err)
	}
	if n := strings.Count(out, "\noutcome "); n != want {
		t.Errorf("%d lines of outcomes, want one for each of %d settled messages", n, want)
	}
}

func TestTheREADMEsOutcomeIsOne(t *testing.T) {
	example := regexp.MustCompile("(?s)### Outcomes.*?```json\n(.*?)```").FindStringSubmatch(readme(t))
	if example == nil {
		t.Fatal("there is no example")
	}
	o, err := messages.DecodeOutcome(messages.Message{Attributes: map[string]string{
		"ce-type": messages.OutcomeType, "ce-id": "1", "ce-source": "s", "ce-time": "2026-10-01T12:00:00Z",
	}, Data: []byte(example[1])})
	must(t, err)
	var plain, again any
	data, err := json.Marshal(o.OutcomeBody)
	must(t, err)
	must(t, json.Unmarshal([]byte(example[1]), &plain))
	must(t, json.Unmarshal(data, &again))
	if fmt.Sprint(plain) != fmt.Sprint(again) {
		t.Errorf("the example has names that no outcome has:\n%v\n%v", plain, again)
	}
}

func TestAnOutcomeTopicMustBeAName(t *testing.T) {
	t.Setenv("PEOPLE_EMULATOR_HOST", "127.0.0.1:1")
	t.Setenv("PUBSUB_EMULATOR_HOST", "127.0.0.1:1")
	t.Setenv("CONTACTRELAY_OUTCOME_TOPIC", "projects/demo/subscriptions/x")
	if code, _, text := ask(t, t.Context(), "", "run"); code != 2 || !strings.Contains(text, "outcome-topic") {
		t.Errorf("exit code %d, %q", code, text)
	}
}

// makeOutcomes makes the outcome topic of a rig and its subscription.
func (r *rig) makeOutcomes() {
	r.t.Helper()
	_, err := r.client.TopicAdminClient.CreateTopic(r.t.Context(), &pubsubpb.Topic{Name: r.topic("outcomes")})
	must(r.t, err)
	_, err = r.client.SubscriptionAdminClient.CreateSubscription(r.t.Context(), &pubsubpb.Subscription{
		Name: r.subscription("outcomes"), Topic: r.topic("outcomes"), EnableMessageOrdering: true, AckDeadlineSeconds: 60,
	})
	must(r.t, err)
}

// outcomes pulls outcomes until there are n different ones, each user's in the order of their first arrival.
func (r *rig) outcomes(n int) map[string][]*messages.Outcome {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), time.Minute)
	defer cancel()
	var mu sync.Mutex
	seen, all := map[string]bool{}, map[string][]*messages.Outcome{}
	must(r.t, r.client.Subscriber(r.subscription("outcomes")).Receive(ctx, func(_ context.Context, m *pubsub.Message) {
		mu.Lock()
		defer mu.Unlock()
		o, err := messages.DecodeOutcome(messages.Message{OrderingKey: m.OrderingKey, Attributes: m.Attributes, Data: m.Data})
		if err != nil {
			r.t.Errorf("outcome: %v", err)
		} else if !seen[o.ID] {
			seen[o.ID] = true
			all[o.User] = append(all[o.User], o)
		}
		if m.Ack(); len(seen) == n {
			cancel()
		}
	}))
	return all
}

// TestEndToEndAProducerGoesByTheOutcomes has the outcome topic not exist at first.
func TestEndToEndAProducerGoesByTheOutcomes(t *testing.T) {
	t.Parallel()
	const users, contacts, rounds = 5, 4, 10
	againstEachBroker(t, func(t *testing.T, broker string) {
		r := newRig(t, broker)
		r.people.put(t, "POST", "/seed", peoplesim.Seeding{Users: users, Contacts: contacts})
		w := r.worker("--outcome-topic=outcomes")
		var all []messages.Message
		for i := range rounds {
			for u := range users {
				for c := range contacts {
					all = append(all, firstChange(u, c, fmt.Sprint("round ", i)))
				}
			}
		}
		r.publish(all)
		w.until(len(all), time.Minute, applied) // though there is no topic
		w.until(1, time.Minute, with("cannot publish outcomes"))
		// What is published before the subscription is there reaches nobody, so nothing may be, nor be on its way.
		must(t, w.command.Process.Signal(syscall.SIGSTOP))
		for range 100 {
			if _, err := r.client.TopicAdminClient.GetTopic(t.Context(), &pubsubpb.GetTopicRequest{Topic: r.topic("outcomes")}); status.Code(err) != codes.NotFound {
				t.Fatalf("the topic is there, or %v", err)
			}
		}
		r.makeOutcomes()
		must(t, w.command.Process.Signal(syscall.SIGCONT))
		got := r.outcomes(len(all))
		for u := range users {
			versions := map[string]int64{}
			for _, o := range got[peoplesim.UserName(u)] {
				for name, c := range o.Contacts {
					versions[name] = max(versions[name], peoplesim.FirstVersion) + 1
					if want := peoplesim.SourceEtag(name, versions[name]); c.Etag != want || c.Unseen {
						t.Fatalf("%s: etag %q, unseen %v; want that of version %d in its turn", name, c.Etag, c.Unseen, versions[name])
					}
				}
			}
			for c := range contacts {
				if n := versions[peoplesim.ContactName(u, c)]; n != rounds+1 {
					t.Errorf("user %d, contact %d: %d outcomes, want %d", u, c, n-1, rounds)
				}
			}
		}
		if took, err := w.terminate(); err != nil || took > 8*time.Second {
			t.Errorf("SIGTERM to exit: %v, %v; want under 8 s and no error", took, err)
		}
	})
}

// TestOutcomesAreConfirmedInOrderAfterAFailure holds the real client against a topic that is not there at first: it
// pauses a key that failed.
func TestOutcomesAreConfirmedInOrderAfterAFailure(t *testing.T) {
	t.Parallel()
	r := newRig(t, simulate(t, "pubsub").Listen)
	topic := worker.NewOutcomeTopic(r.client, r.topic("outcomes"))
	var all []messages.Message
	for i := range 250 {
		m, err := messages.EncodeOutcome(&messages.Outcome{User: "user", ID: fmt.Sprintf("%03d", i), Source: "s", Time: time.Now(), OutcomeBody: messages.OutcomeBody{
			Event: messages.Event{MessageID: "1"}, Result: messages.Applied,
		}})
		must(t, err)
		all = append(all, m)
	}
	if n, err := topic.PublishAll(t.Context(), all); n != 0 || err == nil {
		t.Fatalf("%d confirmed, %v, by a topic that is not there", n, err)
	}
	r.makeOutcomes()
	if n, err := topic.PublishAll(t.Context(), all); n != len(all) || err != nil {
		t.Fatalf("%d confirmed, %v; want all", n, err)
	}
	for i, o := range r.outcomes(len(all))["user"] {
		if o.ID != fmt.Sprintf("%03d", i) {
			t.Fatalf("outcome %d is %s", i, o.ID)
		}
	}
}
