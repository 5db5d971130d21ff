package worker

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// protocolFields are the fields that the contacts of TestProtocol have. The last is the photo, which no mask names.
var protocolFields = [...]string{"interests", "nicknames", "occupations", photoField}

// photoIndex is that of the photo among them.
const photoIndex = len(protocolFields) - 1

// card is a contact as the service has it, with all that it was before: its versions are numbered from 0.
type card struct {
	number   int
	versions []cardVersion
	held     [len(protocolFields)][]entry // what each field held, one after the other
	written  time.Time                    // last, by a worker
}

// cardVersion is a contact between two moves of its etag.
type cardVersion struct {
	fields [len(protocolFields)]entry
	at     time.Time
	known  *desk // the worker that was answered when its guarded write made this version; nil for any other
}

// entry is what a field holds, and since when.
type entry struct {
	value        string
	by           *crmEdit // nil for a hand, and for what was there in the beginning
	desk         *desk    // that made the change
	version      int      // from which on
	late, replay bool
}

func (e entry) byHand() bool { return e.by == nil && e.version > 0 }

func newCard(number int) *card {
	c := &card{number: number, versions: make([]cardVersion, 1, 16)}
	for f := range protocolFields {
		e := entry{value: fmt.Sprintf("seed%d", f)}
		c.versions[0].fields[f], c.held[f] = e, []entry{e}
	}
	c.versions[0].at = time.Now()
	return c
}

func (c *card) name() string          { return contactName(c.number) }
func (c *card) current() int          { return len(c.versions) - 1 }
func (c *card) now() *cardVersion     { return &c.versions[len(c.versions)-1] }
func (c *card) etag(v int) string     { return fmt.Sprintf("#%d.%d", c.number, v) }
func (c *card) ofPerson(v int) string { return "%" + c.etag(v) }

// versionOf is the number that an etag tells, of either kind.
func versionOf(etag string) int {
	_, version, _ := strings.Cut(etag, ".")
	n, err := strconv.Atoi(version)
	if err != nil {
		panic(err)
	}
	return n
}

// move makes a new version in which nothing has changed yet.
func (c *card) move() *cardVersion {
	next := cardVersion{fields: c.now().fields, at: time.Now()}
	c.versions = append(c.versions, next)
	return c.now()
}

// put changes a field of the newest version.
func (c *card) put(field int, e entry) {
	e.version = c.current()
	c.now().fields[field] = e
	c.held[field] = append(c.held[field], e)
}

// touchedByHand reports whether a hand changed a field, or any field if it is negative, after a version and up to another.
func (c *card) touchedByHand(field, after, upTo int) bool {
	for f := range protocolFields {
		if field >= 0 && f != field {
			continue
		}
		for _, e := range c.held[f] {
			if e.byHand() && e.version > after && e.version <= upTo {
				return true
			}
		}
	}
	return false
}
