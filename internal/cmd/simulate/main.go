// Command simulate runs one of the two simulators as a process of its own, for tests and benchmarks that need the
// worker and the services apart.
//
//	simulate pubsub --listen 127.0.0.1:8085 --admin 127.0.0.1:8086 --project demo
//	simulate people --listen 127.0.0.1:8087 --admin 127.0.0.1:8088
//
// When it serves, it prints one line of JSON with the two addresses; port 0 takes a free one. The admin port has
// faults, seeding, audit and statistics over HTTP: see the package comments of pubsubsim and peoplesim. SIGINT or
// SIGTERM ends it with code 0; 1 says that it could not serve, 2 that it was asked wrongly.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
	"golang.org/x/sync/errgroup"

	"github.com/contactrelay/contactrelay/internal/peoplesim"
	"github.com/contactrelay/contactrelay/internal/pubsubsim"
)

// commandLine is what can be simulated.
type commandLine struct {
	Pubsub pubsubCommand `cmd:"" help:"Simulate Google Cloud Pub/Sub over gRPC."`
	People peopleCommand `cmd:"" help:"Simulate the Google People API over HTTP."`
}

// addresses are where a simulator listens.
type addresses struct {
	Listen string `help:"Address of the simulated service." default:"127.0.0.1:0"`
	Admin  string `help:"Address of the admin port." default:"127.0.0.1:0"`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal kills
	os.Exit(execute(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// execute runs the simulator that args ask for and returns the exit code.
func execute(ctx context.Context, args []string, out, complaints io.Writer) int {
	helped := false
	parser, err := kong.New(&commandLine{},
		kong.Name("simulate"),
		kong.Description("Runs a simulator of Pub/Sub or the People API."),
		kong.Writers(out, complaints),
		kong.Exit(func(int) { helped = true }),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.BindTo(out, (*io.Writer)(nil)),
	)
	if err != nil {
		panic(err) // the tags of a command's struct are wrong
	}
	parsed, err := parser.Parse(args)
	if helped {
		return 0
	}
	if err != nil {
		fmt.Fprintf(complaints, "simulate: %v; --help shows what there is\n", err)
		return 2
	}
	if err := parsed.Run(); err != nil {
		fmt.Fprintf(complaints, "simulate: %v\n", err)
		return 1
	}
	return 0
}

// pubsubCommand simulates Pub/Sub.
type pubsubCommand struct {
	addresses
	OutstandingPerKey int           `help:"Unacknowledged messages of one ordering key at once; 0: no limit." default:"0"`
	RedeliveryDelay   time.Duration `help:"From a failure to the redelivery, without a retry policy." default:"100ms"`
	Seed              uint64        `help:"Seed of the faults." default:"1"`
	Project           string        `help:"Project in which to make contactrelay's topics and subscriptions, by their default names." placeholder:"ID"`
}

// Run serves until ctx is done.
func (c *pubsubCommand) Run(ctx context.Context, out io.Writer) error {
	broker := pubsubsim.New(pubsubsim.Config{OutstandingPerKey: c.OutstandingPerKey, RedeliveryDelay: c.RedeliveryDelay, Seed: c.Seed})
	defer broker.Close()
	if c.Project != "" {
		if err := furnish(broker, "projects/"+c.Project); err != nil {
			return err
		}
	}
	server := pubsubsim.NewServer(broker)
	return c.serve(ctx, out, simulator{broker.Admin(), server.Serve, server.Stop})
}

// furnish makes what contactrelay's defaults name: the topics of changes and of dead letters, and a subscription to each.
func furnish(broker *pubsubsim.Broker, project string) error {
	changes, dead := project+"/topics/contact-changes", project+"/topics/contact-changes-dead"
	return errors.Join(
		broker.CreateTopic(changes, pubsubsim.TopicSettings{}),
		broker.CreateTopic(dead, pubsubsim.TopicSettings{}),
		broker.CreateSubscription(project+"/subscriptions/contact-changes-worker",
			pubsubsim.SubscriptionSettings{Topic: changes, Ordering: true, AckDeadline: time.Minute}),
		broker.CreateSubscription(project+"/subscriptions/contact-changes-dead-operator",
			pubsubsim.SubscriptionSettings{Topic: dead, AckDeadline: time.Minute}),
	)
}

// peopleCommand simulates the People API.
type peopleCommand struct {
	addresses
	AuditLimit  int  `help:"Writes that the audit keeps; 0: all." default:"0"`
	AuditValues bool `help:"Keep the written values in the audit."`
}

// Run serves until ctx is done.
func (c *peopleCommand) Run(ctx context.Context, out io.Writer) error {
	sim := peoplesim.New(peoplesim.Config{AuditLimit: c.AuditLimit, AuditValues: c.AuditValues})
	server := &http.Server{Handler: sim}
	return c.serve(ctx, out, simulator{sim.Admin(), server.Serve, func() { _ = server.Close() }})
}

// Validate refuses numbers that mean nothing.
func (c *pubsubCommand) Validate() error {
	if c.OutstandingPerKey < 0 || c.RedeliveryDelay < 0 {
		return errors.New("--outstanding-per-key and --redelivery-delay must be 0 or more")
	}
	return c.addresses.Validate()
}

// Validate refuses what is no address.
func (a *addresses) Validate() error {
	for _, address := range []string{a.Listen, a.Admin} {
		_, port, err := net.SplitHostPort(address)
		if err != nil {
			return err
		}
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return fmt.Errorf("address %s: the port is not a number up to 65535", address)
		}
	}
	return nil
}

// simulator is a simulated service and its admin port. stop ends serve.
type simulator struct {
	admin http.Handler
	serve func(net.Listener) error
	stop  func()
}

// serve runs a simulator and its admin port until ctx is done, and prints on out where.
func (a *addresses) serve(ctx context.Context, out io.Writer, s simulator) error {
	service, err := net.Listen("tcp", a.Listen)
	if err != nil {
		return fmt.Errorf("listen for the service: %w", err)
	}
	adminListener, err := net.Listen("tcp", a.Admin)
	if err != nil {
		return errors.Join(fmt.Errorf("listen for the admin port: %w", err), service.Close())
	}
	adminServer := &http.Server{Handler: s.admin}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return ended(s.serve(service)) })
	group.Go(func() error { return ended(adminServer.Serve(adminListener)) })
	group.Go(func() error {
		<-ctx.Done()
		s.stop()
		return adminServer.Close()
	})
	err = json.NewEncoder(out).Encode(map[string]string{
		"listen": service.Addr().String(), "admin": adminListener.Addr().String(),
	})
	return errors.Join(err, group.Wait())
}

// ended is nil for the errors of a server that was stopped.
func ended(err error) error {
	if errors.Is(err, http.ErrServerClosed) || errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}
