package main

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/contactrelay/contactrelay/internal/pubsubsim"
)

// runWorld is the world of dev, with the environment in which run finds it.
func runWorld(t *testing.T) *world {
	t.Helper()
	w := devWorld(t)
	t.Setenv("PEOPLE_EMULATOR_HOST", w.peopleAddress)
	return w
}

func TestRunRefusesASubscriptionWithoutOrdering(t *testing.T) {
	w := runWorld(t)
	must(t, w.broker.CreateSubscription("projects/demo/subscriptions/plain", pubsubsim.SubscriptionSettings{Topic: devTopic}))
	code, _, errs := ask(t, t.Context(), "", "run", "--http=", "--subscription=plain", "--log-level=error")
	if code != 1 || !strings.Contains(unwrapped(errs), "projects/demo/subscriptions/plain: the subscription has no message ordering") {
		t.Errorf("exit code %d, %q", code, errs)
	}
}

func TestRunRefusesAnAddressThatIsTaken(t *testing.T) {
	runWorld(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	code, _, errs := ask(t, t.Context(), "", "run", "--http="+l.Addr().String(), "--log-level=error")
	if code != 1 || !strings.Contains(errs, "--http") {
		t.Errorf("exit code %d, %q", code, errs)
	}
}

func TestRunEndsWithCode0WhenItIsStopped(t *testing.T) {
	runWorld(t)
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if code, _, errs := ask(t, ctx, "", "run", "--http=", "--log-level=error"); code != 0 || errs != "" {
		t.Errorf("exit code %d, %q", code, errs)
	}
}
