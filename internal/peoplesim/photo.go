package peoplesim

import (
	"crypto/sha256"
	"encoding/hex"
	"image/jpeg"
	"image/png"
	"strings"
	"time"
)

// photo is people.updateContactPhoto: no etag guards it, the last write wins.
type photo struct {
	name string
	sum  [sha256.Size]byte
	read bool // the read mask is not empty
	view view
}

func (s *Sim) parsePhoto(c *call) (operation, *problem) {
	n, p := decode(c.body, "", s.discovery.photo)
	if p != nil {
		return nil, p
	}
	fields := &s.discovery.fields
	read, p := fields.optional(maskParameter{"personFields", page(UpdateContactPhoto), fields.readable}, n.string("personFields"), 0)
	if p != nil {
		return nil, p
	}
	if p := checkContactName(c.resource); p != nil {
		return nil, p
	}
	data := n.string("photoBytes")
	if data == "" {
		return nil, invalid("Request must set photo_bytes.")
	}
	if !isPhoto(data) {
		return nil, invalid("Invalid photo format")
	}
	return &photo{name: c.resource, sum: sha256.Sum256([]byte(data)), read: read != 0, view: s.view(n.strings("sources"), read)}, nil
}

// isPhoto reports whether the bytes are a JPEG or a PNG, as far as the header says.
func isPhoto(data string) bool {
	var err error
	switch {
	case strings.HasPrefix(data, "\xff\xd8\xff"):
		_, err = jpeg.DecodeConfig(strings.NewReader(data))
	case strings.HasPrefix(data, "\x89PNG\r\n\x1a\n"):
		_, err = png.DecodeConfig(strings.NewReader(data))
	default:
		return false
	}
	return err == nil
}

func (f *photo) contacts() []string { return []string{f.name} }

func (f *photo) perform(s *Sim, c *call, now time.Time) (func([]byte) []byte, *problem) {
	k, p := s.toWrite(c, f.name)
	if p != nil {
		return nil, p
	}
	if c.fate.moved {
		s.touch(c.user, k, now)
	}
	old := k.current
	next := revision{version: old.version + 1, at: now, photo: hex.EncodeToString(f.sum[:]), values: old.values}
	if s.faults.Habits.PhotoKeepsEtag {
		next.version = old.version
	}
	k.write(&next)
	s.audit.add(entry{
		call: c.number, at: now, user: c.user, method: UpdateContactPhoto, contact: k,
		old: old.version, new: next.version, sum: f.sum,
	}, s.config.AuditLimit)
	if !f.read {
		return func(b []byte) []byte { return append(b, "{}"...) }, nil
	}
	seen, v := k.sight(k.current), f.view
	v.shuffle = s.faults.Habits.ShuffledValues
	return func(b []byte) []byte {
		b = append(b, `{"person":`...)
		return append(v.appendPerson(b, seen), '}')
	}, nil
}
