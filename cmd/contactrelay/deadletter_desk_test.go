package main

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/contactrelay/contactrelay/deadletter"
)

func TestAServiceThatFallsSilentIsNotAskedForMinutesToRemoveLetters(t *testing.T) {
	withoutEnvironment(t)
	t.Setenv("PUBSUB_EMULATOR_HOST", "127.0.0.1:1")
	client, _, err := connect(t.Context(), "demo", func(error) {}, option.WithGRPCDialOption(grpc.WithUnaryInterceptor(
		func(context.Context, string, any, any, *grpc.ClientConn, grpc.UnaryInvoker, ...grpc.CallOption) error {
			return status.Error(codes.Unavailable, "nobody is there")
		})))
	must(t, err)
	defer client.Close()
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
