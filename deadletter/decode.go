package deadletter

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

var (
	// ErrForeign means that a message is no letter of this package: the service's own dead letters, for one.
	ErrForeign = errors.New("not a letter of contactrelay")
	// ErrDamaged means that a message says it is a letter but cannot be read as one.
	ErrDamaged = errors.New("damaged letter")
	// ErrIncomplete means that parts of a letter are not there (yet).
	ErrIncomplete = errors.New("parts of the letter are missing")
)

// Decode reads the letter, or the part of a letter, that a message is. It takes the original out of its envelope; the
// data of a plain letter are shared with the message. Errors wrap [ErrForeign] or [ErrDamaged] and hold no values.
func Decode(m Message) (*Letter, error) {
	if _, ok := m.Attributes[attrReason]; !ok {
		return nil, ErrForeign
	}
	l, err := letterOf(m.Attributes)
	if err != nil {
		return nil, err
	}
	if _, _, err := l.part(); err != nil {
		return nil, err
	}
	h, body := header{m.OrderingKey, m.Attributes}, m.Data
	switch encoding := m.Attributes[attrEncoding]; encoding {
	case "":
	case gzipEnvelope:
		if h, body, err = open(m.Data); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("%w: the value of %s", ErrDamaged, attrEncoding)
	}
	l.Original.OrderingKey, l.Original.Attributes, l.Original.Data = h.OrderingKey, producers(h.Attributes), body
	return l, nil
}

// Join returns the letter that was split into parts, in whatever order they come and however often. A letter that was
// not split is its own only part. The error wraps [ErrIncomplete] if a part is not among them, and [ErrDamaged] if
// they are not all of one letter.
func Join(parts []*Letter) (*Letter, error) {
	if len(parts) == 0 {
		return nil, ErrIncomplete
	}
	whole := *parts[0]
	_, count, err := whole.part()
	if err != nil {
		return nil, err
	}
	bodies := make(map[int][]byte)
	for _, p := range parts {
		i, n, err := p.part()
		if err != nil {
			return nil, err
		}
		if n != count || p.ID != whole.ID {
			return nil, fmt.Errorf("%w: parts of different letters", ErrDamaged)
		}
		bodies[i] = p.Original.Data
	}
	if len(bodies) < count {
		return nil, fmt.Errorf("%w: there are %d of %d", ErrIncomplete, len(bodies), count)
	}
	pieces := make([][]byte, count)
	for i := range pieces {
		pieces[i] = bodies[i+1]
	}
	whole.Part, whole.Original.Data = "", slices.Concat(pieces...)
	return &whole, nil
}

// part returns the number of this part and how many there are; a whole letter is the first of one.
func (l *Letter) part() (i, n int, err error) {
	if l.Part == "" {
		return 1, 1, nil
	}
	first, second, _ := strings.Cut(l.Part, "/")
	i, errI := strconv.Atoi(first)
	n, errN := strconv.Atoi(second)
	if errI != nil || errN != nil || i < 1 || n < i {
		return 0, 0, fmt.Errorf("%w: the value of %s", ErrDamaged, attrPart)
	}
	return i, n, nil
}
