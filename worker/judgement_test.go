package worker

import (
	"encoding/json"
	"maps"
	"testing"

	"github.com/contactrelay/contactrelay/internal/peoplesim"
	"github.com/contactrelay/contactrelay/messages"
)

// values is the texts as the judgement compares them.
func (t texts) values() values {
	v := values{}
	for field, text := range t {
		if text == "" {
			continue
		}
		raw, err := json.Marshal([]any{map[string]any{member(field): text, "metadata": map[string]any{"primary": true}}})
		if err != nil {
			panic(err)
		}
		v[field] = raw
	}
	return v
}

// claimOf is what an edit of that order claims.
func claimOf(e edit, o order) claim {
	c := claim{order: o, latest: e.version == 0, wanted: e.set.values(), fields: messages.MaskFields(e.set.mask())}
	if !c.latest {
		c.etag = etag{value: peoplesim.SourceEtag(e.contact, e.version)}
	}
	if e.base != nil {
		c.base = e.base.values()
	}
	return c
}

// known is a history of these writes, each by a change of a second of its own. The first was guarded by version 1.
func known(writes ...texts) *history {
	h := &history{}
	for i, t := range writes {
		version := int64(i + 1)
		h.wrote(etag{value: peoplesim.SourceEtag(one, version)}, sight{etag: peoplesim.SourceEtag(one, version+1)})
		for field := range t {
			h.settled(order{at(i + 1), version}, field, printWanted(field, t.values()[field]))
		}
	}
	return h
}

// The rules of section 6 of the design, each with the case that it alone decides and those next to it.
func TestTheJudgementOfAField(t *testing.T) {
	wants := func(set texts, version int64) edit { return edit{contact: one, set: set, version: version} }
	name := func(given string) texts { return texts{"names": given} }
	with := func(e edit, base texts) edit { e.base = base; return e }
	third := order{at(3), 3}
	for _, test := range []struct {
		rule    string
		history *history
		edit    edit
		order   order
		current texts
		version int64 // of the read
		newer   []claim
		want    finding
	}{
		{"1: older than the order memory", known(nil, name("b")), wants(name("a"), 1), order{at(1), 1}, name("x"), 9, nil, superseded},
		{"1: of the same publish time, and earlier", known(nil, name("b")), wants(name("a"), 1), order{at(2), 1}, name("x"), 9, nil, superseded},
		{"1: not of the same publish time, and later", known(nil, name("b")), wants(name("a"), 9), order{at(2), 3}, name("x"), 7, nil, conflict},
		{"1 before 2: older, though the contact holds it", known(nil, name("b")), wants(name("a"), 1), order{at(1), 1}, name("a"), 9, nil, superseded},
		{"1: older in another field only", known(nil, texts{"urls": "b"}), wants(name("a"), 9), order{at(1), 1}, name("x"), 7, nil, conflict},
		{"1: latest too", known(nil, name("b")), wants(name("a"), 0), order{at(1), 1}, name("x"), 9, nil, superseded},

		{"2: the contact holds what is wanted", known(), wants(name("a"), 1), third, name("a"), 9, nil, done},
		{"2: an emptied field", known(), wants(name(""), 1), third, name(""), 9, nil, done},
		{"2 before 3: a newer one wants the same", known(), wants(name("a"), 1), third, name("a"), 9,
			[]claim{claimOf(wants(name("a"), 1), order{at(4), 4})}, done},
		{"2: latest too", known(), wants(name("a"), 0), third, name("a"), 9, nil, done},

		{"3: what a newer change in the lane wants", known(), wants(name("a"), 1), third, name("b"), 9,
			[]claim{claimOf(wants(name("b"), 1), order{at(4), 4})}, superseded},
		{"3: one of the same publish time that came later", known(), wants(name("a"), 1), third, name("b"), 9,
			[]claim{claimOf(wants(name("b"), 1), order{at(3), 4})}, superseded},
		{"3: not an older one behind it", known(), wants(name("a"), 1), third, name("b"), 9,
			[]claim{claimOf(wants(name("b"), 1), order{at(2), 4})}, conflict},
		{"3: not one of another field", known(), wants(name("a"), 1), third, name(""), 9,
			[]claim{claimOf(wants(texts{"urls": "b"}, 1), order{at(4), 4})}, conflict},
		{"3: any of several", known(), wants(name("a"), 1), third, name("b"), 9,
			[]claim{claimOf(wants(name("c"), 1), order{at(4), 4}), claimOf(wants(name("b"), 1), order{at(5), 5})}, superseded},
		{"3 before 4: though base holds", known(), with(wants(name("a"), 1), name("b")), third, name("b"), 9,
			[]claim{claimOf(wants(name("b"), 1), order{at(4), 4})}, superseded},
		{"3: latest too", known(), wants(name("a"), 0), third, name("b"), 9,
			[]claim{claimOf(wants(name("b"), 0), order{at(4), 4})}, superseded},

		{"4: the contact holds base", known(), with(wants(name("a"), 1), name("b")), third, name("b"), 9, nil, free},
		{"4: it does not", known(), with(wants(name("a"), 1), name("b")), third, name("x"), 9, nil, conflict},
		{"4: a field that base leaves out was empty", known(), with(wants(name("a"), 1), texts{}), third, name(""), 9, nil, free},
		{"4: and is not any more", known(), with(wants(name("a"), 1), texts{}), third, name("x"), 9, nil, conflict},
		{"4: no base says nothing of an empty field", known(), wants(name("a"), 1), third, name(""), 9, nil, conflict},
		{"4: base without our own write in between", known(nil, name("c")), with(wants(name("a"), 1), name("b")), third, name("b"), 9, nil, free},

		{"5: our own last write stands", known(nil, name("b")), wants(name("a"), 1), third, name("b"), 9, nil, free},
		{"5: our own last write emptied it", known(nil, name("")), wants(name("a"), 1), third, name(""), 9, nil, free},
		{"5: but one of our earlier writes does not count", known(name("b"), name("c")), wants(name("a"), 9), third, name("b"), 7, nil, conflict},
		{"5: though base is another", known(nil, name("b")), with(wants(name("a"), 1), name("c")), third, name("b"), 9, nil, free},
		{"5: nothing is known of an empty field", known(nil, texts{"urls": "b"}), wants(name("a"), 9), third, name(""), 7, nil, conflict},

		{"6: the etag is in the chain, and its end is read", known(texts{"urls": "b"}), wants(name("a"), 1), third, name("x"), 2, nil, free},
		{"6: the first of a longer chain", known(texts{"urls": "b"}, texts{"urls": "c"}), wants(name("a"), 1), third, name("x"), 3, nil, free},
		{"6: not when somebody wrote after the end", known(texts{"urls": "b"}), wants(name("a"), 1), third, name("x"), 3, nil, conflict},
		{"6: not for an etag outside", known(texts{"urls": "b"}), wants(name("a"), 5), third, name("x"), 2, nil, conflict},

		{"7: otherwise", known(), wants(name("a"), 1), third, name("x"), 2, nil, conflict},
		{"7: but latest writes over it", known(), wants(name("a"), 0), third, name("x"), 2, nil, free},
	} {
		found := test.history.judge(claimOf(test.edit, test.order), test.current.values(), peoplesim.SourceEtag(one, test.version), test.newer)
		field := messages.MaskFields(test.edit.set.mask())[0]
		if len(found) != 1 || found[field] != test.want {
			t.Errorf("rule %s: judge = %v, want %v", test.rule, found, test.want)
		}
	}
}

func TestEachFieldIsJudgedByItself(t *testing.T) {
	c := claimOf(edit{
		contact: one, version: 7,
		set:  texts{"names": "a", "nicknames": "a", "urls": "a", "occupations": "a", "interests": "a", "locations": "a"},
		base: texts{"urls": "seen", "interests": "seen"},
	}, order{at(2), 2})
	h := &history{}
	h.settled(order{at(3), 3}, "names", print{})
	h.settled(order{at(1), 1}, "locations", printWanted("locations", texts{"locations": "ours"}.values()["locations"]))
	current := texts{"names": "x", "nicknames": "a", "urls": "seen", "occupations": "b", "interests": "typed", "locations": "ours"}
	newer := []claim{claimOf(edit{contact: one, version: 7, set: texts{"occupations": "b"}}, order{at(4), 4})}
	got := h.judge(c, current.values(), peoplesim.SourceEtag(one, 8), newer)
	want := map[string]finding{
		"names": superseded, "nicknames": done, "urls": free, "occupations": superseded, "interests": conflict, "locations": free,
	}
	if !maps.Equal(got, want) {
		t.Errorf("judge = %v, want %v", got, want)
	}
}

// TestAPersonEtagCountsInTheChainAsWhatItIs: the chain holds both kinds, and never takes one for the other.
func TestAPersonEtagCountsInTheChainAsWhatItIs(t *testing.T) {
	h := &history{}
	h.wrote(etag{value: "x", ofPerson: true}, sight{etag: "end"})
	for e, want := range map[etag]finding{
		{value: "x", ofPerson: true}: free, {value: "x"}: conflict, {value: "y", ofPerson: true}: conflict, {}: conflict,
	} {
		c := claimOf(named("a", 1), order{at(3), 3})
		c.etag = e
		if got := h.judge(c, texts{"names": "x"}.values(), "end", nil)["names"]; got != want {
			t.Errorf("an etag %+v: judge = %v, want %v", e, got, want)
		}
	}
}
