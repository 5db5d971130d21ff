package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
)

// serve runs a simulator until the end of the test and returns its addresses.
func serve(t *testing.T, args ...string) map[string]string {
	t.Helper()
	read, write := io.Pipe()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan int, 1)
	go func() { ended <- execute(ctx, args, write, io.Discard) }()
	t.Cleanup(func() {
		cancel()
		if code := <-ended; code != 0 {
			t.Errorf("ended with code %d", code)
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

func TestThePeopleSimulatorServesWhatItsAdminPortSeeds(t *testing.T) {
	at := serve(t, "people")
	if status, text := ask(t, "POST", "http://"+at["admin"]+"/seed", `{"users":1,"contacts":1}`); status != 200 {
		t.Fatalf("seed: %d %s", status, text)
	}
	status, text := ask(t, "GET", "http://"+at["listen"]+"/v1/people/c1000000000000?personFields=names", "")
	if status != 200 || !strings.Contains(text, "Contact 0") {
		t.Errorf("get: %d %s", status, text)
	}
}

func TestThePubSubSimulatorHasAnAdminPort(t *testing.T) {
	at := serve(t, "pubsub")
	status, text := ask(t, "PUT", "http://"+at["admin"]+"/faults", `{"lost_ack":0.5}`)
	if status >= 300 {
		t.Errorf("faults: %d %s", status, text)
	}
	if status, text = ask(t, "GET", "http://"+at["admin"]+"/faults", ""); status != 200 || !strings.Contains(text, "0.5") {
		t.Errorf("faults: %d %s", status, text)
	}
}

func TestAProjectIsFurnishedForContactrelay(t *testing.T) {
	at := serve(t, "pubsub", "--project=demo")
	for _, id := range []string{"contact-changes-worker", "contact-changes-dead-operator"} {
		if status, text := ask(t, "GET", "http://"+at["admin"]+"/backlog?subscription=projects/demo/subscriptions/"+id, ""); status != 200 {
			t.Errorf("%s: %d %s", id, status, text)
		}
	}
}

func TestAnAddressThatIsTakenEndsWithCode1(t *testing.T) {
	at := serve(t, "pubsub")
	for _, args := range [][]string{{"--listen", at["listen"]}, {"--admin", at["listen"]}} {
		var complaints strings.Builder
		code := execute(t.Context(), append([]string{"pubsub"}, args...), io.Discard, &complaints)
		if code != 1 || !strings.Contains(complaints.String(), "listen for the") {
			t.Errorf("%q: code %d, %s", args, code, complaints.String())
		}
	}
}

func TestWrongUseEndsWithCode2(t *testing.T) {
	for _, args := range [][]string{
		{}, {"mail"}, {"people", "--quiet"}, {"pubsub", "--seed=x"}, {"people", "--listen=zzz"}, {"pubsub", "--admin=:99999"},
		{"pubsub", "--outstanding-per-key=-1"}, {"pubsub", "--redelivery-delay=-1s"},
	} {
		var complaints strings.Builder
		if code := execute(t.Context(), args, io.Discard, &complaints); code != 2 || complaints.String() == "" {
			t.Errorf("%q: code %d, %q; want 2 and why", args, code, complaints.String())
		}
	}
	if code := execute(t.Context(), []string{"people", "--help"}, io.Discard, io.Discard); code != 0 {
		t.Errorf("--help: code %d", code)
	}
}
