package peoplesim

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"
)

// The methods of writes in the audit that came through no call.
const (
	ByHand   = "by hand"   // a person edited the contact in the web interface
	ByItself = "by itself" // the etag moved though nobody did anything
)

// PhotoField is what the audit calls the field that updateContactPhoto writes.
const PhotoField = "photo"

// Write is one write of one contact.
type Write struct {
	Seq          int64     `json:"seq"`  // from 1, in the order in which the writes took effect
	Call         int64     `json:"call"` // the same for all contacts of a batch; 0 if there was no call
	Time         time.Time `json:"time"`
	User         string    `json:"user"`
	Method       string    `json:"method"`
	ResourceName string    `json:"resourceName"`
	Fields       []string  `json:"fields"` // the update mask, in alphabetical order, or PhotoField
	OldVersion   int64     `json:"oldVersion"`
	NewVersion   int64     `json:"newVersion"`
	OldEtag      string    `json:"oldEtag"` // of the CONTACT source
	NewEtag      string    `json:"newEtag"`
	// Hash is the SHA-256 in hex of Values, or of the bytes of a photo.
	Hash string `json:"hash"`
	// Values are the masked fields as written, in the form of Contact.Values; nil unless Config.AuditValues is set.
	Values json.RawMessage `json:"values,omitempty"`
}

// entry is a Write as it is kept: what can be computed is not.
type entry struct {
	call     int64
	at       time.Time
	user     string
	method   string
	contact  *contact
	mask     fieldSet
	old, new int64
	sum      [sha256.Size]byte
	values   []byte
}

// audit is the record of all writes, or of the last ones.
type audit struct {
	entries []entry
	dropped int64 // entries let go, from the first on
}

// add keeps at least limit entries if there is a limit, and at most twice as many.
func (a *audit) add(e entry, limit int) {
	a.entries = append(a.entries, e)
	if over := len(a.entries) - limit; limit > 0 && over > limit {
		a.dropped += int64(over)
		a.entries = append(a.entries[:0:0], a.entries[over:]...)
	}
}

// len counts the writes, those let go included.
func (a *audit) len() int64 { return a.dropped + int64(len(a.entries)) }

// after gives what was written after the write seq.
func (a *audit) after(seq int64, t *fieldTable) []Write {
	from := min(max(0, seq-a.dropped), int64(len(a.entries)))
	writes := make([]Write, 0, int64(len(a.entries))-from)
	for i, e := range a.entries[from:] {
		fields := t.spell(e.mask)
		if e.method == UpdateContactPhoto {
			fields = []string{PhotoField}
		}
		writes = append(writes, Write{
			Seq: a.dropped + from + int64(i) + 1, Call: e.call, Time: e.at, User: e.user, Method: e.method,
			ResourceName: e.contact.name, Fields: fields, OldVersion: e.old, NewVersion: e.new,
			OldEtag: SourceEtag(e.contact.name, e.old), NewEtag: SourceEtag(e.contact.name, e.new),
			Hash: hex.EncodeToString(e.sum[:]), Values: e.values,
		})
	}
	return writes
}
