package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/contactrelay/contactrelay/internal/peoplesim"
	"github.com/contactrelay/contactrelay/internal/pubsubsim"
)

// audit is what became of the changes of a feed: every write of a contact, every dead letter and every message that is
// left, held against what was published.
type audit struct {
	feed    *feed
	photos  map[string]int // hash of a photo → number of its change
	times   map[writing]int
	newest  map[spot]int // number of the newest change written
	applied []time.Time  // when the last contact of a change was written first; zero: never
	letters map[int]bool
	waiting map[int]bool

	doubled    int
	outOfOrder int
}

// writing is the write of a change to one of its contacts.
type writing struct {
	number  int
	contact int32
}

// verdict is how many changes met with what must never happen.
type verdict struct {
	Lost         int `json:"lost"`         // acknowledged, and neither made nor superseded nor dead-lettered
	Doubled      int `json:"doubled"`      // writes of what was written before
	OutOfOrder   int `json:"outOfOrder"`   // writes over a newer change of the same field
	FalseLetters int `json:"falseLetters"` // dead letters of changes that could be made
}

func (v verdict) clean() bool { return v == verdict{} }

func newAudit(f *feed) *audit {
	a := &audit{
		feed: f, photos: map[string]int{}, times: map[writing]int{}, newest: map[spot]int{},
		applied: make([]time.Time, len(f.changes)), letters: map[int]bool{}, waiting: map[int]bool{},
	}
	for n, c := range f.changes {
		if c.kind == photo && c.flaw == sound {
			sum := sha256.Sum256(picture50K(n))
			a.photos[hex.EncodeToString(sum[:])] = n
		}
	}
	return a
}

// read takes in what the services know.
func (a *audit) read(ctx context.Context, s *services) error {
	var wrong error
	err := each(ctx, s.people, "/audit", func(w peoplesim.Write) {
		if err := a.wrote(w); err != nil {
			wrong = err
		}
	})
	if err = errors.Join(err, wrong); err != nil {
		return fmt.Errorf("read the audit: %w", err)
	}
	if err := a.note(ctx, s, deadSubscription, a.letters); err != nil {
		return fmt.Errorf("read the dead letters: %w", err)
	}
	if err := a.note(ctx, s, workSubscription, a.waiting); err != nil {
		return fmt.Errorf("read what is left: %w", err)
	}
	return nil
}

// note notes the changes whose messages, or dead letters, wait in a subscription. Both keep the event's ID.
func (a *audit) note(ctx context.Context, s *services, subscription string, in map[int]bool) error {
	all, err := read[[]pubsubsim.Waiting](ctx, s.pubsub, "/backlog?subscription="+subscription)
	if err != nil {
		return err
	}
	for _, m := range all {
		text, _ := strings.CutPrefix(m.Attributes["ce-id"], "change-")
		number, err := strconv.Atoi(text)
		if err != nil {
			return fmt.Errorf("a message without the ID of a change: %v", m.Attributes)
		}
		in[number] = true
	}
	return nil
}

// markers are the values that changes write.
var markers = regexp.MustCompile(`crm-(\d+)`)

// wrote takes in one write.
func (a *audit) wrote(w peoplesim.Write) error {
	number, ok := a.photos[w.Hash]
	if !ok {
		found := markers.FindSubmatch(w.Values)
		if found == nil {
			return fmt.Errorf("%s was written by %s with values of no change: %s", w.ResourceName, w.Method, w.Values)
		}
		number, _ = strconv.Atoi(string(found[1])) // digits
	}
	if number >= unaudited {
		return nil
	}
	c := &a.feed.changes[number]
	contact, err := strconv.Atoi(w.ResourceName[len(w.ResourceName)-6:])
	if err != nil {
		return fmt.Errorf("%s is no contact of the feed", w.ResourceName)
	}
	key, at := writing{number, int32(contact)}, c.spotOf(int32(contact)-c.contact)
	if a.times[key]++; a.times[key] > 1 {
		a.doubled++
	} else if c.flaw == sound {
		a.applied[number] = w.Time
	}
	if newest, ok := a.newest[at]; ok && newest > number {
		a.outOfOrder++
	} else {
		a.newest[at] = number
	}
	return nil
}

// verdict judges the first changes of the feed, which were published.
func (a *audit) verdict(published []time.Time) verdict {
	v := verdict{Doubled: a.doubled, OutOfOrder: a.outOfOrder}
	for number := range a.feed.changes {
		c := &a.feed.changes[number]
		switch {
		case published[number].IsZero(), a.waiting[number]:
		case a.letters[number]:
			if c.flaw == sound {
				v.FalseLetters++
			}
		case c.flaw != sound, !a.made(number):
			v.Lost++
		}
	}
	return v
}

// made reports whether a change was written to all of its contacts, or a newer one was in its place.
func (a *audit) made(number int) bool {
	c := &a.feed.changes[number]
	for i := range c.count {
		if a.times[writing{number, c.contact + i}] > 0 {
			continue
		}
		if newest, ok := a.newest[c.spotOf(i)]; !ok || newest < number {
			return false
		}
	}
	return true
}
