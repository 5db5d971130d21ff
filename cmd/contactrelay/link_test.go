package main

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/contactrelay/contactrelay/worker"
)

// deadPort is an address at which nobody listens.
func deadPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	must(t, l.Close())
	return l.Addr().String()
}

// untilSaid runs a command until it says a text, interrupts it and returns the exit code and all it said.
func untilSaid(t *testing.T, text string, args ...string) (code int, said string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	errs := &lineWaiter{wanted: text, found: cancel}
	code = execute(ctx, args, terminal{in: strings.NewReader(goodLine("ann@example.com", 1)), out: &strings.Builder{}, err: errs})
	return code, errs.text.String()
}

func TestPublishSaysWhatCannotBeReachedAndWhere(t *testing.T) {
	address := deadPort(t)
	t.Setenv("PUBSUB_EMULATOR_HOST", address)
	code, said := untilSaid(t, "trying for 30s", "publish", "-")
	if code != 1 || !strings.Contains(said, "Pub/Sub at "+address+" is unavailable") || !strings.Contains(unwrapped(said), "connection refused") {
		t.Errorf("exit code %d, %s", code, said)
	}
}

func TestRunSaysWhatCannotBeReachedAndWhereAndTriesOn(t *testing.T) {
	emulators(t)
	address := deadPort(t)
	t.Setenv("PUBSUB_EMULATOR_HOST", address)
	code, said := untilSaid(t, "trying again", "run", "--http=")
	if code != 0 || !strings.Contains(said, "Pub/Sub at "+address+" is unavailable") || !strings.Contains(said, "connection refused") {
		t.Errorf("exit code %d, %s", code, said)
	}
}

func TestASubscriptionThatCannotBeReachedSaysWhere(t *testing.T) {
	address := deadPort(t)
	t.Setenv("PUBSUB_EMULATOR_HOST", address)
	client, link, err := connect(t.Context(), "demo", func(error) {})
	must(t, err)
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	s := watchedSubscription{worker.NewSubscription(client, worker.NewPulls(), devSubscription, 1, 1), link}
	if _, err := s.Ordered(ctx); err == nil || !strings.Contains(err.Error(), address) || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("Ordered = %v", err)
	}
}

func TestTheLinkExplainsOnlyThatTheTimeIsOver(t *testing.T) {
	at, err := grpc.NewClient("dns:///pubsub.example.com:443", grpc.WithTransportCredentials(insecure.NewCredentials()))
	must(t, err)
	defer at.Close()
	told := 0
	l := &link{silent: func(error) { told++ }}
	late, missing := status.Error(codes.DeadlineExceeded, "time is over"), status.Error(codes.NotFound, "no such topic")
	if got := l.explain(late); !errors.Is(got, late) || got.Error() != late.Error() {
		t.Errorf("with nothing known: %v", got)
	}
	l.saw(at, status.Error(codes.Unavailable, "no route to host"))
	l.saw(at, status.Error(codes.Canceled, "given up"))
	l.saw(at, late)
	for _, err := range []error{late, context.DeadlineExceeded} {
		if got := l.explain(err); !errors.Is(got, err) || !strings.HasPrefix(got.Error(), "Pub/Sub at pubsub.example.com:443 is unavailable: no route to host") {
			t.Errorf("explain(%v) = %v", err, got)
		}
	}
	if got := l.explain(missing); got.Error() != missing.Error() {
		t.Errorf("an answer is explained: %v", got)
	}
	l.saw(at, missing)
	if got := l.explain(late); got.Error() != late.Error() {
		t.Errorf("after an answer: %v", got)
	}
	if told != 1 {
		t.Errorf("told %d times, want once", told)
	}
}
