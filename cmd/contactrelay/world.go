package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/contactrelay/contactrelay/deadletter"
	"github.com/contactrelay/contactrelay/internal/people"
	"github.com/contactrelay/contactrelay/internal/peoplesim"
	"github.com/contactrelay/contactrelay/internal/pubsubsim"
	"github.com/contactrelay/contactrelay/worker"
)

// The names in the world of dev: the program's defaults in the project that an emulator implies.
const (
	devProject                = "demo"
	devTopic                  = "projects/demo/topics/contact-changes"
	devSubscription           = "projects/demo/subscriptions/contact-changes-worker"
	devDeadLetterTopic        = "projects/demo/topics/contact-changes-dead"
	devDeadLetterSubscription = "projects/demo/subscriptions/contact-changes-dead-operator"
)

// world is what dev runs in: both services, on loopback and in this process.
type world struct {
	broker        *pubsubsim.Broker
	people        *peoplesim.Sim
	client        *pubsub.Client
	pulls         *worker.Pulls
	pubsubAddress string
	peopleAddress string

	accounts *accounts      // nil with the credentials of emulators
	tokens   *people.Tokens // of their users

	pubsubServer *pubsubsim.Server
	peopleServer *http.Server
	serving      sync.WaitGroup
}

// newWorld starts both simulators, makes topics and subscriptions, and seeds contacts. With the credentials tokens,
// users have accounts too. close ends it.
func newWorld(ctx context.Context, credentials string) (w *world, err error) {
	w = &world{broker: pubsubsim.New(pubsubsim.Config{}), pulls: worker.NewPulls()}
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	config, err := w.signUp(credentials)
	if err != nil {
		return nil, err
	}
	w.people = peoplesim.New(config)
	if err := errors.Join(w.listen(), w.makeTopics(), w.seed()); err != nil {
		return nil, err
	}
	w.client, err = pubsub.NewClient(context.WithoutCancel(ctx), devProject, append(w.pulls.ClientOptions(),
		option.WithEndpoint(w.pubsubAddress), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))...)
	return w, err
}

// signUp makes the users' accounts, and tells what the People API must know of them.
func (w *world) signUp(credentials string) (config peoplesim.Config, err error) {
	if credentials != byTokens {
		return config, nil
	}
	if w.accounts, err = newAccounts(sampleUsers); err != nil {
		return config, err
	}
	config.Tokens = w.accounts.check
	w.tokens, err = w.accounts.tokens()
	return config, err
}

// listen starts the two servers.
func (w *world) listen() error {
	broker, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	w.pubsubAddress = broker.Addr().String()
	w.pubsubServer = pubsubsim.NewServer(w.broker)
	w.serving.Go(func() { _ = w.pubsubServer.Serve(broker) }) // ends when it is stopped
	people, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	w.peopleAddress = people.Addr().String()
	w.peopleServer = &http.Server{Handler: w.people}
	w.serving.Go(func() { _ = w.peopleServer.Serve(people) })
	return nil
}

func (w *world) close() {
	if w.client != nil {
		_ = w.client.Close()
	}
	if w.pubsubServer != nil {
		w.pubsubServer.Stop()
	}
	if w.peopleServer != nil {
		_ = w.peopleServer.Close()
	}
	w.serving.Wait()
	w.broker.Close()
	if w.tokens != nil {
		w.tokens.Close()
	}
	if w.accounts != nil {
		_ = w.accounts.close() // what is left of it in the folder of temporary files is worth nothing
	}
}

// peopleURL is the endpoint of the People API.
func (w *world) peopleURL() string { return "http://" + w.peopleAddress }

// makeTopics makes what run expects to exist.
func (w *world) makeTopics() error {
	return errors.Join(
		w.makeOutcomes(),
		w.broker.CreateTopic(devTopic, pubsubsim.TopicSettings{}),
		w.broker.CreateTopic(devDeadLetterTopic, pubsubsim.TopicSettings{}),
		w.broker.CreateSubscription(devSubscription, pubsubsim.SubscriptionSettings{
			Topic: devTopic, Ordering: true, AckDeadline: 60 * time.Second,
		}),
		w.broker.CreateSubscription(devDeadLetterSubscription, pubsubsim.SubscriptionSettings{Topic: devDeadLetterTopic}),
	)
}

// publishFeed publishes the sample through the real client and returns the IDs of its messages.
func (w *world) publishFeed(ctx context.Context) (ids []string, err error) {
	all, err := feed()
	if err != nil {
		return nil, err
	}
	publisher := w.client.Publisher(devTopic)
	publisher.EnableMessageOrdering = true
	defer publisher.Stop()
	var results []*pubsub.PublishResult
	for _, m := range all {
		results = append(results, publisher.Publish(ctx, &pubsub.Message{Data: m.Data, Attributes: m.Attributes, OrderingKey: m.OrderingKey}))
	}
	for _, r := range results {
		id, err := r.Get(ctx)
		if err != nil {
			return nil, fmt.Errorf("publish the sample feed: %w", err)
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// settle waits until the last acks have arrived: the client sends them every 100 ms.
func (w *world) settle(ctx context.Context) {
	for ctx.Err() == nil {
		if left, err := w.backlog(); err != nil || left == 0 {
			return
		}
		wait(ctx, 10*time.Millisecond)
	}
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// backlog is how many messages the worker's subscription still has.
func (w *world) backlog() (int, error) {
	waiting, err := w.broker.Backlog(devSubscription, 0)
	return len(waiting), err
}

// deadLetters is what is in the operator's subscription.
func (w *world) deadLetters() ([]*deadletter.Letter, error) {
	waiting, err := w.broker.Backlog(devDeadLetterSubscription, 0)
	if err != nil {
		return nil, err
	}
	var letters []*deadletter.Letter
	for _, m := range waiting {
		l, err := deadletter.Decode(deadletter.Message{Data: m.Data, Attributes: m.Attributes, OrderingKey: m.OrderingKey})
		if err != nil {
			return nil, fmt.Errorf("read a dead letter: %w", err)
		}
		letters = append(letters, l)
	}
	return letters, nil
}

// overlaps is how many users ever had two mutate requests in flight together.
func (w *world) overlaps() int { return len(w.people.Stats().Overlapped) }
