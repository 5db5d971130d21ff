package main

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/contactrelay/contactrelay/worker"
)

// ill is a worker that has what it is made of.
type ill struct {
	faults map[string]string
	tally  worker.Tally
	stuck  []worker.Stuck
	hangs  chan struct{} // Tally blocks until it is closed; nil: not at all
}

func (i *ill) Faults() map[string]string { return i.faults }

func (i *ill) Tally() worker.Tally {
	if i.hangs != nil {
		<-i.hangs
	}
	return i.tally
}

func (i *ill) Stuck(int) []worker.Stuck { return i.stuck }

// attend serves the health of a worker until the end of the test, and returns the address.
func attend(t *testing.T, p patient) string {
	t.Helper()
	server, err := listenHealth("127.0.0.1:0", p, slog.New(slog.DiscardHandler))
	must(t, err)
	served := make(chan error, 1)
	go func() { served <- server.serve() }()
	t.Cleanup(func() {
		server.close(t.Context())
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return server.listener.Addr().String()
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
	p := &ill{faults: map[string]string{}}
	address := attend(t, p)
	if status, text := health(t, address, "/readyz"); status != http.StatusOK || !strings.Contains(text, `"ready":true`) {
		t.Errorf("readyz: %d %s", status, text)
	}
	p.faults["stream 0"] = "no permission"
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
}

func TestLivezFailsWhenTheWorkerIsStuck(t *testing.T) {
	t.Parallel()
	p := &ill{hangs: make(chan struct{})}
	defer close(p.hangs)
	if status, text := health(t, attend(t, p), "/livez"); status != http.StatusServiceUnavailable {
		t.Errorf("livez: %d %s", status, text)
	}
}

func TestLanesTellsWhoWaitsWhyAndUntilWhen(t *testing.T) {
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	p := &ill{
		tally: worker.Tally{Working: 1, Waiting: 2, Closed: 3, HeldMessages: 4, HeldBytes: 5, Paused: "outage"},
		stuck: []worker.Stuck{
			{User: "2bd806c97f0e", Message: "17", Messages: 3, Since: noon, Until: noon.Add(time.Minute), Why: "user_quota"},
			{User: "81b637d8fcd2", Message: "18", Messages: 1, Since: noon},
		},
	}
	_, text := health(t, attend(t, p), "/lanes")
	want := `{"working":1,"waiting":2,"closed":3,"held_messages":4,"held_bytes":5,"paused":"outage","lanes":[` +
		`{"user":"2bd806c97f0e","message_id":"17","messages":3,"since":"2026-03-01T12:00:00Z","why":"user_quota","until":"2026-03-01T12:01:00Z"},` +
		`{"user":"81b637d8fcd2","message_id":"18","messages":1,"since":"2026-03-01T12:00:00Z"}]}` + "\n"
	if text != want {
		t.Errorf("lanes = %s\nwant    %s", text, want)
	}
}
