package pubsubsim

import (
	"slices"
	"testing"
	"time"

	"cloud.google.com/go/iam/apiv1/iampb"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/api/iterator"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

func TestTopicsOverGRPC(t *testing.T) {
	o := newOffice(t, Config{}, ordered())
	ctx, topics := t.Context(), o.client.TopicAdminClient
	const name = "projects/demo/topics/another"
	_, err := topics.CreateTopic(ctx, &pubsubpb.Topic{Name: name, Labels: map[string]string{"a": "b"}})
	o.must(err)
	_, err = topics.CreateTopic(ctx, &pubsubpb.Topic{Name: name})
	wantCode(t, err, codes.AlreadyExists)
	_, err = topics.CreateTopic(ctx, &pubsubpb.Topic{Name: name, SchemaSettings: &pubsubpb.SchemaSettings{}})
	wantCode(t, err, codes.Unimplemented)
	got, err := topics.UpdateTopic(ctx, &pubsubpb.UpdateTopicRequest{
		Topic:      &pubsubpb.Topic{Name: name, MessageRetentionDuration: durationpb.New(time.Hour)},
		UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"message_retention_duration"}},
	})
	if err != nil || got.GetMessageRetentionDuration().AsDuration() != time.Hour || got.GetLabels()["a"] != "b" {
		t.Fatalf("updated topic: %v, %v", got, err)
	}
	_, err = topics.UpdateTopic(ctx, &pubsubpb.UpdateTopicRequest{
		Topic: &pubsubpb.Topic{Name: name}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"name"}},
	})
	wantCode(t, err, codes.InvalidArgument)
	var names []string
	all := topics.ListTopics(ctx, &pubsubpb.ListTopicsRequest{Project: "projects/demo", PageSize: 2})
	for topic, err := all.Next(); err != iterator.Done; topic, err = all.Next() {
		o.must(err)
		names = append(names, topic.GetName())
	}
	if want := []string{name, changes, letters}; !slices.Equal(names, want) {
		t.Fatalf("topics %v, want %v", names, want)
	}
	subscription, err := topics.ListTopicSubscriptions(ctx, &pubsubpb.ListTopicSubscriptionsRequest{Topic: changes}).Next()
	if err != nil || subscription != worker {
		t.Fatalf("subscription %q, %v", subscription, err)
	}
	o.must(topics.DeleteTopic(ctx, &pubsubpb.DeleteTopicRequest{Topic: name}))
	_, err = topics.GetTopic(ctx, &pubsubpb.GetTopicRequest{Topic: name})
	wantCode(t, err, codes.NotFound)
}

func TestSubscriptionsOverGRPC(t *testing.T) {
	o := newOffice(t, Config{}, ordered())
	ctx, subscriptions := t.Context(), o.client.SubscriptionAdminClient
	want := &pubsubpb.Subscription{
		Name: clerk, Topic: changes, EnableMessageOrdering: true, AckDeadlineSeconds: 20,
		RetryPolicy:      &pubsubpb.RetryPolicy{MinimumBackoff: durationpb.New(time.Second)},
		DeadLetterPolicy: &pubsubpb.DeadLetterPolicy{DeadLetterTopic: letters},
		ExpirationPolicy: &pubsubpb.ExpirationPolicy{},
	}
	got, err := subscriptions.CreateSubscription(ctx, want)
	if err != nil || !got.GetEnableMessageOrdering() || got.GetAckDeadlineSeconds() != 20 ||
		got.GetRetryPolicy().GetMaximumBackoff().AsDuration() != 600*time.Second ||
		got.GetDeadLetterPolicy().GetMaxDeliveryAttempts() != 5 || got.GetExpirationPolicy().GetTtl() != nil {
		t.Fatalf("created %v, %v", got, err)
	}
	for _, refused := range []*pubsubpb.Subscription{
		{Filter: "attributes:a"},
		{EnableExactlyOnceDelivery: true},
		{RetainAckedMessages: true},
		{PushConfig: &pubsubpb.PushConfig{PushEndpoint: "https://example.com"}},
		{BigqueryConfig: &pubsubpb.BigQueryConfig{Table: "x"}},
	} {
		refused.Name, refused.Topic = "projects/demo/subscriptions/refused", changes
		_, err := subscriptions.CreateSubscription(ctx, refused)
		wantCode(t, err, codes.Unimplemented)
	}
	got, err = subscriptions.UpdateSubscription(ctx, &pubsubpb.UpdateSubscriptionRequest{
		Subscription: &pubsubpb.Subscription{Name: clerk, AckDeadlineSeconds: 30},
		UpdateMask:   &fieldmaskpb.FieldMask{Paths: []string{"ack_deadline_seconds", "dead_letter_policy"}},
	})
	if err != nil || got.GetAckDeadlineSeconds() != 30 || got.GetDeadLetterPolicy() != nil || got.GetRetryPolicy() == nil {
		t.Fatalf("updated %v, %v", got, err)
	}
	_, err = subscriptions.UpdateSubscription(ctx, &pubsubpb.UpdateSubscriptionRequest{
		Subscription: &pubsubpb.Subscription{Name: clerk},
		UpdateMask:   &fieldmaskpb.FieldMask{Paths: []string{"enable_message_ordering"}},
	})
	wantCode(t, err, codes.InvalidArgument)
	first, err := subscriptions.ListSubscriptions(ctx, &pubsubpb.ListSubscriptionsRequest{Project: "projects/demo"}).Next()
	if err != nil || first.GetName() != clerk {
		t.Fatalf("listed %v, %v", first, err)
	}
	permissions := []string{"pubsub.subscriptions.consume", "pubsub.subscriptions.get"}
	o.must(o.SetFaults(Faults{Receive: PermissionDenied}))
	allowed, err := subscriptions.TestIamPermissions(ctx, &iampb.TestIamPermissionsRequest{Resource: clerk, Permissions: permissions})
	if err != nil || !slices.Equal(allowed.GetPermissions(), permissions[1:]) {
		t.Fatalf("allowed %v, %v", allowed, err)
	}
	o.must(subscriptions.DeleteSubscription(ctx, &pubsubpb.DeleteSubscriptionRequest{Subscription: clerk}))
	_, err = subscriptions.GetSubscription(ctx, &pubsubpb.GetSubscriptionRequest{Subscription: clerk})
	wantCode(t, err, codes.NotFound)
}

func TestOperatorsPullOverGRPC(t *testing.T) {
	o := newOffice(t, Config{}, SubscriptionSettings{})
	ctx, subscriptions := t.Context(), o.client.SubscriptionAdminClient
	o.publish("user-1", "1 2 3")
	got, err := subscriptions.Pull(ctx, &pubsubpb.PullRequest{Subscription: worker, MaxMessages: 10})
	if err != nil || len(got.GetReceivedMessages()) != 3 {
		t.Fatalf("pulled %v, %v", got, err)
	}
	id := []string{got.GetReceivedMessages()[1].GetAckId()}
	o.must(subscriptions.Acknowledge(ctx, &pubsubpb.AcknowledgeRequest{Subscription: worker, AckIds: id}))
	huge := slices.Repeat(id, maxAckRequest/len(id[0])+1)
	err = subscriptions.Acknowledge(ctx, &pubsubpb.AcknowledgeRequest{Subscription: worker, AckIds: huge})
	wantCode(t, err, codes.InvalidArgument)
	_, err = subscriptions.Seek(ctx, &pubsubpb.SeekRequest{Subscription: worker, Target: &pubsubpb.SeekRequest_Snapshot{}})
	wantCode(t, err, codes.Unimplemented)
	_, err = subscriptions.Seek(ctx, &pubsubpb.SeekRequest{
		Subscription: worker, Target: &pubsubpb.SeekRequest_Time{Time: timestamppb.New(time.Now().Add(time.Minute))},
	})
	o.must(err)
	if s := o.stats(); s.Acks != 1 || s.Purged != 2 || s.Backlog != 0 {
		t.Fatalf("%+v", s)
	}
}
