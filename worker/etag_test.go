package worker

import (
	"fmt"
	"testing"

	peopleapi "google.golang.org/api/people/v1"
)

func ofSource(value string) etag { return etag{value: value} }

func TestTheEtagOfASourceCountsBeforeThatOfThePerson(t *testing.T) {
	contact := &peopleapi.Source{Type: "CONTACT", Etag: "#c"}
	profile := &peopleapi.Source{Type: "PROFILE", Etag: "#p"}
	sources := func(list ...*peopleapi.Source) *peopleapi.PersonMetadata {
		return &peopleapi.PersonMetadata{Sources: list}
	}
	for _, test := range []struct {
		person *peopleapi.Person
		want   etag
	}{
		{&peopleapi.Person{Etag: "%e", Metadata: sources(profile, contact)}, ofSource("#c")},
		{&peopleapi.Person{Metadata: sources(contact)}, ofSource("#c")},
		{&peopleapi.Person{Etag: "%e", Metadata: sources(profile, &peopleapi.Source{Type: "CONTACT"})}, etag{"%e", true}},
		{&peopleapi.Person{Etag: "%e"}, etag{"%e", true}},
	} {
		if got := etagOf(test.person); got != test.want {
			t.Errorf("etagOf(%+v) = %v, want %v", test.person, got, test.want)
		}
	}
}

// TestAGuardedPersonCarriesOneEtagInItsPlace: what the service does when two disagree is not documented.
func TestAGuardedPersonCarriesOneEtagInItsPlace(t *testing.T) {
	p := &peopleapi.Person{Etag: "%old", Metadata: &peopleapi.PersonMetadata{Sources: []*peopleapi.Source{{Type: "CONTACT", Etag: "#old", Id: "1"}}}}
	for _, e := range []etag{ofSource("#new"), {"%new", true}} {
		g := guarded(p, e)
		if got := etagOf(g); got != e || e.ofPerson && sourceEtag(g) != "" || !e.ofPerson && g.Etag != "" {
			t.Errorf("guarded by %v: person.etag %q, source etag %q", e, g.Etag, sourceEtag(g))
		}
	}
	if p.Etag != "%old" || sourceEtag(p) != "#old" {
		t.Error("the change itself was changed")
	}
}

func TestAChainIsWhatItsOwnWritesReplacedOneAfterTheOther(t *testing.T) {
	var c chain
	if c.has(ofSource("1")) || c.has(etag{}) {
		t.Error("an empty chain has an etag")
	}
	c.wrote(ofSource("1"), "2")
	c.wrote(ofSource("2"), "3")
	for e, want := range map[string]bool{"1": true, "2": true, "3": false, "": false} {
		if got := c.has(ofSource(e)); got != want {
			t.Errorf("after 1→2→3: has(%q) = %v, want %v", e, got, want)
		}
	}
	c.wrote(ofSource("4"), "5") // somebody wrote from 3 to 4
	for e, want := range map[string]bool{"1": false, "2": false, "3": false, "4": true, "5": false} {
		if got := c.has(ofSource(e)); got != want {
			t.Errorf("after a foreign write and 4→5: has(%q) = %v, want %v", e, got, want)
		}
	}
	c.wrote(etag{"%5", true}, "6") // nobody knows which of the source's that is
	if c.has(ofSource("4")) || !c.has(etag{"%5", true}) {
		t.Error("a write on the person's etag does not begin a new chain")
	}
}

func TestAWriteWithoutAnEtagInItsAnswerEndsTheChain(t *testing.T) {
	var c chain
	c.wrote(ofSource("1"), "2")
	c.wrote(ofSource("2"), "")
	if c.has(ofSource("1")) || c.has(ofSource("2")) {
		t.Error("the chain goes on though its end is not known")
	}
}

func TestAPhotoEndsTheChainUnlessItsEndStands(t *testing.T) {
	for answered, want := range map[string]bool{"2": true, "3": false, "": false} {
		var c chain
		c.wrote(ofSource("1"), "2")
		c.photographed(answered)
		if got := c.has(ofSource("1")); got != want {
			t.Errorf("after a photo that answers %q: has(1) = %v, want %v", answered, got, want)
		}
	}
}

func TestARefusedOrReplacedEtagMakesAReadStale(t *testing.T) {
	h := &history{}
	h.refused(ofSource("1"))
	h.refused(etag{"%p", true})
	h.wrote(ofSource("2"), sight{etag: "3"})
	for read, want := range map[string]bool{"1": true, "2": true, "3": false, "4": false, "%p": false, "": false} {
		if got := h.stale(sight{etag: read}); got != want {
			t.Errorf("stale(%q) = %v, want %v", read, got, want)
		}
	}
}

func TestTheNewestEtagsOfAContactAreKept(t *testing.T) {
	var es etags
	for i := range 2 * maxEtags {
		es.add(ofSource(fmt.Sprint(i)))
		es.add(ofSource(fmt.Sprint(i))) // twice is once
	}
	for i, want := range map[int]bool{maxEtags - 1: false, maxEtags: true, 2*maxEtags - 1: true} {
		if got := es.has(ofSource(fmt.Sprint(i))); got != want {
			t.Errorf("has(%d) = %v of %d, want %v", i, got, 2*maxEtags, want)
		}
	}
}
