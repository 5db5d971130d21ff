package worker

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	peopleapi "google.golang.org/api/people/v1"

	"github.com/contactrelay/contactrelay/internal/peoplesim"
	"github.com/contactrelay/contactrelay/internal/pubsubsim"
	"github.com/contactrelay/contactrelay/messages"
)

// The outcome topic in the world of the tests.
const (
	outcomesTopic = "projects/test/topics/outcomes"
	announcements = "projects/test/subscriptions/outcomes"
)

// brokerOutcomes publishes outcomes to the simulated service's state.
type brokerOutcomes struct{ broker *pubsubsim.Broker }

func (t brokerOutcomes) PublishAll(_ context.Context, all []messages.Message) (int, error) {
	var out []pubsubsim.Message
	for _, m := range all {
		out = append(out, pubsubsim.Message{Data: m.Data, Attributes: m.Attributes, OrderingKey: m.OrderingKey})
	}
	if _, err := t.broker.Publish(outcomesTopic, out); err != nil {
		return 0, err
	}
	return len(all), nil
}

// announced is a story with an outcome topic in the world.
func announced(t *testing.T, story func(t *testing.T, w *world)) {
	t.Helper()
	bubble(t, func(t *testing.T, w *world) {
		w.makeOutcomes()
		w.config.Outcomes = brokerOutcomes{w.broker}
		story(t, w)
	})
}

func (w *world) makeOutcomes() {
	w.t.Helper()
	must(w.t, w.broker.CreateTopic(outcomesTopic, pubsubsim.TopicSettings{}))
	must(w.t, w.broker.CreateSubscription(announcements, pubsubsim.SubscriptionSettings{Topic: outcomesTopic, Ordering: true}))
}

// told reads the outcomes, in the order in which they were published.
func (w *world) told() []*messages.Outcome {
	w.t.Helper()
	var all []*messages.Outcome
	for _, m := range w.backlog(announcements) {
		o, err := messages.DecodeOutcome(messages.Message{OrderingKey: m.OrderingKey, Attributes: m.Attributes, Data: m.Data})
		must(w.t, err)
		all = append(all, o)
	}
	return all
}

// asking is a message with more members in its body.
func asking(m messages.Message, members string) messages.Message {
	m.Data = append(bytes.TrimSuffix(bytes.Clone(m.Data), []byte("}")), ","+members+"}"...)
	return m
}

// seedLinked gives ann the contact people/c1, with a name of its own and another one in the profile it is linked to.
func (w *world) seedLinked() {
	w.t.Helper()
	must(w.t, w.people.Seed(ann, []*peopleapi.Person{{
		ResourceName: "people/c1",
		Names:        []*peopleapi.Name{{GivenName: "Seed"}},
		Nicknames: []*peopleapi.Nickname{{
			Value: "Public", Metadata: &peopleapi.FieldMetadata{Source: &peopleapi.Source{Type: "PROFILE"}},
		}},
	}}))
}

func TestAnOutcomeTellsTheEventAndTheEtagAfterTheChange(t *testing.T) {
	announced(t, func(t *testing.T, w *world) {
		w.seed(ann, 1)
		m := rename("people/c1", "Nora", 1)
		m.Attributes["ce-id"], m.Attributes["ce-source"] = "change-7", "//crm.example.com"
		ids := w.publish(ann, m)
		w.start()
		time.Sleep(time.Second)
		w.check(map[string]int{"applied": 1})
		all := w.told()
		if len(all) != 1 {
			t.Fatalf("%d outcomes, want 1", len(all))
		}
		o := all[0]
		want := messages.OutcomeBody{
			Event:  messages.Event{Type: string(messages.Patch), ID: "change-7", Source: "//crm.example.com", MessageID: ids[0]},
			Result: messages.Applied,
			Contacts: map[string]messages.ContactOutcome{
				"people/c1": {Result: messages.Applied, Etag: peoplesim.SourceEtag("people/c1", 2)},
			},
		}
		if got := fmt.Sprintf("%+v", o.OutcomeBody); got != fmt.Sprintf("%+v", want) {
			t.Errorf("got  %s\nwant %+v", got, want)
		}
		if o.User != ann || o.Source != "//pubsub.googleapis.com/"+changes || o.ID == "" || time.Since(o.Time) > time.Minute {
			t.Errorf("user %q, source %q, ID %q, time %v", o.User, o.Source, o.ID, o.Time)
		}
	})
}

func TestAnOutcomeHasThePersonAsTheChangeAskedForIt(t *testing.T) {
	for _, test := range []struct {
		name, members       string
		etags, names, nicks bool
	}{
		{"nothing", `"sources":["READ_SOURCE_TYPE_CONTACT"]`, false, false, false},
		{"names", `"personFields":"names"`, false, true, false},
		{"the contact's nicknames", `"personFields":"nicknames","sources":["READ_SOURCE_TYPE_CONTACT"]`, false, false, false},
		{"the profile's nicknames", `"personFields":"nicknames","sources":["READ_SOURCE_TYPE_PROFILE"]`, false, false, true},
		{"metadata and all", `"personFields":"metadata,nicknames,names"`, true, true, true},
	} {
		announced(t, func(t *testing.T, w *world) {
			w.seedLinked()
			w.publish(ann, asking(rename("people/c1", "Nora", 1), test.members))
			w.start()
			time.Sleep(time.Second)
			w.check(map[string]int{"applied": 1})
			c := w.told()[0].Contacts["people/c1"]
			if want := peoplesim.SourceEtag("people/c1", 2); c.Etag != want {
				t.Errorf("%s: etag %q, want that of the contact %q", test.name, c.Etag, want)
			}
			p := c.Person
			if asked := strings.Contains(test.members, "personFields"); (p != nil) != asked {
				t.Fatalf("%s: person %v", test.name, p)
			} else if !asked {
				return
			}
			if (p.Metadata != nil) != test.etags || (len(p.Names) > 0) != test.names || (len(p.Nicknames) > 0) != test.nicks {
				t.Errorf("%s: metadata %v, names %v, nicknames %v", test.name, p.Metadata, p.Names, p.Nicknames)
			}
			if test.names && p.Names[0].GivenName != "Nora" {
				t.Errorf("%s: the name is %q, want what the change made of it", test.name, p.Names[0].GivenName)
			}
		})
	}
}

func TestTheChainHoldsWhateverSourcesAreAskedFor(t *testing.T) {
	announced(t, func(t *testing.T, w *world) {
		w.seedLinked()
		for i, members := range []string{
			`"personFields":"names"`, `"personFields":"nicknames","sources":["READ_SOURCE_TYPE_PROFILE"]`, `"personFields":"names,metadata"`,
		} {
			w.publish(ann, asking(rename("people/c1", fmt.Sprint(i), 1), members))
		}
		w.start()
		time.Sleep(10 * time.Second)
		w.check(map[string]int{"applied": 3})
		if calls := w.people.Stats().Calls; calls["people.get"] != nil || calls["people.updateContact"]["400"] != 0 {
			t.Errorf("calls %v, want three writes alone", calls)
		}
		for i, o := range w.told() {
			if c := o.Contacts["people/c1"]; c.Etag != peoplesim.SourceEtag("people/c1", int64(i+2)) || c.Unseen {
				t.Errorf("outcome %d: etag %q, unseen %v", i, c.Etag, c.Unseen)
			}
		}
	})
}

func TestEveryMessageThatIsSettledHasOneOutcomeInItsTurn(t *testing.T) {
	announced(t, func(t *testing.T, w *world) {
		w.seed(ann, 3)
		twice := rename("people/c2", "twice", 1)
		twice.Attributes["ce-id"] = "twice"
		late := asking(rename("people/c3", "x", 7), `"base":{"names":[{"givenName":"Y"}]}`) // in conflict, after two seconds
		w.publish(ann, rename("people/c1", "a", 1))
		w.publish(ann, twice)
		w.publish(ann, twice)
		w.publish(ann, late)
		w.publish(ann, messages.Message{Attributes: map[string]string{"ce-type": "contactrelay.merge.v1"}, Data: []byte("{}")})
		w.publish(ann, messages.Message{Attributes: map[string]string{"ce-type": string(messages.Patch)}, Data: []byte("{")})
		w.publish(ann, rename("people/c99", "gone", 1))
		w.publish("", rename("people/c1", "nobody's", 1))
		must(t, w.broker.SetFaults(pubsubsim.Faults{Duplicate: 0.5, LostAck: 0.3}))
		w.start()
		time.Sleep(10 * time.Minute)
		if w.outcomes()["duplicate"] < 2 {
			t.Fatalf("outcomes %v: no redelivery, the test shows nothing", w.outcomes())
		}
		var settled, got []string
		w.mu.Lock()
		for _, s := range w.settled {
			if s.User == ann && s.Outcome != Duplicate {
				settled = append(settled, s.MessageID+" "+string(s.Outcome)+" "+string(s.Reason))
			}
		}
		w.mu.Unlock()
		schema := outcomeSchema(t)
		ids := map[string]bool{}
		for _, o := range w.told() {
			if o.User == ann {
				got = append(got, o.Event.MessageID+" "+string(o.Result)+" "+o.Reason)
			} else if o.Reason != "invalid" {
				t.Errorf("the message without a user ended as %q", o.Reason)
			}
			ids[o.ID] = true
		}
		for _, m := range w.backlog(announcements) {
			value, err := jsonschema.UnmarshalJSON(bytes.NewReader(m.Data))
			must(t, err)
			if err := schema.Validate(value); err != nil {
				t.Errorf("%s: %v", m.Data, err)
			}
		}
		if !slices.Equal(got, settled) || len(settled) != 6 || len(ids) != 7 {
			t.Errorf("outcomes %q with %d IDs, want those of %q", got, len(ids), settled)
		}
	})
}

func outcomeSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(messages.OutcomeSchema()))
	must(t, err)
	c := jsonschema.NewCompiler()
	must(t, c.AddResource("outcome", doc))
	schema, err := c.Compile("outcome")
	must(t, err)
	return schema
}

func TestTheResultsOfOutcomesAreTheOutcomesOfSettledMessages(t *testing.T) {
	for _, o := range Outcomes() {
		if o == Returned || o == Duplicate {
			continue
		}
		if r := messages.Result(o); !slices.Contains([]messages.Result{messages.Applied, messages.AlreadyApplied, messages.Superseded, messages.DeadLettered}, r) {
			t.Errorf("%s is no result", o)
		}
	}
}

func TestABatchMessageTellsOfEachContact(t *testing.T) {
	announced(t, func(t *testing.T, w *world) {
		w.seed(ann, 4)
		must(t, w.people.HandEdit(ann, "people/c2", &peopleapi.Person{Names: []*peopleapi.Name{{GivenName: "By hand"}}}, "names"))
		must(t, w.people.Delete(ann, "people/c3"))
		w.publish(ann, asking(batchOf("new", 1, 2, 3), `"readMask":"names"`))
		w.start()
		time.Sleep(time.Minute)
		o := w.told()[0]
		if o.Result != messages.DeadLettered || o.Reason != "etag_conflict" || !slices.Equal(o.Fields, []string{"names"}) || len(o.Contacts) != 3 {
			t.Fatalf("outcome %+v", o.OutcomeBody)
		}
		if c := o.Contacts["people/c1"]; c.Result != messages.Applied || c.Etag != peoplesim.SourceEtag("people/c1", 2) || c.Person == nil || c.Person.Names[0].GivenName != "new" {
			t.Errorf("people/c1: %+v", c)
		}
		if c := o.Contacts["people/c2"]; c.Result != messages.DeadLettered || c.Reason != "etag_conflict" || c.Etag != peoplesim.SourceEtag("people/c2", 2) || !c.Unseen || c.Person != nil || !slices.Equal(c.Fields, []string{"names"}) {
			t.Errorf("people/c2: %+v", c)
		}
		if c := o.Contacts["people/c3"]; c.Result != messages.DeadLettered || c.Reason != "not_found" || c.Etag != "" {
			t.Errorf("people/c3: %+v", c)
		}
	})
}

func TestChangesThatAskForTheSameGoTogetherAndGetWhatTheyAskFor(t *testing.T) {
	announced(t, func(t *testing.T, w *world) {
		w.config.BatchMin = 2
		w.seed(ann, 31)
		w.fail(latency(100 * time.Millisecond))
		w.publish(ann, rename("people/c31", "first", 1)) // the others gather behind it
		asks := []string{`"personFields":"names,metadata"`, `"personFields":"metadata,names"`, `"personFields":"names"`}
		var all []messages.Message
		for i := range 30 {
			all = append(all, asking(rename(contactName(i+1), "x", 1), asks[i%3]))
		}
		w.publish(ann, all...)
		w.start()
		time.Sleep(10 * time.Second)
		w.check(map[string]int{"applied": 31})
		if n := w.people.Stats().Calls["people.batchUpdateContacts"]["200"]; n != 2 {
			t.Errorf("%d batch calls, want one for each of the two wishes", n)
		}
		for _, o := range w.told()[1:] {
			for name, c := range o.Contacts {
				var i int
				_, _ = fmt.Sscanf(name, "people/c%d", &i)
				if c.Person == nil || len(c.Person.Names) != 1 || (c.Person.Metadata != nil) != ((i-1)%3 < 2) {
					t.Errorf("%s: person %+v", name, c.Person)
				}
			}
		}
	})
}

func TestWithoutATopicChangesGoTogetherWhateverTheyAskFor(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.config.BatchMin = 2
		w.seed(ann, 3)
		w.fail(latency(100 * time.Millisecond))
		w.publish(ann, rename("people/c3", "first", 1))
		w.publish(ann, rename("people/c1", "x", 1), asking(rename("people/c2", "x", 1), `"personFields":"names"`))
		w.start()
		time.Sleep(5 * time.Second)
		w.check(map[string]int{"applied": 3})
		if n := w.people.Stats().Calls["people.batchUpdateContacts"]["200"]; n != 1 {
			t.Errorf("%d batch calls, want one", n)
		}
	})
}

func TestAnEtagThatHidesChangesOfOthersIsUnseen(t *testing.T) {
	announced(t, func(t *testing.T, w *world) {
		w.seed(ann, 4)
		w.start()
		base := `"base":{"names":[{"givenName":"Seed","familyName":"1"}]}`
		phone := &peopleapi.Person{PhoneNumbers: []*peopleapi.PhoneNumber{{Value: "+1 555 0100"}}}
		must(t, w.people.HandEdit(ann, "people/c1", phone, "phoneNumbers"))
		w.publish(ann, asking(rename("people/c1", "merged", 1), base), rename("people/c1", "after it", 1))
		w.publish(ann, overwrite("people/c2", "latest"))
		w.publish(ann, rename("people/c3", "first", 1), rename("people/c3", "second", 1))
		w.publish(ann, rename("people/c4", "Seed", 7)) // in place already but for the family name
		time.Sleep(10 * time.Second)
		got := map[string][]bool{}
		for _, o := range w.told() {
			for name, c := range o.Contacts {
				got[name] = append(got[name], c.Unseen)
			}
		}
		want := map[string][]bool{"people/c1": {true, true}, "people/c2": {true}, "people/c3": {false, false}, "people/c4": {true}}
		if !maps.EqualFunc(got, want, slices.Equal) {
			t.Errorf("unseen %v, want %v", got, want)
		}
	})
}

func TestAReplayTellsTheMessageThatItWas(t *testing.T) {
	announced(t, func(t *testing.T, w *world) {
		w.seed(ann, 1)
		m := rename("people/c1", "again", 1)
		(&messages.Replay{Letter: "letter-1", MessageID: "original-7", PublishTime: time.Now(), Count: 1}).AddTo(m.Attributes)
		w.publish(ann, m)
		w.start()
		time.Sleep(time.Second)
		if e := w.told()[0].Event; e.MessageID != "original-7" || e.Letter != "letter-1" {
			t.Errorf("event %+v", e)
		}
	})
}

func TestAPhotosOutcomeHasItsPerson(t *testing.T) {
	announced(t, func(t *testing.T, w *world) {
		w.seed(ann, 1)
		w.publish(ann, message(messages.Photo, map[string]any{
			"resourceName": "people/c1", "photoBytes": "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==", "personFields": "photos",
		}))
		w.start()
		time.Sleep(time.Second)
		c := w.told()[0].Contacts["people/c1"]
		if c.Result != messages.Applied || c.Etag == "" || !c.Unseen || c.Person == nil || len(c.Person.Photos) == 0 {
			t.Errorf("outcome %+v", c)
		}
	})
}

func TestAnOutcomeThatIsTooLargeIsToldWithoutThePerson(t *testing.T) {
	w := New(Config{Subscription: changes, Outcomes: brokerOutcomes{}}, nil, nil, nil, slog.New(slog.DiscardHandler))
	large := &peopleapi.Person{Biographies: []*peopleapi.Biography{{Value: strings.Repeat("x", 10_000_000)}}}
	w.announce(&held{
		id: "1", message: messages.Message{OrderingKey: ann}, verdict: verdict{outcome: Applied},
		parts: []*part{{resource: "people/c1", done: true, found: outcomes{written: true}, left: left{etag: "#2", person: large}}},
	})
	if w.outbox.waiting.Len() != 1 {
		t.Fatal("there is no outcome")
	}
	o, err := messages.DecodeOutcome(w.outbox.waiting.Front().Value.(*parcel).message)
	must(t, err)
	if c := o.Contacts["people/c1"]; c.Result != messages.Applied || c.Etag != "#2" || c.Person != nil {
		t.Errorf("%s with etag %q, with a person: %v", c.Result, c.Etag, c.Person != nil)
	}
}

func TestAnOutcomeThatComesInHasNoOutcome(t *testing.T) {
	announced(t, func(t *testing.T, w *world) {
		w.publish(ann, messages.Message{Attributes: map[string]string{"ce-type": messages.OutcomeType}, Data: []byte("{}")})
		w.start()
		time.Sleep(time.Second)
		w.check(map[string]int{"unsupported_type": 1})
		if n := len(w.told()); n != 0 {
			t.Errorf("%d outcomes of an outcome", n)
		}
	})
}
