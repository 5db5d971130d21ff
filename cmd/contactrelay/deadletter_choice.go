package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/contactrelay/contactrelay/deadletter"
)

// filterSettings select letters.
type filterSettings struct {
	Reason  []string `help:"Only letters of these reasons; foreign, damaged or incomplete: what is no whole letter." env:"-" placeholder:"REASON"`
	User    []string `help:"Only letters of these users." env:"-" placeholder:"USER"`
	Contact []string `help:"Only letters about these contacts." env:"-" placeholder:"people/ID"`
	Type    []string `help:"Only letters of these types: patch, photo, batch, unknown." env:"-" placeholder:"TYPE"`
	Since   string   `help:"Only letters written from then on: a time (RFC 3339), a day (2006-01-02) or an age (90m, 36h, 7d)." env:"-" placeholder:"TIME"`
	Until   string   `help:"Only letters written before then." env:"-" placeholder:"TIME"`
}

// filter makes a filter of the settings and notes what is wrong with them.
func (s *filterSettings) filter(f *settingFaults, now time.Time) deadletter.Filter {
	var reasons []string
	for _, r := range deadletter.Reasons() {
		reasons = append(reasons, string(r))
	}
	reasons = append(reasons, string(deadletter.Foreign), string(deadletter.Damaged), string(deadletter.Incomplete))
	for _, r := range s.Reason {
		f.require(slices.Contains(reasons, r), "reason", "%q is none of %s", r, strings.Join(reasons, ", "))
	}
	for _, t := range s.Type {
		f.require(t == "patch" || t == "photo" || t == "batch" || t == "unknown", "type", "%q is none of patch, photo, batch, unknown", t)
	}
	since, until := moment(f, "since", s.Since, now), moment(f, "until", s.Until, now)
	f.require(until.IsZero() || since.Before(until), "until", "must be later than --since")
	return deadletter.Filter{Reasons: s.Reason, Users: s.User, Contacts: s.Contact, Types: s.Type, Since: since, Until: until}
}

// moment reads a time; the zero time of an empty text.
func moment(f *settingFaults, flag, text string, now time.Time) time.Time {
	if text == "" {
		return time.Time{}
	}
	for _, format := range []string{time.RFC3339Nano, time.DateOnly} {
		if at, err := time.ParseInLocation(format, text, time.Local); err == nil {
			return at
		}
	}
	if d, err := age(text); err == nil && d >= 0 {
		return now.Add(-d)
	}
	f.add(flag, "%q is neither a time, nor a day, nor an age such as 90m, 36h or 7d", text)
	return time.Time{}
}

// age reads a duration, in which days are possible.
func age(text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		d, err := time.ParseDuration(days + "h")
		return 24 * d, err
	}
	return time.ParseDuration(text)
}

// choiceSettings select what a command changes: it does nothing to everything unless that is said.
type choiceSettings struct {
	filterSettings
	All bool     `help:"All letters." env:"-"`
	IDs []string `arg:"" optional:"" name:"id" help:"IDs of letters, or their beginnings."`
}

// choice is the filter of what to change.
func (s *choiceSettings) choice(f *settingFaults, now time.Time) deadletter.Filter {
	filter := s.filter(f, now)
	filter.IDs = s.IDs
	f.require(s.All || !filter.Empty(), "all", "say which letters: IDs, a filter, or --all")
	return filter
}

// choose returns the entries that were chosen. An ID that stands for none, or for several, is an error.
func (b *bench) choose(filter deadletter.Filter) ([]*deadletter.Entry, error) {
	for i, id := range filter.IDs {
		e, err := b.find(id)
		if err != nil {
			return nil, err
		}
		filter.IDs[i] = e.ID
	}
	return filter.Select(b.entries), nil
}

// find returns the entry of an ID.
func (b *bench) find(id string) (*deadletter.Entry, error) {
	e, ambiguous := deadletter.Match(b.entries, id)
	switch {
	case ambiguous:
		return nil, fmt.Errorf("%q begins the IDs of several letters: give more of it", id)
	case e == nil:
		return nil, fmt.Errorf("no letter %q was found: it was removed, or another operator holds it", id)
	}
	return e, nil
}
