package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/contactrelay/contactrelay/internal/peoplesim"
	"github.com/contactrelay/contactrelay/internal/pubsubsim"
)

// checked is a world that check can be asked about.
func checked(t *testing.T) *world {
	t.Helper()
	w, err := newWorld(t.Context(), byEmulator)
	must(t, err)
	t.Cleanup(w.close)
	t.Setenv("PUBSUB_EMULATOR_HOST", w.pubsubAddress)
	t.Setenv("PEOPLE_EMULATOR_HOST", w.peopleAddress)
	must(t, w.broker.DeleteSubscription(devSubscription))
	w.subscribe(t, pubsubsim.SubscriptionSettings{Ordering: true, AckDeadline: time.Minute, Retry: &pubsubsim.RetryPolicy{MinBackoff: 10 * time.Second, MaxBackoff: 10 * time.Minute}})
	return w
}

// subscribe makes the worker's subscription.
func (w *world) subscribe(t *testing.T, s pubsubsim.SubscriptionSettings) {
	t.Helper()
	s.Topic = devTopic
	must(t, w.broker.CreateSubscription(devSubscription, s))
}

// report is what check says as JSON, by check.
func report(t *testing.T, code int, flags ...string) map[string]lookedAt {
	t.Helper()
	got, out, text := ask(t, t.Context(), "", append([]string{"check", "--json"}, flags...)...)
	if got != code {
		t.Errorf("exit code %d, want %d:\n%s%s", got, code, out, text)
	}
	var answer struct {
		OK       bool
		Findings []lookedAt
	}
	if err := json.Unmarshal([]byte(out), &answer); err != nil || answer.OK != (code == 0) {
		t.Fatalf("ok = %t, %v:\n%s", answer.OK, err, out)
	}
	all := map[string]lookedAt{}
	for _, f := range answer.Findings {
		all[f.Check] = f
	}
	return all
}

func TestCheckFindsNothingWrongWhereNothingIs(t *testing.T) {
	checked(t)
	all := report(t, 0, "--user=ann@example.com", "--outcome-topic=contact-changes-outcomes")
	for name, f := range all {
		if f.State != good {
			t.Errorf("%s: %s, %s", name, f.State, f.Wrong)
		}
	}
	for _, name := range []string{"outcome topic exists", "permissions on the outcome topic", "permissions on the dead-letter topic", "People API"} {
		if all[name].State != good {
			t.Errorf("%s was not looked at: %v", name, all)
		}
	}
	code, out, _ := ask(t, t.Context(), "", "check")
	if code != 0 || !strings.Contains(out, "ok message ordering is on\n") || !strings.Contains(out, "--user") {
		t.Errorf("exit code %d:\n%s", code, out)
	}
}

func TestCheckNamesWhatIsWrongAndWhatMendsIt(t *testing.T) {
	for check, story := range map[string]struct {
		spoil func(*testing.T, *world)
		mend  string
	}{
		"subscription exists": {func(t *testing.T, w *world) { must(t, w.broker.DeleteSubscription(devSubscription)) }, "--enable-message-ordering"},
		"message ordering is on": {func(t *testing.T, w *world) {
			must(t, w.broker.DeleteSubscription(devSubscription))
			w.subscribe(t, pubsubsim.SubscriptionSettings{AckDeadline: time.Minute})
		}, "--enable-message-ordering"},
		"ack deadline": {func(t *testing.T, w *world) {
			must(t, w.broker.DeleteSubscription(devSubscription))
			w.subscribe(t, pubsubsim.SubscriptionSettings{Ordering: true, AckDeadline: 10 * time.Second})
		}, "--ack-deadline=60"},
		"retry policy": {func(t *testing.T, w *world) {
			must(t, w.broker.DeleteSubscription(devSubscription))
			w.subscribe(t, pubsubsim.SubscriptionSettings{Ordering: true, AckDeadline: time.Minute})
		}, "--min-retry-delay=10s"},
		"no dead-letter policy": {func(t *testing.T, w *world) {
			must(t, w.broker.DeleteSubscription(devSubscription))
			w.subscribe(t, pubsubsim.SubscriptionSettings{Ordering: true, AckDeadline: time.Minute, DeadLetter: &pubsubsim.DeadLetterPolicy{Topic: devDeadLetterTopic, Attempts: 5}})
		}, "--clear-dead-letter-policy"},
		"permissions on the subscription": {func(t *testing.T, w *world) {
			must(t, w.broker.SetFaults(pubsubsim.Faults{Receive: pubsubsim.PermissionDenied}))
		}, "roles/pubsub.subscriber"},
		"dead-letter topic exists": {func(t *testing.T, w *world) { must(t, w.broker.DeleteTopic(devDeadLetterTopic)) }, "topics create"},
		"dead-letter topic has a subscription": {func(t *testing.T, w *world) {
			must(t, w.broker.DeleteSubscription(devDeadLetterSubscription))
		}, "subscriptions create"},
		"permissions on the dead-letter topic": {func(t *testing.T, w *world) {
			must(t, w.broker.SetFaults(pubsubsim.Faults{PublishDenied: true}))
		}, "topics add-iam-policy-binding " + devDeadLetterTopic},
		"outcome topic exists": {func(t *testing.T, w *world) { must(t, w.broker.DeleteTopic(devOutcomeTopic)) }, "topics create " + devOutcomeTopic},
		"permissions on the outcome topic": {func(t *testing.T, w *world) {
			must(t, w.broker.SetFaults(pubsubsim.Faults{PublishDenied: true}))
		}, "topics add-iam-policy-binding " + devOutcomeTopic},
		"People API": {func(t *testing.T, w *world) {
			must(t, w.people.SetFaults(peoplesim.Faults{List: []peoplesim.Fault{{Kind: peoplesim.ServiceDisabled, Rate: 1}}}))
		}, "gcloud services enable"},
		"the token's scope for contacts": {func(t *testing.T, w *world) {
			must(t, w.people.SetFaults(peoplesim.Faults{List: []peoplesim.Fault{{Kind: peoplesim.ScopeMissing, Rate: 1}}}))
		}, "auth/contacts"},
	} {
		t.Run(check, func(t *testing.T) {
			story.spoil(t, checked(t))
			f := report(t, 1, "--user=ann@example.com", "--outcome-topic=contact-changes-outcomes", "--allow-users=ann@example.com")[check]
			if f.State != wrong || f.Wrong == "" || !strings.Contains(f.Mend, story.mend) {
				t.Errorf("%+v, want it wrong and mended by %s", f, story.mend)
			}
		})
	}
}

func TestCheckSaysThatAUserMayNotBeActedFor(t *testing.T) {
	checked(t)
	f := report(t, 1, "--user=ann@example.com", "--allow-users=example.net,ben@example.com")["the user is allowed"]
	if f.State != wrong || !strings.Contains(f.Mend, "--allow-users") {
		t.Errorf("%+v", f)
	}
}

func TestCheckSaysWhatToDoWhereThePeopleAPIDoesNotAnswerWell(t *testing.T) {
	for kind, mend := range map[peoplesim.Kind]string{
		peoplesim.Reset: "can be reached", peoplesim.Unavailable: "nothing is wrong here", peoplesim.ProjectQuota: "quota",
	} {
		w := checked(t)
		must(t, w.people.SetFaults(peoplesim.Faults{List: []peoplesim.Fault{{Kind: kind, Rate: 1}}}))
		if f := report(t, 1, "--user=ann@example.com")["People API"]; f.State != wrong || !strings.Contains(f.Mend, mend) {
			t.Errorf("%s: %+v", kind, f)
		}
	}
}
