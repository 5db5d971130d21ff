package peoplesim

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strings"
)

// FirstVersion is the version of a contact that was just seeded. Each write adds one.
const FirstVersion = 1

// SourceEtag gives the etag of a contact's CONTACT source (#…) at a version. It depends on nothing else, so a feed can
// carry the etag of a contact that is yet to be seeded.
func SourceEtag(resourceName string, version int64) string {
	return "#" + etagText(resourceName, version)
}

// etagText is what both etags of a version have in common.
func etagText(resourceName string, version int64) string {
	b := make([]byte, 0, 64)
	b = binary.BigEndian.AppendUint64(b, uint64(version))
	b = append(b, resourceName...)
	sum := sha256.Sum256(b)
	return base64.StdEncoding.EncodeToString(sum[:8])
}

// The protocol buffer in a person's etag, as decoded from real ones: the fields read (2), constant bytes (3), and the
// source etag without its # (4).
const (
	etagFieldsTag = 0x12
	etagConstant  = "\x1a\x04\x02\x01\x07\x05"
	etagSourceTag = 0x22
)

// personEtag gives the person.etag (%…) of an answer: it varies with the fields read though nothing changed.
func personEtag(source string, read fieldSet) string {
	b := make([]byte, 0, 64)
	b = append(b, etagFieldsTag, 0)
	for i := range read.each {
		b = append(b, byte(i+1))
	}
	b[1] = byte(len(b) - 2)
	b = append(b, etagConstant...)
	b = append(b, etagSourceTag, byte(len(source)))
	b = append(b, source...)
	return "%" + base64.StdEncoding.EncodeToString(b)
}

// personEtagIs reports whether a person.etag that a client sent is of the version whose etag text is given, whatever
// was read with it. A source etag in its place never is.
func personEtagIs(etag, text string) bool {
	b, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(etag, "%"))
	if err != nil || etag == "" || etag[0] != '%' {
		return false
	}
	tail := append([]byte{etagSourceTag, byte(len(text))}, text...)
	return bytes.HasSuffix(b, append([]byte(etagConstant), tail...))
}

// judgeEtags compares the etags of a request with the current version. Either one is enough; given both, and one of
// them stale, what happens is not known of the service: strict refuses, lenient lets the source etag decide.
func (p *person) judgeEtags(text string, lenient bool) *problem {
	personStale := p.etag != "" && !personEtagIs(p.etag, text)
	sourceStale := p.sourceEtag != "" && p.sourceEtag != "#"+text
	switch {
	case sourceStale:
		return staleEtag(staleSourceText)
	case personStale && !(lenient && p.sourceEtag != ""):
		return staleEtag(staleEtagText)
	}
	return nil
}
