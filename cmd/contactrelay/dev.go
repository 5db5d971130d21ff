package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/contactrelay/contactrelay/internal/people"
	"github.com/contactrelay/contactrelay/worker"
)

// devCommand shows the worker at work without an account or a network.
type devCommand struct {
	Once        bool   `help:"End after the sample feed instead of serving on; exit code 1 if the numbers do not add up." env:"-"`
	Outcomes    bool   `help:"Show the events of the outcome topic too." env:"-"`
	Credentials string `help:"How the made-up users are signed in: emulator, or tokens (a token endpoint is simulated too)." default:"emulator" env:"-"`
	HTTP        string `name:"http" help:"Address of /livez, /readyz, /lanes and /metrics; empty: none." placeholder:"ADDR"`
	workSettings
}

// devTimeout bounds the sample feed: it takes a few seconds.
const devTimeout = time.Minute

// Run builds the world, publishes the sample feed, shows how each message ends, and the sums.
func (c *devCommand) Run(ctx context.Context, t terminal, f *settingFaults) error {
	checkListen(f, "http", c.HTTP)
	c.workSettings.check(f)
	f.require(c.Credentials == byEmulator || c.Credentials == byTokens, "credentials", "%q is neither emulator nor tokens", c.Credentials)
	if err := f.err(); err != nil {
		return err
	}
	world, err := newWorld(ctx, c.Credentials)
	if err != nil {
		return err
	}
	defer world.close()
	show := newShow(t.out)
	show.addresses(world)

	reach, signIn := people.Config{Endpoint: world.peopleURL(), MaxCalls: c.MaxCalls}, signInSettings{tokens: world.tokens}
	signIn.sign(&reach)
	contacts, err := people.New(ctx, reach)
	if err != nil {
		return fmt.Errorf("prepare the People API: %w", err)
	}
	config := c.workSettings.config(nil)
	config.Subscription = devSubscription
	config.UserLabel = func(user string) string { return user } // made-up users
	config.Settled = show.settled
	config.Outcomes = worker.NewOutcomeTopic(world.client, devOutcomeTopic)
	if c.Outcomes {
		watching, unwatch := context.WithCancel(ctx)
		defer unwatch() // before the world closes
		if err := world.watchOutcomes(watching, show.outcome); err != nil {
			return err
		}
	}
	log := (&logSettings{LogFormat: "text", LogLevel: "warn"}).logger(t.err, devProject)
	w := worker.New(config,
		worker.NewSubscription(world.client, world.pulls, devSubscription, c.MaxMessages, int(c.MaxBytes)),
		worker.NewTopic(world.client, devDeadLetterTopic), contacts, log)
	return c.work(ctx, t, world, w, show, log)
}

// work runs the worker while the feed is published and shown, and then until ctx is done unless it is to be once.
func (c *devCommand) work(ctx context.Context, t terminal, world *world, w *worker.Worker, show *show, log *slog.Logger) error {
	working, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer stop()
	if c.HTTP != "" {
		health, err := listenHealth(c.HTTP, w, log)
		if err != nil {
			return err
		}
		defer health.close(ctx)
		running.Go(func() {
			if err := health.serve(); err != nil {
				log.ErrorContext(ctx, "health server ended", "err", err)
			}
		})
	}
	running.Go(func() {
		if err := w.Run(working); err != nil {
			log.ErrorContext(ctx, "worker ended", "err", err)
		}
	})

	feed, err := world.publishFeed(ctx)
	if ctx.Err() != nil { // Ctrl-C
		return c.interrupted()
	}
	if err != nil {
		return err
	}
	waiting, cancel := context.WithTimeout(ctx, devTimeout)
	defer cancel()
	unsettled := show.wait(waiting, feed)
	if ctx.Err() != nil {
		return c.interrupted()
	}
	world.settle(waiting)
	world.settleOutcomes(waiting, w)
	sums, err := world.sums(w.Tally(), feed, unsettled)
	if err != nil {
		return err
	}
	ok := show.sums(sums)
	switch {
	case c.Once && !ok:
		return errFailed
	case c.Once:
		return nil
	}
	show.invitation(world)
	<-ctx.Done()
	return nil
}

// interrupted is how an interruption before the end of the feed ends the command: --once wants its sums.
func (c *devCommand) interrupted() error {
	if c.Once {
		return errors.New("interrupted before the feed was done")
	}
	return nil
}

// environment is the variables with which a command in another terminal meets this world.
func (w *world) environment() []string {
	return []string{
		"export PUBSUB_EMULATOR_HOST=" + w.pubsubAddress,
		"export PEOPLE_EMULATOR_HOST=" + w.peopleAddress,
	}
}
