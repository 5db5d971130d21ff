package worker

import (
	"encoding/base64"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	peopleapi "google.golang.org/api/people/v1"

	"github.com/contactrelay/contactrelay/deadletter"
	"github.com/contactrelay/contactrelay/internal/peoplesim"
	"github.com/contactrelay/contactrelay/messages"
)

// feed makes changes whose outcome is known: it applies each to a model at once.
type feed struct {
	rng     *rand.Rand
	climate *climate
	model   *model
	people  map[string][]string // names of the contacts, by user; some do not exist
	users   []string
	touched map[place]bool // by a change that the service takes
	changes []*change
}

func newFeed(rng *rand.Rand, c *climate) *feed {
	f := &feed{rng: rng, climate: c, model: newModel(), people: map[string][]string{}, touched: map[place]bool{}}
	contacts := []int{3, 8, 25}[rng.IntN(3)]
	for i := range 1 + rng.IntN(3) {
		user := modelUser(i)
		f.users = append(f.users, user)
		if c.single() {
			contacts = 40
		}
		for k := range contacts {
			name := modelContactName(k)
			f.people[user] = append(f.people[user], name)
			if c.gone[place{user, name}] {
				f.model.flaws[place{user, name}] = c.goneReason()
				continue
			}
			f.model.seed(place{user, name}, map[string]any{"names": []any{map[string]any{"givenName": "Seed", "familyName": name}}})
		}
	}
	c.curse(f)
	return f
}

// modelContactName is chosen so that no contact has the name that another gets when it is merged.
func modelContactName(k int) string { return contactName(100 + k) }

// persons is what a user has in the beginning, for the simulator.
func (f *feed) persons(user string) (all []*peopleapi.Person) {
	for _, name := range f.people[user] {
		if f.model.contacts[place{user, name}] != nil {
			all = append(all, &peopleapi.Person{
				ResourceName: name, Names: []*peopleapi.Name{{GivenName: "Seed", FamilyName: name}},
			})
		}
	}
	return all
}

// next makes one more change of a random user, and tells the model.
func (f *feed) next() *change {
	user := f.users[f.rng.IntN(len(f.users))]
	c := &change{number: len(f.changes) + 1, user: user}
	switch n := f.rng.IntN(20); {
	case n == 0:
		f.spoil(c)
	case n == 1 && f.repeat(c):
	case n < 5:
		f.picture(c)
	case n < 9:
		f.batch(c)
	default:
		f.patch(c)
	}
	if c.message.Attributes == nil { // every contact is taken
		f.spoil(c)
	}
	c.message.OrderingKey = c.user
	c.want = f.model.apply(c)
	f.changes = append(f.changes, c)
	return c
}

// name gives the change an event, now and then: a producer that publishes it again is recognised.
func (f *feed) name(c *change) {
	if f.rng.IntN(3) == 0 {
		c.event = fmt.Sprint("event-", c.number)
		c.message.Attributes["ce-id"], c.message.Attributes["ce-source"] = c.event, "//crm.example.com"
	}
}

// spoil makes the change one that cannot be decoded, or one without a user.
func (f *feed) spoil(c *change) {
	all := badMessages()
	for {
		bad := all[f.rng.IntN(len(all))]
		if len(bad.m.Data) > 500 {
			continue // over most budgets of these feeds
		}
		c.bad, c.message = bad.reason, bad.m
		break
	}
	if f.rng.IntN(4) == 0 {
		c.user, c.bad = "", deadletter.Invalid
		c.message = overwrite(contactName(1), "nobody's")
		return
	}
	f.name(c)
}

// repeat makes the change a copy of an earlier one with the same event; false if there is none. A new worker would not
// know that the event was settled, so there are no copies where workers are restarted; nor where the first may come so
// late that its gate has opened: then the second is made in its place.
func (f *feed) repeat(c *change) bool {
	if f.climate.restarts() || f.climate.slow() || len(f.changes) == 0 {
		return false
	}
	first := f.changes[f.rng.IntN(len(f.changes))]
	if first.event == "" || first.bad != "" && f.climate.pubsub.PublishLost+f.climate.pubsub.PublishUnconfirmed > 0 {
		return false // of two that wait for nobody, the second may be parked while the letter of the first cannot be sent
	}
	number := c.number
	*c = *first
	c.number = number
	return true
}

// picture makes the change a new photo.
func (f *feed) picture(c *change) {
	names := f.choose(c.user, 1, false)
	if len(names) == 0 {
		return
	}
	pixel, err := base64.StdEncoding.DecodeString(onePixel)
	if err != nil {
		panic(err)
	}
	c.kind, c.photo = messages.Photo, fmt.Appendf(pixel, "m%05d", c.number)
	c.wishes = []wish{{contact: names[0]}}
	c.message = message(messages.Photo, map[string]any{"resourceName": names[0], "photoBytes": base64.StdEncoding.EncodeToString(c.photo)})
	f.name(c)
}

// patch makes the change one of a few fields of a contact.
func (f *feed) patch(c *change) {
	if !f.want(c, 1) {
		return
	}
	c.kind = messages.Patch
	w := c.wishes[0]
	person := f.person(c, w)
	person["resourceName"] = w.contact
	body := map[string]any{"person": person, "updatePersonFields": strings.Join(c.mask, ",")}
	if f.rng.IntN(4) == 0 {
		body["personFields"] = "names,metadata"
	}
	if c.latest {
		body["precondition"] = "latest"
	}
	c.message = message(messages.Patch, body)
	f.name(c)
}

// batch makes the change one of up to 20 contacts.
func (f *feed) batch(c *change) {
	if !f.want(c, 1+f.rng.IntN(20)) {
		return
	}
	c.kind = messages.Batch
	all := map[string]any{}
	for _, w := range c.wishes {
		all[w.contact] = f.person(c, w)
	}
	body := map[string]any{"contacts": all, "updateMask": strings.Join(c.mask, ",")}
	if c.latest {
		body["precondition"] = "latest"
	}
	c.message = message(messages.Batch, body)
	f.name(c)
}

// want chooses contacts, a mask, values and guards; false if there is no contact.
func (f *feed) want(c *change, contacts int) bool {
	c.latest = f.climate.latest[c.user] || f.rng.IntN(2) == 0
	names := f.choose(c.user, contacts, !c.latest)
	c.mask = slices.Clone(modelFields)
	if f.rng.IntN(2) == 0 {
		c.mask = []string{"names", "urls"} // so that some masks are the same
	}
	f.rng.Shuffle(len(c.mask), func(i, j int) { c.mask[i], c.mask[j] = c.mask[j], c.mask[i] })
	c.mask = c.mask[:1+f.rng.IntN(min(3, len(c.mask)))]
	disputed := false
	for _, name := range names {
		w := wish{contact: name, fields: map[string]any{}, version: f.version(place{c.user, name})}
		held := f.model.contacts[place{c.user, name}]
		for i, field := range c.mask {
			if i == 0 || !f.climate.clears || f.model.flaws[place{c.user, name}] != "" || f.rng.IntN(4) > 0 {
				w.fields[field] = modelList(f.rng, field, c.number)
			}
		}
		disputed = disputed || held != nil && w.version != held.version && held.disputes(c.mask, w)
		c.wishes = append(c.wishes, w)
	}
	c.latest = c.latest || disputed && f.climate.clears
	return len(names) > 0
}

// person is a wish as JSON. It may hold a field that the mask does not name.
func (f *feed) person(c *change, w wish) map[string]any {
	person := map[string]any{}
	maps.Copy(person, w.fields)
	if f.rng.IntN(8) == 0 && !slices.Contains(c.mask, "nicknames") {
		person["nicknames"] = []any{map[string]any{"value": "not in the mask"}}
	}
	if !c.latest {
		person["metadata"] = map[string]any{"sources": []any{map[string]any{
			"type": "CONTACT", "etag": peoplesim.SourceEtag(w.contact, w.version),
		}}}
	}
	return person
}

// version is that of the etag that a change carries: the one that the contact has when its turn comes, as if the
// producer had waited for every change before it. Now and then it is a wrong one.
func (f *feed) version(p place) int64 {
	held := f.model.contacts[p]
	switch {
	case held == nil:
		return 1
	case f.model.flaws[p] != "" && !held.loose:
		return held.version // or there were two reasons to refuse it
	case f.climate.chains() && !held.loose && !held.pictured && held.version > 1 && f.rng.IntN(4) == 0:
		return held.version - 1
	case held.loose, f.rng.IntN(20) == 0:
		return held.version + 1000 // never reached
	}
	return held.version
}

// choose picks different contacts of a user that the climate allows to be changed so, perhaps none.
func (f *feed) choose(user string, n int, guarded bool) (names []string) {
	all := f.people[user]
	for _, i := range f.rng.Perm(len(all)) {
		p := place{user, all[i]}
		if len(names) == n {
			break
		}
		if held := f.model.contacts[p]; held != nil {
			switch {
			case f.touched[p] && f.climate.single():
				continue
			case guarded && f.climate.restarts() && held.version > 1:
				continue // see restarts
			case !guarded && f.climate.restarts() && held.version > 1 && !held.loose:
				continue // see restarts
			}
		}
		f.touched[p] = true
		names = append(names, all[i])
	}
	return names
}
