package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
)

// serve runs a simulator until the end of the test and returns its addresses.
func serve(t *testing.T, run func(context.Context) error) map[string]string {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout := os.Stdout
	os.Stdout = write
	t.Cleanup(func() { os.Stdout = stdout })
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("ended with %v", err)
		}
	})
	var addresses map[string]string
	if err := json.NewDecoder(read).Decode(&addresses); err != nil {
		t.Fatal(err)
	}
	return addresses
}

func ask(t *testing.T, method, url, body string) (status int, text string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer user-000@example.com")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(data)
}

var loopback = addresses{Listen: "127.0.0.1:0", Admin: "127.0.0.1:0"}

func TestThePeopleSimulatorServesWhatItsAdminPortSeeds(t *testing.T) {
	at := serve(t, (&peopleCommand{addresses: loopback}).Run)
	if status, text := ask(t, "POST", "http://"+at["admin"]+"/seed", `{"users":1,"contacts":1}`); status != 200 {
		t.Fatalf("seed: %d %s", status, text)
	}
	status, text := ask(t, "GET", "http://"+at["listen"]+"/v1/people/c1000000000000?personFields=names", "")
	if status != 200 || !strings.Contains(text, "Contact 0") {
		t.Errorf("get: %d %s", status, text)
	}
}

func TestThePubSubSimulatorHasAnAdminPort(t *testing.T) {
	at := serve(t, (&pubsubCommand{addresses: loopback}).Run)
	status, text := ask(t, "PUT", "http://"+at["admin"]+"/faults", `{"lost_ack":0.5}`)
	if status >= 300 {
		t.Errorf("faults: %d %s", status, text)
	}
	if status, text = ask(t, "GET", "http://"+at["admin"]+"/faults", ""); status != 200 || !strings.Contains(text, "0.5") {
		t.Errorf("faults: %d %s", status, text)
	}
}

func TestAnAddressThatIsTakenIsAnError(t *testing.T) {
	at := serve(t, (&pubsubCommand{addresses: loopback}).Run)
	for _, a := range []addresses{{Listen: at["listen"], Admin: "127.0.0.1:0"}, {Listen: "127.0.0.1:0", Admin: at["listen"]}} {
		if err := (&pubsubCommand{addresses: a}).Run(t.Context()); err == nil || !strings.Contains(err.Error(), "listen for the") {
			t.Errorf("%+v: %v", a, err)
		}
	}
}
