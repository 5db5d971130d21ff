package worker

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing/synctest"
	"time"

	"github.com/contactrelay/contactrelay/deadletter"
	"github.com/contactrelay/contactrelay/internal/peoplesim"
	"github.com/contactrelay/contactrelay/internal/pubsubsim"
	"github.com/contactrelay/contactrelay/messages"
)

// one is the contact of the tests that are about one.
const one = "people/c1"

// texts are fields with one value each, and of that one member. An empty one is a field without values.
type texts map[string]string

// member is the member of a field's values that texts are about.
func member(field string) string {
	if field == "names" {
		return "givenName"
	}
	return "value"
}

// person is a Person that holds these texts and no etag.
func (t texts) person(contact string) map[string]any {
	p := map[string]any{"resourceName": contact}
	for field, text := range t {
		if text != "" {
			p[field] = []any{map[string]any{member(field): text}}
		}
	}
	return p
}

// mask names the fields.
func (t texts) mask() string { return strings.Join(slices.Sorted(maps.Keys(t)), ",") }

// edit is a change of one contact as a CRM makes it.
type edit struct {
	contact string
	set     texts
	base    texts // what the CRM saw; nil: it does not say
	version int64 // whose source etag it carries; 0: it asks for latest
}

// person is what the change wants, with its etag.
func (e edit) person() map[string]any {
	p := e.set.person(e.contact)
	if e.version > 0 {
		p["metadata"] = map[string]any{"sources": []any{map[string]any{
			"type": "CONTACT", "etag": peoplesim.SourceEtag(e.contact, e.version),
		}}}
	}
	return p
}

// patch is the edit as a message of its own.
func (e edit) patch() messages.Message {
	body := map[string]any{"person": e.person(), "updatePersonFields": e.set.mask()}
	if e.version == 0 {
		body["precondition"] = messages.Latest
	}
	if e.base != nil {
		body["base"] = e.base.person(e.contact)
	}
	return message(messages.Patch, body)
}

// together is edits of one mask as one batch message.
func together(edits ...edit) messages.Message {
	contacts, bases := map[string]any{}, map[string]any{}
	for _, e := range edits {
		contacts[e.contact] = e.person()
		if e.base != nil {
			bases[e.contact] = e.base.person(e.contact)
		}
	}
	body := map[string]any{"contacts": contacts, "updateMask": edits[0].set.mask()}
	if len(bases) > 0 {
		body["base"] = bases
	}
	if edits[0].version == 0 {
		body["precondition"] = messages.Latest
	}
	return message(messages.Batch, body)
}

// picture is a photo of a contact.
func picture(contact string) messages.Message {
	return message(messages.Photo, map[string]any{"resourceName": contact, "photoBytes": onePixel})
}

// replay is a letter of a message that was published as id at a time, published again.
func replay(m messages.Message, id string, published time.Time) messages.Message {
	attributes := maps.Clone(m.Attributes)
	(&messages.Replay{Letter: "letter-of-" + id, MessageID: id, PublishTime: published, Count: 1}).AddTo(attributes)
	return messages.Message{Attributes: attributes, Data: m.Data}
}

// contacts gives ann contacts people/c1 … people/cn that hold these texts.
func (w *world) contacts(n int, t texts) {
	w.t.Helper()
	var all []json.RawMessage
	for i := range n {
		raw, err := json.Marshal(t.person(contactName(i + 1)))
		must(w.t, err)
		all = append(all, raw)
	}
	must(w.t, w.people.SeedJSON(ann, all))
}

// seeded is what contacts hold before the first change of most tests.
var seeded = texts{"names": "Seed"}

// hand edits a contact as its owner would.
func (w *world) hand(contact string, t texts) {
	w.t.Helper()
	raw, err := json.Marshal(t.person(contact))
	must(w.t, err)
	must(w.t, w.people.HandEditJSON(ann, contact, raw, t.mask()))
}

// holds fails the test unless the contact holds these texts.
func (w *world) holds(contact string, want texts) {
	w.t.Helper()
	synctest.Wait()
	c, _ := w.people.Contact(ann, contact)
	var fields map[string][]map[string]any
	must(w.t, json.Unmarshal(c.Values, &fields))
	for field, text := range want {
		got := ""
		if len(fields[field]) > 0 {
			got = fmt.Sprint(fields[field][0][member(field)])
		}
		if got != text {
			w.t.Errorf("%s holds %q in %s, want %q", contact, got, field, text)
		}
	}
}

// writes is the writes of a contact that came through calls.
func (w *world) writes(contact string) (own []peoplesim.Write) {
	for _, write := range w.people.Audit(0) {
		if write.ResourceName == contact && write.Method != peoplesim.ByHand && write.Method != peoplesim.ByItself {
			own = append(own, write)
		}
	}
	return own
}

// crash ends the worker as a SIGKILL does: a call in flight has no answer but goes on at the service, and of what the
// worker wanted to say to Pub/Sub nothing is heard, so that leases run out. The world's Drain must be next to nothing.
func (w *world) crash() {
	w.t.Helper()
	before := w.broker.Faults()
	after := before
	after.AckFailure = 1
	must(w.t, w.broker.SetFaults(after))
	must(w.t, w.stop())
	must(w.t, w.broker.SetFaults(before))
}

// makeTwice has one worker make changes and crash before anybody hears of it, and another make them again.
func (w *world) makeTwice(all ...messages.Message) {
	w.t.Helper()
	w.config.Drain = time.Millisecond
	w.fail(latency(10 * time.Millisecond))
	w.deaf(true)
	w.publish(ann, all...)
	w.start()
	time.Sleep(time.Second)
	w.crash()
	w.deaf(false)
	w.start()
	w.drain(5 * time.Minute)
}

// deaf makes the subscription lose what workers say to it, from now on, or hear it again.
func (w *world) deaf(is bool) {
	w.t.Helper()
	faults := pubsubsim.Faults{}
	if is {
		faults.AckFailure = 1
	}
	must(w.t, w.broker.SetFaults(faults))
}

// resolved fails the test unless the worker has resolved conflicts so, and no other.
func (w *world) resolved(want map[string]int) {
	w.t.Helper()
	synctest.Wait()
	if got := w.worker.Tally().Conflicts; !maps.Equal(got, want) {
		w.t.Errorf("conflicts resolved %v, want %v", got, want)
	}
}

// conflicts fails the test unless the letters are that many true conflicts, each of these fields and with the etag that
// its contact has.
func (w *world) conflicts(n int, fields ...string) {
	w.t.Helper()
	letters := w.letters()
	if len(letters) != n {
		w.t.Errorf("%d letters, want %d", len(letters), n)
	}
	for _, l := range letters {
		m := messages.Message{OrderingKey: l.Original.OrderingKey, Attributes: l.Original.Attributes, Data: l.Original.Data}
		change, err := messages.Decode(m, messages.Limits{})
		must(w.t, err)
		c, _ := w.people.Contact(ann, change.Contacts()[0])
		if l.Reason != deadletter.EtagConflict || fmt.Sprint(l.Fields) != fmt.Sprint(fields) || l.CurrentEtag != c.Etag {
			w.t.Errorf("letter %s on %v with etag %s, want etag_conflict on %v with %s", l.Reason, l.Fields, l.CurrentEtag, fields, c.Etag)
		}
	}
}
