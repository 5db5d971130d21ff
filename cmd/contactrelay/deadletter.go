package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/contactrelay/contactrelay/deadletter"
)

// deadletterCommand is the operator's bench.
type deadletterCommand struct {
	List    listCommand    `cmd:"" help:"List dead letters. Looking changes nothing."`
	Stats   statsCommand   `cmd:"" help:"Count dead letters: by reason and age, by user, by failure."`
	Show    showCommand    `cmd:"" help:"Show one dead letter, and beside it what Google has now."`
	Export  exportCommand  `cmd:"" help:"Write dead letters as JSON lines, to be repaired."`
	Replay  replayCommand  `cmd:"" help:"Publish dead letters again, each user's in their order."`
	Discard discardCommand `cmd:"" help:"Remove dead letters for good."`
}

// errLeft ends a command that did what it could and left some of what was asked for. Its exit code is 3.
var errLeft = errors.New("something was left")

// benchSettings say where the letters are.
type benchSettings struct {
	project
	DeadLetterSubscription string        `help:"Subscription that the operator finds dead letters in; without ordering." default:"contact-changes-dead-operator"`
	Wait                   time.Duration `help:"How long nothing more must come until all letters are taken to have been seen." default:"2s"`
}

func (s *benchSettings) resolve(ctx context.Context, f *settingFaults) {
	s.project.resolve(ctx, f)
	checkName(f, "dead-letter-subscription", "subscriptions", s.DeadLetterSubscription)
	f.require(s.Wait > 0, "wait", "must be more than 0")
}

// subscription is its full name.
func (s *benchSettings) subscription() string {
	return s.fullName("subscriptions", s.DeadLetterSubscription)
}

// bench is what a command works at: the letters that were found, and the desk that holds them.
type bench struct {
	*desk
	settings *benchSettings
	client   *pubsub.Client
	link     *link
	entries  []*deadletter.Entry // newest first
}

// sit opens the subscription and takes all letters in that are to be had. rise ends it: letters that were not removed
// go back at once.
func (s *benchSettings) sit(ctx context.Context, t terminal) (*bench, error) {
	once := sync.Once{}
	client, link, err := connect(ctx, s.Project, func(err error) {
		once.Do(func() { t.complain("contactrelay: %v; trying", err) })
	})
	if err != nil {
		return nil, err
	}
	b := &bench{desk: newDesk(client.SubscriptionAdminClient, s.subscription()), settings: s, client: client, link: link}
	if err := b.look(ctx, s.Wait); err != nil || len(b.held) == 0 && link.trouble() != nil {
		b.rise(ctx, t)
		return nil, s.explain(ctx, cmp.Or(err, link.trouble()))
	}
	b.entries = deadletter.Entries(b.deliveries())
	return b, nil
}

// rise gives back what is left.
func (b *bench) rise(ctx context.Context, t terminal) {
	if n, err := b.giveBack(ctx); err != nil {
		t.complain("contactrelay: %s could not be given back and will be when the lease ends, within %v: %v", plural(n, "letter"), leaseFor, err)
	}
	_ = b.client.Close()
}

// explain says which name or grant is wrong, in one line.
func (s *benchSettings) explain(ctx context.Context, err error) error {
	switch status.Code(err) {
	case codes.NotFound:
		return fmt.Errorf("there is no subscription %s: see --dead-letter-subscription and --project", s.subscription())
	case codes.PermissionDenied:
		return fmt.Errorf("no permission to take letters from %s: grant roles/pubsub.subscriber on it", s.subscription())
	case codes.Unauthenticated:
		return errors.New("Pub/Sub does not accept the credentials: see gcloud auth application-default login")
	}
	if ctx.Err() != nil {
		return errInterrupted
	}
	return err
}

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
	known := map[string]bool{string(deadletter.Foreign): true, string(deadletter.Damaged): true, string(deadletter.Incomplete): true}
	for _, r := range deadletter.Reasons() {
		known[string(r)] = true
	}
	for _, r := range s.Reason {
		f.require(known[r], "reason", "%q is no reason", r)
	}
	for _, t := range s.Type {
		f.require(t == "patch" || t == "photo" || t == "batch" || t == "unknown", "type", "%q is none of patch, photo, batch, unknown", t)
	}
	return deadletter.Filter{
		Reasons: s.Reason, Users: s.User, Contacts: s.Contact, Types: s.Type,
		Since: moment(f, "since", s.Since, now), Until: moment(f, "until", s.Until, now),
	}
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

// plural is a number of things.
func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}
