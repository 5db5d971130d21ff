package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"cloud.google.com/go/iam/apiv1/iampb"
	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/api/iterator"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const (
	// saneDeadline is the ack deadline that a subscription should have: what was fetched and not begun when a worker dies
	// comes again after it, and what is shorter runs out under load.
	saneDeadline = 60
	// saneBackoff is the least pause before what was returned comes again: without one, what waits is delivered and
	// returned without end.
	saneBackoff = 10 * time.Second
)

// lookAtPubSub looks at the subscription, the topics and what may be done with them.
func (c *checkCommand) lookAtPubSub(ctx context.Context, f *findings) error {
	client, link, err := connect(ctx, c.Project, func(error) {})
	if err != nil {
		return err
	}
	defer client.Close()
	c.lookAtSubscription(ctx, f, client, link, c.fullName("subscriptions", c.Subscription))
	c.lookAtDeadLetters(ctx, f, client, link, c.fullName("topics", c.DeadLetterTopic))
	if c.OutcomeTopic != "" {
		c.lookAtOutcomes(ctx, f, client, link, c.fullName("topics", c.OutcomeTopic))
	}
	return nil
}

// lookAtSubscription looks at the subscription that the changes come from.
func (c *checkCommand) lookAtSubscription(ctx context.Context, f *findings, client *pubsub.Client, link *link, name string) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	s, err := client.SubscriptionAdminClient.GetSubscription(ctx, &pubsubpb.GetSubscriptionRequest{Subscription: name})
	if err != nil {
		f.unreadable("subscription exists", name, link.explain(err),
			"gcloud pubsub subscriptions create "+name+" --topic=TOPIC --enable-message-ordering --ack-deadline=60 --min-retry-delay=10s --max-retry-delay=600s --expiration-period=never",
			"gcloud pubsub subscriptions add-iam-policy-binding "+name+" --member=MEMBER --role=roles/pubsub.viewer")
		f.skipped("subscription's settings and permissions", "the subscription cannot be read")
		return
	}
	f.good("subscription exists")
	f.require(s.GetEnableMessageOrdering(), "message ordering is on", "changes of a contact would overtake each other",
		"it cannot be switched on later: make another subscription with --enable-message-ordering")
	f.require(s.GetAckDeadlineSeconds() >= saneDeadline, "ack deadline", fmt.Sprintf("%d s is short: under load messages come twice", s.GetAckDeadlineSeconds()),
		fmt.Sprintf("gcloud pubsub subscriptions update %s --ack-deadline=%d", name, saneDeadline))
	least := s.GetRetryPolicy().GetMinimumBackoff().AsDuration()
	f.require(s.GetRetryPolicy() != nil && least >= saneBackoff, "retry policy", "what the worker returns comes again at once, and is returned again",
		"gcloud pubsub subscriptions update "+name+" --min-retry-delay=10s --max-retry-delay=600s")
	f.require(s.GetDeadLetterPolicy() == nil, "no dead-letter policy", "beside one, the service does not keep the order",
		"gcloud pubsub subscriptions update "+name+" --clear-dead-letter-policy")
	answer, err := client.SubscriptionAdminClient.TestIamPermissions(ctx, permissions(name, "pubsub.subscriptions.consume", "pubsub.subscriptions.get"))
	f.permitted("permissions on the subscription", answer, err, "pubsub.subscriptions.consume", "pubsub.subscriptions.get",
		"gcloud pubsub subscriptions add-iam-policy-binding "+name+" --member=MEMBER --role=roles/pubsub.subscriber\n"+
			"gcloud pubsub subscriptions add-iam-policy-binding "+name+" --member=MEMBER --role=roles/pubsub.viewer")
}

// lookAtDeadLetters looks at the topic for dead letters. Without a subscription, what is published there is lost.
func (c *checkCommand) lookAtDeadLetters(ctx context.Context, f *findings, client *pubsub.Client, link *link, name string) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	subscribe := "gcloud pubsub subscriptions create contact-changes-dead-operator --topic=" + name + " --message-retention-duration=31d --expiration-period=never"
	_, err := client.TopicAdminClient.ListTopicSubscriptions(ctx, &pubsubpb.ListTopicSubscriptionsRequest{Topic: name}).Next()
	switch {
	case errors.Is(err, iterator.Done):
		f.good("dead-letter topic exists")
		f.wrong("dead-letter topic has a subscription", "dead letters would be lost", subscribe)
	case status.Code(err) == codes.PermissionDenied:
		f.skipped("dead-letter topic has a subscription", "this account may not list its subscriptions (roles/pubsub.viewer)")
	case err != nil:
		f.unreadable("dead-letter topic exists", name, link.explain(err), "gcloud pubsub topics create "+name+"\n"+subscribe, "")
		f.skipped("dead-letter topic's subscription and permissions", "the topic cannot be read")
		return
	default:
		f.good("dead-letter topic exists")
		f.good("dead-letter topic has a subscription")
	}
	f.publishable(ctx, "permissions on the dead-letter topic", client, name)
}

// lookAtOutcomes looks at the topic for outcomes. Without a subscription they are for nobody, which is no fault: whoever
// reads them may come later.
func (c *checkCommand) lookAtOutcomes(ctx context.Context, f *findings, client *pubsub.Client, link *link, name string) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	_, err := client.TopicAdminClient.GetTopic(ctx, &pubsubpb.GetTopicRequest{Topic: name})
	switch {
	case status.Code(err) == codes.PermissionDenied:
		f.skipped("outcome topic exists", "this account may not read it (roles/pubsub.viewer), and need not")
	case err != nil:
		f.unreadable("outcome topic exists", name, link.explain(err), "gcloud pubsub topics create "+name, "")
		f.skipped("permissions on the outcome topic", "the topic cannot be read")
		return
	default:
		f.good("outcome topic exists")
	}
	f.publishable(ctx, "permissions on the outcome topic", client, name)
}

// publishable notes whether this account may publish to a topic.
func (f *findings) publishable(ctx context.Context, check string, client *pubsub.Client, topic string) {
	answer, err := client.TopicAdminClient.TestIamPermissions(ctx, permissions(topic, "pubsub.topics.publish"))
	f.permitted(check, answer, err, "pubsub.topics.publish", "",
		"gcloud pubsub topics add-iam-policy-binding "+topic+" --member=MEMBER --role=roles/pubsub.publisher")
}

// unreadable notes that something could not be read, and what mends it: what makes it if it is not there.
func (f *findings) unreadable(check, name string, err error, create, allow string) {
	switch status.Code(err) {
	case codes.NotFound:
		f.wrong(check, name+" does not exist", create)
	case codes.PermissionDenied:
		f.wrong(check, "this account may not read "+name, allow)
	default:
		f.wrong(check, err.Error(), "")
	}
}

func permissions(resource string, names ...string) *iampb.TestIamPermissionsRequest {
	return &iampb.TestIamPermissionsRequest{Resource: resource, Permissions: names}
}

// permitted notes whether an answer has one permission and another, which may be empty.
func (f *findings) permitted(check string, answer *iampb.TestIamPermissionsResponse, err error, one, other, mend string) {
	if err != nil {
		f.wrong(check, err.Error(), "")
		return
	}
	var missing []string
	for _, p := range []string{one, other} {
		if p != "" && !slices.Contains(answer.GetPermissions(), p) {
			missing = append(missing, p)
		}
	}
	f.require(len(missing) == 0, check, "this account lacks "+strings.Join(missing, ", "), mend)
}
