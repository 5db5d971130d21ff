package messages

import (
	"bytes"
	"encoding/base64"
	"strconv"
	"strings"
)

// defaultMaxPhotoBytes is the setting's default. The API documents no limit.
const defaultMaxPhotoBytes = 5 << 20

func (b *PhotoBody) check(f *faults, l Limits) {
	checkResourceName(f, "resourceName", b.ResourceName)
	checkReadMask(f, "personFields", b.PersonFields)
	checkSources(f, b.Sources)
	checkPhoto(f, "photoBytes", b.PhotoBytes, l)
}

func checkPhoto(f *faults, field, photo string, l Limits) {
	if photo == "" {
		f.add(field, ruleRequired)
		return
	}
	limit := l.MaxPhotoBytes
	if limit <= 0 {
		limit = defaultMaxPhotoBytes
	}
	digits := strings.TrimRight(photo, "=")
	if base64.RawStdEncoding.DecodedLen(len(digits)) > limit {
		f.add(field, "must be at most "+strconv.Itoa(limit)+" bytes")
	}
	encoding := photoEncoding(digits, len(photo)-len(digits))
	if encoding == nil {
		f.add(field, "must be base64")
		return
	}
	if !isPicture(encoding, digits) {
		f.add(field, "must be JPEG or PNG by its first bytes")
	}
}

// photoEncoding is the alphabet that the digits of base64 are from, and nil if they are not base64: as in the JSON
// of protocol buffers, either alphabet but not both, with all of its padding or none. It decodes nothing, since
// the API takes base64 and a photo can be nearly as long as a message.
func photoEncoding(digits string, padding int) *base64.Encoding {
	rest := len(digits) % 4
	if rest == 1 || padding != 0 && padding != (4-rest)%4 {
		return nil
	}
	var standard, url bool
	for i := range len(digits) {
		switch c := digits[i]; {
		case isLetter(c), '0' <= c && c <= '9':
		case c == '+', c == '/':
			standard = true
		case c == '-', c == '_':
			url = true
		default:
			return nil
		}
	}
	switch {
	case standard && url:
		return nil
	case url:
		return base64.RawURLEncoding
	}
	return base64.RawStdEncoding
}

// isPicture reports whether the digits begin as a JPEG or PNG does.
func isPicture(encoding *base64.Encoding, digits string) bool {
	const enough = 12 // digits: 9 bytes, and PNG's signature, the longer one, has 8
	head, err := encoding.DecodeString(digits[:min(len(digits), enough)])
	return err == nil &&
		(bytes.HasPrefix(head, []byte("\xff\xd8\xff")) || bytes.HasPrefix(head, []byte("\x89PNG\r\n\x1a\n")))
}
