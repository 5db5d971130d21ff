package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/contactrelay/contactrelay/internal/people"
	"github.com/contactrelay/contactrelay/worker"
)

// runCommand is the worker.
type runCommand struct {
	project
	Subscription    string `help:"Subscription that the changes come from; with message ordering." default:"contact-changes-worker"`
	DeadLetterTopic string `help:"Topic that dead letters go to." default:"contact-changes-dead"`
	outcomeSettings
	peopleSettings
	workSettings
	HTTP string `name:"http" help:"Address of /livez, /readyz, /lanes and /metrics; empty: none." default:":8080"`
	logSettings
	exportSettings
}

// check fills in what is implied and returns all that is wrong.
func (c *runCommand) check(ctx context.Context, f *settingFaults) error {
	c.project.resolve(ctx, f)
	checkName(f, "subscription", "subscriptions", c.Subscription)
	checkName(f, "dead-letter-topic", "topics", c.DeadLetterTopic)
	c.outcomeSettings.check(f)
	c.peopleSettings.resolve(f)
	c.workSettings.check(f)
	checkListen(f, "http", c.HTTP)
	c.logSettings.check(f)
	c.exportSettings.check(ctx, f)
	return f.err()
}

// Run works until ctx is done.
func (c *runCommand) Run(ctx context.Context, t terminal, f *settingFaults) error {
	if err := c.check(ctx, f); err != nil {
		return err
	}
	useMemory()
	log := c.logger(t.err, c.Project)
	unavailable := rate.Sometimes{Interval: time.Minute}
	pulls := worker.NewPulls()
	client, link, err := connect(ctx, c.Project, func(err error) {
		unavailable.Do(func() { log.WarnContext(ctx, "pubsub is unavailable, trying again", "err", err) })
	}, pulls.ClientOptions()...)
	if err != nil {
		return err
	}
	reach := people.Config{Endpoint: c.PeopleEndpoint, MaxCalls: c.MaxCalls}
	c.sign(&reach)
	defer c.signInSettings.close()
	contacts, err := people.New(ctx, reach)
	if err != nil {
		return fmt.Errorf("prepare the People API: %w", err)
	}
	sent, err := c.exportSettings.open(ctx, c.Project, log)
	if err != nil {
		return err
	}
	config := c.workSettings.config(c.AllowUsers)
	config.Tracer = sent.tracer()
	config.UserLabel = c.userLabel()
	config.Subscription = c.fullName("subscriptions", c.Subscription)
	c.outcomeSettings.announce(&config, client, &c.project)
	source := watchedSubscription{worker.NewSubscription(client, pulls, config.Subscription, c.MaxMessages, int(c.MaxBytes)), link}
	dead := worker.NewTopic(client, c.fullName("topics", c.DeadLetterTopic))
	w := worker.New(config, source, dead, contacts, log)
	if err := sent.count(ctx, w.Tally); err != nil {
		return err
	}
	defer sent.close(ctx, c.Drain) // when the worker has ended: then the counts are complete
	return c.work(ctx, w, log)
}

// work runs the worker, and the health server beside it.
func (c *runCommand) work(ctx context.Context, w *worker.Worker, log *slog.Logger) error {
	var serving sync.WaitGroup
	defer serving.Wait()
	at := "" // where the health server is: the port may have been chosen by the system
	if c.HTTP != "" {
		health, err := listenHealth(c.HTTP, w, log)
		if err != nil {
			return err
		}
		defer health.close(ctx)
		at = health.listener.Addr().String()
		serving.Go(func() {
			if err := health.serve(); err != nil {
				log.ErrorContext(ctx, "health server ended", "err", err)
			}
		})
	}
	subscription := c.fullName("subscriptions", c.Subscription)
	log.InfoContext(ctx, "started", "version", version(), "subscription", subscription, "http", at)
	err := w.Run(ctx)
	count := w.Tally()
	log.InfoContext(ctx, "stopped", "deliveries", count.Deliveries)
	if errors.Is(err, worker.ErrUnordered) {
		return fmt.Errorf("%s: %w, and changes of a contact would overtake each other: "+
			"make a subscription with --enable-message-ordering (it cannot be switched on later)", subscription, err)
	}
	return err
}
