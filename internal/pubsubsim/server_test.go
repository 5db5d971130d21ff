package pubsubsim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/iam/apiv1/iampb"
	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/api/iterator"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// office is a desk with a server and the real client.
type office struct {
	desk
	server  *Server
	address string
	client  *pubsub.Client
}

func newOffice(t *testing.T, config Config, settings SubscriptionSettings) *office {
	t.Helper()
	o := &office{desk: newDesk(t, config, settings)}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	o.must(err)
	o.serve(l)
	o.address = l.Addr().String()
	t.Setenv("PUBSUB_EMULATOR_HOST", o.address)
	o.client, err = pubsub.NewClient(t.Context(), "demo")
	o.must(err)
	t.Cleanup(func() {
		o.client.Close()
		o.server.Stop()
	})
	return o
}

func (o *office) serve(l net.Listener) {
	o.server = NewServer(o.Broker)
	served := make(chan error, 1)
	server := o.server
	go func() { served <- server.Serve(l) }()
	o.t.Cleanup(func() {
		server.Stop()
		if err := <-served; err != nil {
			o.t.Errorf("Serve: %v", err)
		}
	})
}

// receive runs f for each message until done reports that it was enough.
func (o *office) receive(settings func(*pubsub.ReceiveSettings), f func(*pubsub.Message) (done bool)) error {
	o.t.Helper()
	s := o.client.Subscriber(worker)
	settings(&s.ReceiveSettings)
	ctx, cancel := context.WithTimeout(o.t.Context(), 20*time.Second)
	defer cancel()
	err := s.Receive(ctx, func(_ context.Context, m *pubsub.Message) {
		if f(m) {
			cancel()
		}
	})
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		o.t.Fatalf("not done after 20 s: %+v", o.stats())
	}
	return err
}

func defaults(*pubsub.ReceiveSettings) {}

func TestTheClientReceivesWhatItPublishedInOrder(t *testing.T) {
	o := newOffice(t, Config{OutstandingPerKey: 10}, ordered())
	const keys, each = 20, 50
	publisher := o.client.Publisher(changes)
	publisher.EnableMessageOrdering = true
	var results []*pubsub.PublishResult
	for i := range keys * each {
		results = append(results, publisher.Publish(t.Context(), &pubsub.Message{
			OrderingKey: fmt.Sprint("user-", i%keys),
			Data:        fmt.Append(nil, i/keys),
			Attributes:  map[string]string{"googclient_x": "y"},
		}))
	}
	for _, r := range results {
		_, err := r.Get(t.Context())
		o.must(err)
	}
	publisher.Stop()

	var mu sync.Mutex
	next := make(map[string]int)
	total := 0
	streams := func(s *pubsub.ReceiveSettings) { s.NumGoroutines = 4 }
	o.must(o.receive(streams, func(m *pubsub.Message) bool {
		mu.Lock()
		defer mu.Unlock()
		if want := fmt.Sprint(next[m.OrderingKey]); string(m.Data) != want || m.Attributes["googclient_x"] != "y" {
			t.Errorf("key %s: got %s, want %s", m.OrderingKey, m.Data, want)
		}
		next[m.OrderingKey]++
		total++
		m.Ack()
		return total == keys*each
	}))
	if s := o.stats(); s.Backlog != 0 || s.Acks != keys*each || s.Redeliveries != 0 {
		t.Fatalf("%+v", s)
	}
}

func TestTheClientSeesTheFollowersOfANackAndThenAllAgain(t *testing.T) {
	o := newOffice(t, Config{}, ordered())
	o.publish("user-1", "1 2 3 4 5")
	var mu sync.Mutex
	var seen []string
	o.must(o.receive(defaults, func(m *pubsub.Message) bool {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, string(m.Data))
		if len(seen) == 2 {
			m.Nack()
		} else {
			m.Ack()
		}
		return len(seen) == 9
	}))
	if got, want := strings.Join(seen, " "), "1 2 3 4 5 2 3 4 5"; got != want {
		t.Fatalf("got %q, want %q", got, want)
	}
	if s := o.stats(); s.Backlog != 0 {
		t.Fatalf("%+v", s)
	}
}

func TestTheServerKeepsToTheClientsFlowControl(t *testing.T) {
	o := newOffice(t, Config{}, ordered())
	o.publishMany("user-1", 100)
	held := make(chan *pubsub.Message, 100)
	settings := func(s *pubsub.ReceiveSettings) { s.MaxOutstandingMessages = 7 }
	most, acked := 0, 0
	done := make(chan struct{})
	go func() {
		defer close(done)
		for m := range held {
			most = max(most, o.stats().Outstanding)
			m.Ack()
			if acked++; acked == 100 {
				return
			}
		}
	}()
	got := 0
	o.must(o.receive(settings, func(m *pubsub.Message) bool {
		held <- m // the callback returns and the message is still unacknowledged
		got++
		return got == 100
	}))
	<-done
	if most != 7 {
		t.Fatalf("up to %d messages were outstanding, want 7", most)
	}
}

func TestLargeMessagesPassBothWays(t *testing.T) {
	o := newOffice(t, Config{}, ordered())
	publisher := o.client.Publisher(changes)
	body := bytes.Repeat([]byte("0123456789"), 990_000)
	_, err := publisher.Publish(t.Context(), &pubsub.Message{Data: body}).Get(t.Context())
	o.must(err)
	o.must(o.receive(defaults, func(m *pubsub.Message) bool {
		if !bytes.Equal(m.Data, body) {
			t.Errorf("%d bytes came back", len(m.Data))
		}
		m.Ack()
		return true
	}))
}

func TestReceiveEndsWhenItIsForbidden(t *testing.T) {
	for fault, want := range map[ReceiveFault]codes.Code{
		PermissionDenied: codes.PermissionDenied,
		NotFound:         codes.NotFound,
	} {
		o := newOffice(t, Config{}, ordered())
		o.publish("user-1", "1")
		err := o.receive(defaults, func(m *pubsub.Message) bool {
			m.Ack()
			o.must(o.SetFaults(Faults{Receive: fault}))
			return false
		})
		wantCode(t, err, want)
	}
}

func TestTheClientComesBackAfterCutsAndARestart(t *testing.T) {
	o := newOffice(t, Config{OutstandingPerKey: 10}, ordered())
	o.must(o.SetFaults(Faults{CutStreamEvery: Duration(300 * time.Millisecond), PublishUnconfirmed: 0.3}))
	publisher := o.client.Publisher(changes)
	publisher.EnableMessageOrdering = true
	for i := range 20 {
		publisher.Publish(t.Context(), &pubsub.Message{OrderingKey: "user-1", Data: fmt.Append(nil, i)})
	}
	publisher.Stop()
	published := int(o.stats().Published) // with what the client repeated because it was not confirmed
	if published < 20 {
		t.Fatalf("%d messages stored", published)
	}
	var seen []string
	restarted := false
	o.must(o.receive(defaults, func(m *pubsub.Message) bool {
		m.Ack()
		if !slices.Contains(seen, m.ID) {
			seen = append(seen, m.ID)
		}
		if len(seen) == published/2 && !restarted {
			restarted = true
			o.restart()
		}
		time.Sleep(20 * time.Millisecond)
		return len(seen) == published
	}))
}

func TestAGracefulStopEndsStreams(t *testing.T) {
	o := newOffice(t, Config{}, ordered())
	first := &pubsubpb.StreamingPullRequest{Subscription: worker, StreamAckDeadlineSeconds: 10}
	rpc := o.streamingPull(first, &pubsubpb.StreamingPullRequest{})
	_, err := rpc.Recv() // the answer to the second request: the stream is open
	o.must(err)
	o.server.draining.Store(true)
	_, err = o.streamingPull(first).Recv()
	wantCode(t, err, codes.Unavailable)
	o.server.GracefulStop()
	_, err = rpc.Recv()
	wantCode(t, err, codes.Unavailable)
}

// restart stops the server gracefully and starts another one at its address.
func (o *office) restart() {
	o.server.GracefulStop()
	l, err := net.Listen("tcp", o.address)
	o.must(err)
	o.serve(l)
}

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

// streamingPull opens a stream with the client's requests as they are.
func (o *office) streamingPull(requests ...*pubsubpb.StreamingPullRequest) pubsubpb.Subscriber_StreamingPullClient {
	o.t.Helper()
	ctx, cancel := context.WithCancel(o.t.Context())
	o.t.Cleanup(cancel)
	rpc, err := o.client.SubscriptionAdminClient.StreamingPull(ctx)
	o.must(err)
	for _, r := range requests {
		o.must(rpc.Send(r))
	}
	return rpc
}

func TestStreamingPullRequests(t *testing.T) {
	first := func() *pubsubpb.StreamingPullRequest {
		return &pubsubpb.StreamingPullRequest{Subscription: worker, StreamAckDeadlineSeconds: 10, MaxOutstandingMessages: 2}
	}
	with := func(change func(*pubsubpb.StreamingPullRequest)) *pubsubpb.StreamingPullRequest {
		r := first()
		change(r)
		return r
	}
	tests := []struct {
		name     string
		requests []*pubsubpb.StreamingPullRequest
		want     codes.Code
	}{
		{"no subscription", []*pubsubpb.StreamingPullRequest{{StreamAckDeadlineSeconds: 10}}, codes.InvalidArgument},
		{"no deadline", []*pubsubpb.StreamingPullRequest{{Subscription: worker}}, codes.InvalidArgument},
		{
			"a deadline of 9 s",
			[]*pubsubpb.StreamingPullRequest{{Subscription: worker, StreamAckDeadlineSeconds: 9}}, codes.InvalidArgument,
		},
		{
			"nobody's subscription",
			[]*pubsubpb.StreamingPullRequest{{Subscription: clerk, StreamAckDeadlineSeconds: 10}}, codes.NotFound,
		},
		{"the first request again", []*pubsubpb.StreamingPullRequest{first(), first()}, codes.InvalidArgument},
		{
			"no ack ID at all",
			[]*pubsubpb.StreamingPullRequest{with(func(r *pubsubpb.StreamingPullRequest) { r.AckIds = []string{"x"} })},
			codes.InvalidArgument,
		},
		{
			"more deadlines than ack IDs",
			[]*pubsubpb.StreamingPullRequest{first(), {ModifyDeadlineSeconds: []int32{10}}}, codes.InvalidArgument,
		},
		{"a later deadline of 601 s", []*pubsubpb.StreamingPullRequest{first(), {StreamAckDeadlineSeconds: 601}}, codes.InvalidArgument},
	}
	o := newOffice(t, Config{}, ordered())
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := o.streamingPull(test.requests...).Recv()
			wantCode(t, err, test.want)
		})
	}
}

func TestAStreamAnswersPingsTakesAcksAndEndsWithItsClient(t *testing.T) {
	o := newOffice(t, Config{}, ordered())
	rpc := o.streamingPull(
		&pubsubpb.StreamingPullRequest{Subscription: worker, StreamAckDeadlineSeconds: 10},
		&pubsubpb.StreamingPullRequest{})
	pong, err := rpc.Recv()
	if err != nil || len(pong.GetReceivedMessages()) != 0 || !pong.GetSubscriptionProperties().GetMessageOrderingEnabled() {
		t.Fatalf("answer to a ping: %v, %v", pong, err)
	}
	o.publish("user-1", "1 2")
	got, err := rpc.Recv()
	o.must(err)
	one, two := got.GetReceivedMessages()[0].GetAckId(), got.GetReceivedMessages()[1].GetAckId()
	o.must(rpc.Send(&pubsubpb.StreamingPullRequest{
		AckIds: []string{one}, ModifyDeadlineAckIds: []string{two}, ModifyDeadlineSeconds: []int32{0},
	}))
	_, err = rpc.Recv()
	o.must(err)
	got, err = rpc.Recv()
	if err != nil || string(got.GetReceivedMessages()[0].GetMessage().GetData()) != "2" {
		t.Fatalf("after a nack: %v, %v", got, err)
	}
	if s := o.stats(); s.Acks != 1 || s.Nacks != 1 || s.Streams != 1 {
		t.Fatalf("%+v", s)
	}
	o.must(rpc.CloseSend())
	if _, err := rpc.Recv(); err != io.EOF {
		t.Fatalf("after the client closed its side: %v", err)
	}
}
