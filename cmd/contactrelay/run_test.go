package main

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/contactrelay/contactrelay/internal/pubsubsim"
	"github.com/contactrelay/contactrelay/worker"
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

// health asks a path and returns the status and the body.
func health(t *testing.T, address, path string) (int, string) {
	t.Helper()
	answer, err := http.Get("http://" + address + path)
	must(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	must(t, err)
	return answer.StatusCode, string(text)
}

func TestReadyTellsWhatKeepsTheWorkerFromWorking(t *testing.T) {
	faults := map[string]string{}
	server, err := listenHealth("127.0.0.1:0", func() map[string]string { return faults }, func() worker.Tally { return worker.Tally{} })
	must(t, err)
	served := make(chan error, 1)
	go func() { served <- server.serve() }()
	address := server.listener.Addr().String()
	if status, _ := health(t, address, "/livez"); status != http.StatusOK {
		t.Errorf("livez: %d", status)
	}
	if status, text := health(t, address, "/readyz"); status != http.StatusOK || !strings.Contains(text, `"ready":true`) {
		t.Errorf("readyz: %d %s", status, text)
	}
	faults["stream 0"] = "no permission"
	status, text := health(t, address, "/readyz")
	var answer struct {
		Ready  bool
		Faults map[string]string
	}
	must(t, json.Unmarshal([]byte(text), &answer))
	if status != http.StatusServiceUnavailable || answer.Ready || answer.Faults["stream 0"] != "no permission" {
		t.Errorf("readyz: %d %s", status, text)
	}
	if status, _ := health(t, address, "/livez"); status != http.StatusOK {
		t.Errorf("livez asks more than whether the process lives: %d", status)
	}
	server.close(t.Context())
	must(t, <-served)
}

func TestRunEndsWithCode0WhenItIsStopped(t *testing.T) {
	runWorld(t)
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if code, _, errs := ask(t, ctx, "", "run", "--http=", "--log-level=error"); code != 0 || errs != "" {
		t.Errorf("exit code %d, %q", code, errs)
	}
}
