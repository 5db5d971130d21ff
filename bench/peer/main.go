// Command peer is the worker that most teams would write for the same feed, and the measure for contactrelay: the Pub/Sub
// client's Receive, one people.Service for all users, one call a message, backoff while the service is unwell, a dead
// letter for every 4xx. It is written with care as far as that goes: the limit of calls holds for calls alone and not for
// waits, connections are kept, and no more of a contact is asked for than its metadata.
//
// What it does not know is what contactrelay is about: an answer that was lost, an etag of before its own write, batches.
package main

import (
	"context"
	"flag"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"cloud.google.com/go/pubsub/v2"
	"google.golang.org/api/option"
	"google.golang.org/api/people/v1"
)

func main() {
	calls := flag.Int("calls", 64, "calls in flight")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	log := slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	if err := run(ctx, *calls, log); err != nil {
		log.Error("ended", "err", err)
		os.Exit(1)
	}
}

// run works until ctx is done.
func run(ctx context.Context, calls int, log *slog.Logger) error {
	client, err := pubsub.NewClient(ctx, os.Getenv("GOOGLE_CLOUD_PROJECT"))
	if err != nil {
		return err
	}
	defer client.Close()
	contacts, err := people.NewService(ctx,
		option.WithEndpoint("http://"+os.Getenv("PEOPLE_EMULATOR_HOST")+"/"), option.WithHTTPClient(pooled(calls)))
	if err != nil {
		return err
	}
	dead := client.Publisher("contact-changes-dead")
	dead.EnableMessageOrdering = true
	defer dead.Stop()
	w := &worker{contacts: contacts.People, dead: dead, places: make(chan struct{}, calls), log: log}
	return client.Subscriber("contact-changes-worker").Receive(ctx, w.handle)
}
