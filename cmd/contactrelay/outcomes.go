package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"cloud.google.com/go/pubsub/v2"

	"github.com/contactrelay/contactrelay/internal/pubsubsim"
	"github.com/contactrelay/contactrelay/messages"
	"github.com/contactrelay/contactrelay/worker"
)

// outcomeSettings say where the outcomes of changes go.
type outcomeSettings struct {
	OutcomeTopic string `help:"Topic that outcomes go to, such as contact-changes-outcomes. Default: none." placeholder:"ID"`
}

func (o *outcomeSettings) check(f *settingFaults) {
	if o.OutcomeTopic != "" {
		checkName(f, "outcome-topic", "topics", o.OutcomeTopic)
	}
}

// announce makes a worker tell the topic how messages were settled, if there is one.
func (o *outcomeSettings) announce(config *worker.Config, client *pubsub.Client, p *project) {
	if o.OutcomeTopic != "" {
		config.Outcomes = worker.NewOutcomeTopic(client, p.fullName("topics", o.OutcomeTopic))
	}
}

// The names of dev's outcomes. What --outcomes shows has a subscription of its own, so that it takes nothing away from a
// program that reads the other one.
const (
	devOutcomeTopic        = "projects/demo/topics/contact-changes-outcomes"
	devOutcomeSubscription = "projects/demo/subscriptions/contact-changes-outcomes-producer"
	devOutcomesShown       = "projects/demo/subscriptions/contact-changes-outcomes-shown"
)

// makeOutcomes makes the outcome topic and the subscription of whoever wants to know.
func (w *world) makeOutcomes() error {
	return errors.Join(
		w.broker.CreateTopic(devOutcomeTopic, pubsubsim.TopicSettings{}),
		w.broker.CreateSubscription(devOutcomeSubscription, pubsubsim.SubscriptionSettings{Topic: devOutcomeTopic, Ordering: true}),
	)
}

// watchOutcomes hands over every outcome from now on, until ctx is done. It blocks only while it begins; the wait of the
// world's close includes it.
func (w *world) watchOutcomes(ctx context.Context, each func(*messages.Outcome)) error {
	settings := pubsubsim.SubscriptionSettings{Topic: devOutcomeTopic, Ordering: true}
	if err := w.broker.CreateSubscription(devOutcomesShown, settings); err != nil {
		return err
	}
	stream, err := w.broker.Subscribe(devOutcomesShown, pubsubsim.StreamConfig{})
	if err != nil {
		return err
	}
	w.serving.Go(func() {
		defer stream.Close()
		for {
			got, err := stream.Next(ctx)
			if err != nil {
				return // ctx is done, or the world ends
			}
			for _, d := range got {
				m := messages.Message{OrderingKey: d.Message.OrderingKey, Attributes: d.Message.Attributes, Data: d.Message.Data}
				if o, err := messages.DecodeOutcome(m); err == nil { // anybody may publish to the topic
					each(o)
				}
				_ = w.broker.Ack(devOutcomesShown, []string{d.AckID}) // else it comes again
			}
		}
	})
	return nil
}

// outcomes is how many outcomes there are and how many should be: one for each message that was settled.
func (w *world) outcomes(tally worker.Tally) (have, want int, err error) {
	for ending, n := range tally.Settled {
		if ending.Outcome != worker.Returned && ending.Outcome != worker.Duplicate {
			want += n
		}
	}
	waiting, err := w.broker.Backlog(devOutcomeSubscription, 0)
	return len(waiting), want, err
}

// settleOutcomes waits until the outcomes have arrived and, where they are shown, are shown.
func (w *world) settleOutcomes(ctx context.Context, of *worker.Worker) {
	for ctx.Err() == nil {
		have, want, err := w.outcomes(of.Tally())
		unseen, _ := w.broker.Backlog(devOutcomesShown, 1) // there may be no such subscription
		if err != nil || have >= want && len(unseen) == 0 {
			return
		}
		wait(ctx, 10*time.Millisecond)
	}
}

// outcome prints the line of an outcome: for one contact its etag, and whether the person is told with it.
func (s *show) outcome(o *messages.Outcome) {
	names := o.Names()
	contact, what := strconv.Itoa(len(names))+" contacts", o.Reason
	if len(names) < 2 {
		contact = strings.Join(names, "")
	}
	if len(names) == 1 && what == "" {
		c := o.Contacts[names[0]]
		what = fmt.Sprintf("%.13s", c.Etag)
		if c.Person != nil {
			what += " person"
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	result := s.paint(outcomeColours[worker.Outcome(o.Result)], fmt.Sprintf("%-15s", o.Result))
	fmt.Fprintf(s.out, "%s %s %-18s %-13s %s\n", s.paint(faint, "outcome"), result, orNone(o.User), orNone(contact), orNone(what))
}
