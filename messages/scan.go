package messages

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// maxDepth is how deep objects and arrays may lie in each other in a body, which is itself the first. A Person
// needs 6.
const maxDepth = 100

// maxObjects is how many objects a body may have, itself included: 200 contacts with 500 each, and Google keeps no
// more than 500 values of a contact. An object takes 3 bytes of JSON and up to 1,400 of memory, so that without a
// bound one message could use up a worker's.
const maxObjects = 100_000

const (
	ruleNull    = "null is not allowed: leave the name out"
	ruleUnknown = "unknown name"
	ruleTwice   = "given twice"
)

// scan is the first of two passes over a text of JSON: it holds the text against a shape and notes every deviation,
// by place and rule. The second pass makes Go values, and finds nothing left to complain of; its own errors would
// end at the first fault and quote values.
type scan struct {
	dec      *jsontext.Decoder
	maxDepth int
	objects  int // seen so far
	path     path
	faults   faults
}

// scanText returns an *Error: malformed if data is not one value of JSON in UTF-8, nested at most maxDepth deep;
// else invalid if it deviates from the shape. It takes time linear in the data, of which it reads no more than up to
// where it is malformed.
func scanText(data []byte, sh *shape, maxDepth int) error {
	// The decoder's own check for doubled names would end the scan at the first.
	dec := jsontext.NewDecoder(bytes.NewBuffer(data), jsontext.AllowDuplicateNames(true))
	s := &scan{dec: dec, maxDepth: maxDepth, path: make(path, 0, 64)}
	err := s.value(sh)
	if err == nil {
		err = s.end()
	}
	if err != nil {
		return malformed(err, data, maxDepth)
	}
	if s.objects > maxObjects {
		s.faults.add("", "more than "+strconv.Itoa(maxObjects)+" objects")
	}
	return s.faults.err(Invalid)
}

var (
	errTooDeep  = errors.New("nested too deep")
	errTrailing = errors.New("data after the value")
)

func malformed(err error, data []byte, maxDepth int) error {
	syntax, isSyntax := errors.AsType[*jsontext.SyntacticError](err)
	switch {
	case !utf8.Valid(data):
		return fail(Malformed, "", "not UTF-8")
	case errors.Is(err, io.EOF):
		return fail(Malformed, "", "empty")
	case errors.Is(err, errTooDeep):
		return fail(Malformed, "", "nested more than "+strconv.Itoa(maxDepth)+" deep")
	case errors.Is(err, errTrailing):
		return fail(Malformed, "", "data after the JSON value")
	case isSyntax:
		return fail(Malformed, "", "not JSON at byte "+strconv.FormatInt(syntax.ByteOffset, 10))
	}
	return fail(Malformed, "", "not JSON")
}

// The methods below return an error only for what is malformed, and go on over everything else.

func (s *scan) value(sh *shape) error {
	kind := s.dec.PeekKind()
	if kind == jsontext.KindNull {
		s.note(ruleNull)
		return s.skip()
	}
	if !sh.kind.takes(kind) {
		s.note(sh.kind.rule())
		return s.skip()
	}
	switch sh.kind {
	case object:
		return s.object(sh)
	case dict:
		return s.dict(sh)
	case list:
		return s.list(sh)
	case integer:
		return s.integer(sh)
	}
	return s.skip()
}

// takes reports whether a value of k begins with a token of the kind t.
func (k kind) takes(t jsontext.Kind) bool {
	switch k {
	case object, dict:
		return t == jsontext.KindBeginObject
	case list:
		return t == jsontext.KindBeginArray
	case text:
		return t == jsontext.KindString
	case boolean:
		return t == jsontext.KindTrue || t == jsontext.KindFalse
	case integer:
		return t == jsontext.KindNumber
	}
	return true
}

func (s *scan) object(sh *shape) error {
	var seen uint64
	return s.members(func(name string) error {
		s.path = s.path.name(name)
		f, known := sh.fields[name]
		if !known {
			s.note(ruleUnknown)
			return s.skip()
		}
		if seen&f.bit != 0 {
			s.note(ruleTwice)
		}
		seen |= f.bit
		return s.value(f.shape)
	})
}

func (s *scan) dict(sh *shape) error {
	seen := make(map[string]struct{})
	return s.members(func(key string) error {
		s.path = s.path.key(key)
		if _, ok := seen[key]; ok {
			s.note(ruleTwice)
		}
		if s.objects <= maxObjects {
			seen[key] = struct{}{}
		}
		return s.value(sh.elem)
	})
}

// members reads an object and calls value where the value of each name begins.
func (s *scan) members(value func(name string) error) error {
	if _, err := s.token(); err != nil {
		return err
	}
	s.objects++
	here := len(s.path)
	for s.dec.PeekKind() != jsontext.KindEndObject {
		name, err := s.token()
		if err != nil {
			return err
		}
		if err := value(name.String()); err != nil {
			return err
		}
		s.path = s.path[:here]
	}
	_, err := s.token()
	return err
}

func (s *scan) list(sh *shape) error {
	if _, err := s.token(); err != nil {
		return err
	}
	here := len(s.path)
	for i := 0; s.dec.PeekKind() != jsontext.KindEndArray; i++ {
		s.path = s.path.index(i)
		if err := s.value(sh.elem); err != nil {
			return err
		}
		s.path = s.path[:here]
	}
	_, err := s.token()
	return err
}

func (s *scan) integer(sh *shape) error {
	token, err := s.token()
	if err != nil {
		return err
	}
	if _, err := strconv.ParseInt(token.String(), 10, 64); err != nil {
		s.note(sh.kind.rule())
	}
	return nil
}

// skip reads one value, whatever it is.
func (s *scan) skip() error {
	outside := s.dec.StackDepth()
	for {
		if _, err := s.token(); err != nil {
			return err
		}
		if s.dec.StackDepth() == outside {
			return nil
		}
	}
}

func (s *scan) token() (jsontext.Token, error) {
	token, err := s.dec.ReadToken()
	if err == nil && s.dec.StackDepth() > s.maxDepth {
		err = errTooDeep
	}
	return token, err
}

func (s *scan) end() error {
	if _, err := s.dec.ReadToken(); !errors.Is(err, io.EOF) {
		return errTrailing
	}
	return nil
}

func (s *scan) note(rule string) {
	if !s.faults.full() {
		s.faults.add(string(s.path), rule)
	}
}
