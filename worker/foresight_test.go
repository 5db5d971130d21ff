package worker

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	peopleapi "google.golang.org/api/people/v1"

	"github.com/contactrelay/contactrelay/deadletter"
	"github.com/contactrelay/contactrelay/internal/people"
	"github.com/contactrelay/contactrelay/internal/peoplesim"
	"github.com/contactrelay/contactrelay/messages"
)

// foreseeing is a random world of dead letters: contacts that were changed by hand, and changes of them that are
// replayed.
type foreseeing struct {
	*world
	random    *rand.Rand
	published time.Time
	replays   []Replay
	messages  []messages.Message
}

const foreseenContacts = 4

func newForeseeing(t *testing.T, seed uint64) *foreseeing {
	f := &foreseeing{world: newWorld(t, ordered), random: rand.New(rand.NewPCG(seed, 5)), published: time.Now().Add(time.Hour)}
	f.seed("ann", foreseenContacts)
	for range 8 {
		f.letter()
	}
	time.Sleep(2 * time.Hour) // some contacts are changed after the changes were published
	for i := range foreseenContacts {
		f.byHand(contactName(i + 1))
	}
	return f
}

// name is one of few, so that they are often equal.
func (f *foreseeing) name() []*peopleapi.Name {
	return []*peopleapi.Name{{GivenName: fmt.Sprint("Name ", f.random.IntN(3))}}
}

func (f *foreseeing) nick() []*peopleapi.Nickname {
	if f.random.IntN(3) == 0 {
		return nil
	}
	return []*peopleapi.Nickname{{Value: fmt.Sprint("Nick ", f.random.IntN(2))}}
}

// byHand edits a contact, deletes it, or leaves it.
func (f *foreseeing) byHand(contact string) {
	f.t.Helper()
	switch n := f.random.IntN(8); {
	case n == 0:
		must(f.t, f.people.Delete("ann", contact))
	case n < 5:
		must(f.t, f.people.HandEdit("ann", contact, &peopleapi.Person{Names: f.name(), Nicknames: f.nick()}, "names,nicknames"))
	}
}

// letter makes a change that is to be replayed.
func (f *foreseeing) letter() {
	f.t.Helper()
	contact := contactName(f.random.IntN(foreseenContacts) + 1)
	var m messages.Message
	if f.random.IntN(6) == 0 {
		m = message(messages.Photo, map[string]any{"resourceName": contact, "photoBytes": onePixel})
	} else {
		m = f.patch(contact)
	}
	n := len(f.replays)
	f.published = f.published.Add(time.Duration(f.random.IntN(2)) * time.Second)
	replay := messages.Replay{Letter: fmt.Sprint("letter ", n), MessageID: fmt.Sprint("m", n), PublishTime: f.published, Count: 1}
	replay.AddTo(m.Attributes)
	m.OrderingKey = "ann"
	c, err := messages.Decode(m, messages.Limits{})
	must(f.t, err)
	f.messages = append(f.messages, m)
	f.replays = append(f.replays, Replay{Change: c, Published: f.published})
}

func (f *foreseeing) patch(contact string) messages.Message {
	masks := []string{"names", "nicknames", "names,nicknames"}
	mask := masks[f.random.IntN(len(masks))]
	person := map[string]any{"resourceName": contact, "names": f.name(), "nicknames": f.nick()}
	if person["nicknames"] == nil || len(person["nicknames"].([]*peopleapi.Nickname)) == 0 {
		delete(person, "nicknames")
	}
	body := map[string]any{"person": person, "updatePersonFields": mask}
	if f.random.IntN(4) == 0 {
		body["precondition"] = "latest"
		return message(messages.Patch, body)
	}
	etag := peoplesim.SourceEtag(contact, peoplesim.FirstVersion) // the contact's, unless it was edited
	if f.random.IntN(3) == 0 {
		etag = "#never"
	}
	person["metadata"] = map[string]any{"sources": []any{map[string]any{"type": "CONTACT", "etag": etag}}}
	if f.random.IntN(2) == 0 {
		body["base"] = map[string]any{"names": f.name()}
	}
	return message(messages.Patch, body)
}

// read is what the contacts hold.
func (f *foreseeing) read() map[string]*peopleapi.Person {
	f.t.Helper()
	client, err := people.New(f.t.Context(), people.Config{Endpoint: "http://people.test", Transport: f.people, Token: people.EmulatorToken})
	must(f.t, err)
	var names []string
	for i := range foreseenContacts {
		names = append(names, contactName(i+1))
	}
	results, err := client.GetBatch(f.t.Context(), "ann", names, readBack([]string{"names", "nicknames"}))
	must(f.t, err)
	contacts := map[string]*peopleapi.Person{}
	for name, r := range results {
		contacts[name] = r.Person
	}
	return contacts
}

// ended is how the replays ended in a worker, by the ID of their message.
func (f *foreseeing) ended(ids []string) (all []Settlement) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, id := range ids {
		for _, s := range f.settled {
			if s.MessageID == id {
				all = append(all, s)
				break
			}
		}
	}
	return all
}

// overwritten is the replays, those in conflict as an operator decides to write them all the same.
func (f *foreseeing) overwritten(foreseen [][]deadletter.Prospect) []messages.Message {
	f.t.Helper()
	var all []messages.Message
	for i, m := range f.messages {
		if deadletter.Worst(foreseen[i]) == deadletter.Conflict {
			original, _ := deadletter.Received(deadletter.Message{Data: m.Data, Attributes: m.Attributes, OrderingKey: "ann"}, "", time.Time{})
			e := &deadletter.Entry{Letter: &deadletter.Letter{ID: fmt.Sprint("letter ", i), Original: original}}
			over, err := e.Over(f.replays[i].Change, foreseen[i])
			must(f.t, err)
			again, err := over.Again()
			must(f.t, err)
			m = messages.Message{Data: again.Data, Attributes: again.Attributes, OrderingKey: "ann"}
		}
		all = append(all, m)
	}
	return all
}

// fitting is how replays may end of which that was foreseen.
var fitting = map[deadletter.Effect]map[string]bool{
	deadletter.NoOp:     {"applied": true, "already_applied": true, "superseded": true},
	deadletter.Clean:    {"applied": true},
	deadletter.Merge:    {"applied": true},
	deadletter.Conflict: {"etag_conflict": true},
	deadletter.Gone:     {"not_found": true},
}

// TestWhatIsForeseenIsWhatAWorkerDoes holds the prediction against a worker that has just been started, in random worlds:
// plain replays, and such that overwrite.
func TestWhatIsForeseenIsWhatAWorkerDoes(t *testing.T) {
	seen := map[deadletter.Effect]int{}
	for seed := range uint64(200) {
		overwrite := seed%2 == 1
		synctest.Test(t, func(t *testing.T) {
			f := newForeseeing(t, seed)
			foreseen := Foresee(f.replays, f.read(), overwrite)
			all := f.messages
			if overwrite {
				all = f.overwritten(foreseen)
			}
			f.fail(latency(100 * time.Millisecond)) // meanwhile, what a change may be explained by arrives
			ids := f.publish("ann", all...)
			f.start()
			f.drain(5 * time.Minute)
			must(t, f.stop())
			ended := f.ended(ids)
			if len(ended) != len(ids) {
				t.Fatalf("seed %d: %d of %d have ended", seed, len(ended), len(ids))
			}
			for i, s := range ended {
				effect, end := deadletter.Worst(foreseen[i]), string(s.Outcome)
				if s.Reason != "" {
					end = string(s.Reason)
				}
				seen[effect]++
				fits := fitting[effect][end]
				if effect == deadletter.Conflict && overwrite {
					fits = end == "applied" || foreseen[i][0].Blocked
				}
				if !fits {
					t.Errorf("seed %d: replay %d of %s was foreseen as %q and ended as %s\n%s\n%s", seed, i, s.Contact, effect, end, all[i].Data, f.log)
				}
			}
		})
		if t.Failed() {
			return
		}
	}
	for effect := range fitting {
		if seen[effect] < 50 {
			t.Errorf("%q was foreseen %d times: the worlds are too alike", effect, seen[effect])
		}
	}
}
