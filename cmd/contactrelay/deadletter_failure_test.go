package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
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
	"github.com/contactrelay/contactrelay/internal/pubsubsim"
)

// silentClient is a client of a service that answers nothing. It is made outside of any bubble.
func silentClient(t *testing.T) *pubsub.Client {
	t.Helper()
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

func TestAReplayThatCannotBePublishedLeavesTheLetters(t *testing.T) {
	t.Parallel()
	r := newBenchRig(t)
	for n := range 20 {
		r.park(aLetter(n, deadletter.Rejected, "alice@example.com"))
	}
	code, _, errs := r.ask("", "replay", "--all", "--yes", "--topic=no-such")
	if code != 1 || !strings.Contains(unwrapped(errs), "there is no topic projects/demo/topics/no-such: see --topic") {
		t.Errorf("exit code %d, %q", code, errs)
	}
	if n := len(r.left()); n != 20 {
		t.Errorf("%d letters are left, want all", n)
	}
}

// TestReplaySurvivesConfirmationsThatGetLost: letter by letter with a near service, many under way over a long line.
func TestReplaySurvivesConfirmationsThatGetLost(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		away    time.Duration
		letters int
		rate    float64 // of each fault
	}{{0, 100, 0.1}, {5 * time.Millisecond, 200, 0.2}} {
		r := newBenchRig(t)
		for n := range test.letters {
			r.park(aLetter(n, deadletter.Rejected, fmt.Sprintf("user-%d", n%10)))
		}
		if test.away > 0 {
			r.set("PUBSUB_EMULATOR_HOST", farAway(t, r.pubsubAddress, test.away))
		}
		must(t, r.broker.SetFaults(pubsubsim.Faults{PublishLost: test.rate, PublishUnconfirmed: test.rate, AckFailure: test.rate}))
		code, _, errs := r.ask("", "replay", "--all", "--yes", "--log-level=warn")
		must(t, r.broker.SetFaults(pubsubsim.Faults{}))
		if code != 0 {
			t.Fatalf("%v away: exit code %d: %s", test.away, code, errs)
		}
		checkOrder(t, r.published(), test.letters)
		if n := len(r.left()); n > 0 {
			t.Errorf("%v away: %d letters are left", test.away, n)
		}
	}
}

func TestCtrlCLeavesEveryLetterReplayedOrThere(t *testing.T) {
	t.Parallel()
	r := newBenchRig(t)
	const letters = 400
	for n := range letters {
		r.park(aLetter(n, deadletter.Rejected, fmt.Sprintf("user-%d", n%10)))
	}
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	ended := make(chan int, 1)
	go func() {
		code, _, _ := r.askUntil(ctx, "", "replay", "--all", "--yes", "--rate=200", "--log-level=warn")
		ended <- code
	}()
	until(t, 20*time.Second, "a third is replayed", func() bool { return len(r.published()) > letters/3 })
	interrupt()
	if code := <-ended; code != 3 {
		t.Errorf("exit code %d, want 3", code)
	}
	replayed := map[string]bool{}
	for _, m := range r.published() {
		replayed[m.Attributes["replay-letter"]] = true
	}
	left := r.left()
	for _, e := range left {
		if replayed[e.ID] {
			t.Errorf("%s was replayed and is still there", e.ID)
		}
	}
	if len(left) == 0 || len(left)+len(replayed) != letters {
		t.Errorf("%d replayed and %d left of %d", len(replayed), len(left), letters)
	}
	if code, _, _ := r.ask("", "replay", "--all", "--yes", "--log-level=warn"); code != 0 {
		t.Errorf("the second run: exit code %d", code)
	}
	checkOrder(t, r.published(), letters)
}

func TestWithoutItsAuditNothingIsDone(t *testing.T) {
	t.Parallel()
	r := newBenchRig(t)
	r.park(aLetter(1, deadletter.Rejected, "alice@example.com"))
	for _, args := range [][]string{{"replay"}, {"discard", "--because=x"}} {
		code, _, errs := r.ask("", args[0], append(args[1:], "--all", "--yes", "--audit="+t.TempDir())...)
		if code != 1 || !strings.Contains(unwrapped(errs), "is a directory") || len(r.published()) != 0 || len(r.left()) != 1 {
			t.Errorf("%s: exit code %d, %q", args[0], code, errs)
		}
	}
}

func TestWhatCannotBeRemovedIsNotPublishedEither(t *testing.T) {
	t.Parallel()
	r := newBenchRig(t)
	const letters = 300
	for n := range letters {
		r.park(aLetter(n, deadletter.Rejected, fmt.Sprintf("user-%d", n%10)))
	}
	var code int
	var text string
	var replaying sync.WaitGroup
	replaying.Go(func() {
		var errs string
		code, _, errs = r.ask("", "replay", "--all", "--yes", "--rate=100", "--log-level=warn")
		text = unwrapped(errs)
	})
	until(t, 20*time.Second, "some are replayed", func() bool { return len(r.published()) > 20 })
	must(t, r.broker.SetFaults(pubsubsim.Faults{Receive: pubsubsim.PermissionDenied}))
	replaying.Wait()
	must(t, r.broker.SetFaults(pubsubsim.Faults{}))
	if code != 3 || !strings.Contains(text, "grant roles/pubsub.subscriber on it") || !strings.Contains(text, "could not be removed") {
		t.Errorf("exit code %d: %s", code, text)
	}
	if n := len(r.published()); n > letters/2 {
		t.Errorf("%d were published when none could be removed any more", n)
	}
}
