package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
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

// survey is sit for commands that only look: if no setting is at fault it takes in all letters that are to be had, and
// gives them back at once.
func (s *benchSettings) survey(ctx context.Context, t terminal, f *settingFaults) (*bench, error) {
	if err := f.err(); err != nil {
		return nil, err
	}
	b, err := s.sit(ctx, t)
	if err != nil {
		return nil, err
	}
	b.rise(ctx, t)
	return b, nil
}

// operate is sit for commands that change what they are asked to. do is what they do, and stands in the audit.
func (s *benchSettings) operate(ctx context.Context, t terminal, audited *auditSettings, do func(*bench, *audit) error) (err error) {
	a, err := audited.open(ctx, t)
	if err != nil {
		return err
	}
	defer func() { err = closing(a, err) }()
	b, err := s.sit(ctx, t)
	if err != nil {
		return err
	}
	defer b.rise(ctx, t)
	return do(b, a)
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

// plural is a number of things.
func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}
