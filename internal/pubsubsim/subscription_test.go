package pubsubsim

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
)

func TestResourceNames(t *testing.T) {
	tests := []struct {
		name string
		want codes.Code
	}{
		{"projects/demo/topics/abc", codes.OK},
		{"projects/demo/topics/A-b_c.d~e+f%9", codes.OK},
		{"projects/demo/topics/" + strings.Repeat("x", 255), codes.OK},
		{"projects/demo/topics/" + strings.Repeat("x", 256), codes.InvalidArgument},
		{"projects/demo/topics/ab", codes.InvalidArgument},
		{"projects/demo/topics/9ab", codes.InvalidArgument},
		{"projects/demo/topics/a b", codes.InvalidArgument},
		{"projects/demo/topics/googly", codes.InvalidArgument},
		{"projects/demo/topics/abc/d", codes.InvalidArgument},
		{"projects//topics/abc", codes.InvalidArgument},
		{"projects/demo/subscriptions/abc", codes.InvalidArgument},
		{"abc", codes.InvalidArgument},
		{"", codes.InvalidArgument},
	}
	for _, test := range tests {
		d := newDesk(t, Config{}, ordered())
		if err := d.CreateTopic(test.name, TopicSettings{}); test.want != codes.OK || err != nil {
			wantCode(t, err, test.want)
		}
		asSubscription := strings.Replace(test.name, "/topics/", "/subscriptions/", 1)
		if asSubscription == test.name {
			continue
		}
		wantCode(t, d.CreateSubscription(asSubscription, SubscriptionSettings{Topic: changes}), test.want)
	}
}

func TestResourcesThatExistOrDoNot(t *testing.T) {
	d := newDesk(t, Config{}, ordered())
	missing := "projects/demo/topics/missing"
	nobody := "projects/demo/subscriptions/nobody"
	_, noTopic := d.Topic(missing)
	_, noSubscription := d.Subscription(nobody)
	_, noStream := d.Subscribe(nobody, StreamConfig{})
	_, noPull := d.Pull(t.Context(), nobody, 1)
	_, noPublish := d.Publish(missing, []Message{{Data: []byte("1")}})
	for what, test := range map[string]struct {
		err  error
		want codes.Code
	}{
		"create a topic again":               {d.CreateTopic(changes, TopicSettings{}), codes.AlreadyExists},
		"create a subscription again":        {d.CreateSubscription(worker, SubscriptionSettings{Topic: changes}), codes.AlreadyExists},
		"create a subscription to nothing":   {d.CreateSubscription(clerk, SubscriptionSettings{Topic: missing}), codes.NotFound},
		"get a missing topic":                {noTopic, codes.NotFound},
		"get a missing subscription":         {noSubscription, codes.NotFound},
		"delete a missing topic":             {d.DeleteTopic(missing), codes.NotFound},
		"delete a missing subscription":      {d.DeleteSubscription(nobody), codes.NotFound},
		"receive from a missing one":         {noStream, codes.NotFound},
		"pull from a missing one":            {noPull, codes.NotFound},
		"publish to a missing one":           {noPublish, codes.NotFound},
		"forward to a missing topic":         {d.UpdateSubscription(worker, deadLetter(missing, 5)), codes.NotFound},
		"forward to what is no topic's name": {d.UpdateSubscription(worker, deadLetter("letters", 5)), codes.InvalidArgument},
	} {
		t.Run(what, func(t *testing.T) { wantCode(t, test.err, test.want) })
	}
}

func deadLetter(topic string, attempts int) SubscriptionSettings {
	return SubscriptionSettings{
		Topic: changes, Ordering: true, DeadLetter: &DeadLetterPolicy{Topic: topic, Attempts: attempts},
	}
}

func TestSubscriptionSettings(t *testing.T) {
	tests := []struct {
		name string
		make func(*SubscriptionSettings)
		want codes.Code
	}{
		{"defaults", func(*SubscriptionSettings) {}, codes.OK},
		{"ack deadline 600 s", func(s *SubscriptionSettings) { s.AckDeadline = 600 * time.Second }, codes.OK},
		{"ack deadline 601 s", func(s *SubscriptionSettings) { s.AckDeadline = 601 * time.Second }, codes.InvalidArgument},
		{"ack deadline 9 s", func(s *SubscriptionSettings) { s.AckDeadline = 9 * time.Second }, codes.InvalidArgument},
		{"retention 9 min", func(s *SubscriptionSettings) { s.Retention = 9 * time.Minute }, codes.InvalidArgument},
		{"retention 32 days", func(s *SubscriptionSettings) { s.Retention = 32 * 24 * time.Hour }, codes.InvalidArgument},
		{"never expires", func(s *SubscriptionSettings) { s.Expiration = NeverExpires }, codes.OK},
		{"expires in an hour", func(s *SubscriptionSettings) { s.Expiration = time.Hour }, codes.InvalidArgument},
		{"backoff 0 to 600 s", func(s *SubscriptionSettings) { s.Retry = &RetryPolicy{0, 600 * time.Second} }, codes.OK},
		{"backoff over 600 s", func(s *SubscriptionSettings) { s.Retry = &RetryPolicy{0, 601 * time.Second} }, codes.InvalidArgument},
		{"backoff 2 s to 1 s", func(s *SubscriptionSettings) { s.Retry = &RetryPolicy{2e9, 1e9} }, codes.InvalidArgument},
		{"5 attempts", func(s *SubscriptionSettings) { s.DeadLetter = &DeadLetterPolicy{letters, 5} }, codes.OK},
		{"4 attempts", func(s *SubscriptionSettings) { s.DeadLetter = &DeadLetterPolicy{letters, 4} }, codes.InvalidArgument},
		{"101 attempts", func(s *SubscriptionSettings) { s.DeadLetter = &DeadLetterPolicy{letters, 101} }, codes.InvalidArgument},
		{"another topic", func(s *SubscriptionSettings) { s.Topic = letters }, codes.InvalidArgument},
		{"ordering off", func(s *SubscriptionSettings) { s.Ordering = false }, codes.InvalidArgument},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := newDesk(t, Config{}, ordered())
			settings := SubscriptionSettings{Topic: changes, Ordering: true}
			test.make(&settings)
			wantCode(t, d.UpdateSubscription(worker, settings), test.want)
		})
	}
	d := newDesk(t, Config{}, ordered())
	got, err := d.Subscription(worker)
	d.must(err)
	if got.AckDeadline != 10*time.Second || got.Retention != 7*24*time.Hour || got.Expiration != 31*24*time.Hour {
		t.Fatalf("defaults: %+v", got)
	}
}

func TestDeletingASubscriptionEndsItsStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, Config{}, deadLetter(letters, minAttempts))
		d.publish("user-1", "1 2")
		st := d.stream(StreamConfig{MaxMessages: 1})
		for range minAttempts - 1 {
			d.nack(d.now(st))
			time.Sleep(defaultRedeliveryDelay)
		}
		d.now(st)
		d.must(d.DeleteSubscription(worker))
		_, err := st.Next(t.Context())
		wantCode(t, err, codes.NotFound)
		d.publish("user-1", "3")
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := d.Stats().Topics[letters].Published; got != 0 {
			t.Fatalf("%d messages of a deleted subscription were dead-lettered", got)
		}
		if names, err := d.TopicSubscriptions(changes); err != nil || len(names) != 0 {
			t.Fatalf("the topic still has %v, %v", names, err)
		}

		d.must(d.CreateSubscription(worker, SubscriptionSettings{Topic: changes}))
		d.publish("user-1", "4")
		d.expect(d.now(d.stream(StreamConfig{})), "4")
	})
}

func TestPullIsAStreamOfOneAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, Config{}, ordered())
		_, err := d.Pull(t.Context(), worker, 0)
		wantCode(t, err, codes.InvalidArgument)
		start := time.Now()
		got, err := d.Pull(t.Context(), worker, 5)
		if err != nil || len(got) > 0 || time.Since(start) != pullWait {
			t.Fatalf("pulled %q, %v after %v", pile(got).bodies(), err, time.Since(start))
		}
		d.publish("user-1", "1 2 3")
		got, err = d.Pull(t.Context(), worker, 2)
		d.must(err)
		d.expect(got, "1 2")
		d.publish("user-2", "a")
		other, err := d.Pull(t.Context(), worker, 5)
		d.must(err)
		d.expect(other, "a") // 3 has to wait for 1 and 2
		d.ack(got)
		got, err = d.Pull(t.Context(), worker, 5)
		d.must(err)
		d.expect(got, "3")
		if s := d.stats(); s.Streams != 0 {
			t.Fatalf("streams of pulls are left: %+v", s)
		}
	})
}

func TestAPullThatIsCancelledTakesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, Config{}, ordered())
		d.publish("user-1", "1")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if got, err := d.Pull(ctx, worker, 5); len(got) > 0 || !errors.Is(err, context.Canceled) {
			t.Fatalf("pulled %q, %v", pile(got).bodies(), err)
		}
		got, err := d.Pull(t.Context(), worker, 5)
		d.must(err)
		d.expect(got, "1")
	})
}
