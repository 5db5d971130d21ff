package main

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"golang.org/x/time/rate"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/contactrelay/contactrelay/deadletter"
)

// silentClient is a client of a service that answers nothing. It is made outside of any bubble.
func silentClient(t *testing.T) *pubsub.Client {
	t.Helper()
	withoutEnvironment(t)
	t.Setenv("PUBSUB_EMULATOR_HOST", "127.0.0.1:1")
	client, _, err := connect(t.Context(), "demo", func(error) {}, option.WithGRPCDialOption(grpc.WithUnaryInterceptor(
		func(context.Context, string, any, any, *grpc.ClientConn, grpc.UnaryInvoker, ...grpc.CallOption) error {
			return status.Error(codes.Unavailable, "nobody is there")
		})))
	must(t, err)
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func TestAServiceThatFallsSilentIsNotAskedForMinutesToRemoveLetters(t *testing.T) {
	client := silentClient(t)
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(client.SubscriptionAdminClient, "projects/demo/subscriptions/dead")
		d.keep(taken{deadletter.Delivery{ID: "1"}, "handle"})
		begin := time.Now()
		err := d.remove(t.Context(), []string{"1"})
		if took := time.Since(begin); err == nil || took > removeTimeout {
			t.Errorf("after %v: %v", took, err)
		}
	})
}

func TestAServiceThatFallsSilentEndsTheReplayOfAllUsers(t *testing.T) {
	client := silentClient(t)
	synctest.Test(t, func(t *testing.T) {
		p := &performance{bench: &bench{client: client}, topic: "projects/demo/topics/changes", limiter: rate.NewLimiter(rate.Inf, widest)}
		var tasks []*task
		for n := range 10 {
			e := &deadletter.Entry{Letter: aLetter(n, deadletter.Rejected, fmt.Sprintf("user-%d@example.com", n))}
			tasks = append(tasks, &task{entry: e, replay: e})
		}
		begin := time.Now()
		p.step(t.Context(), tasks)
		if took := time.Since(begin); p.done.err == nil || took > publishTimeout {
			t.Errorf("after %v: %v", took, p.done.err)
		}
	})
}
