package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"

	"github.com/contactrelay/contactrelay/internal/peoplesim"
	"github.com/contactrelay/contactrelay/internal/pubsubsim"
)

// simulator is one of the two services as a process of its own.
type simulator struct {
	command *exec.Cmd
	Listen  string `json:"listen"`
	Admin   string `json:"admin"`
}

// simulate starts a simulator and blocks until it serves.
func simulate(program string, args ...string) (*simulator, error) {
	s := &simulator{command: exec.Command(program, args...)}
	s.command.Stderr = os.Stderr
	out, err := s.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.command.Start(); err != nil {
		return nil, err
	}
	if err := json.NewDecoder(out).Decode(s); err != nil {
		s.stop()
		return nil, fmt.Errorf("start %s: %w", args[0], err)
	}
	return s, nil
}

// stop ends the simulator.
func (s *simulator) stop() {
	_ = s.command.Process.Kill() // it holds nothing that is worth a clean end
	_ = s.command.Wait()
}

// send sends a JSON body to the admin port.
func (s *simulator) send(ctx context.Context, method, path string, body any) error {
	data, err := json.Marshal(body)
	if err != nil {
		return err
	}
	answer, err := s.ask(ctx, method, path, data)
	if err != nil {
		return err
	}
	return answer.Close()
}

// ask makes a request at the admin port and returns the body of the answer.
func (s *simulator) ask(ctx context.Context, method, path string, body []byte) (io.ReadCloser, error) {
	r, err := http.NewRequestWithContext(ctx, method, "http://"+s.Admin+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(answer.Body) // what came of it will do
		return nil, errors.Join(fmt.Errorf("%s %s: %s %s", method, path, answer.Status, text), answer.Body.Close())
	}
	return answer.Body, nil
}

// read reads one JSON value from the admin port.
func read[T any](ctx context.Context, s *simulator, path string) (value T, err error) {
	err = each(ctx, s, path, func(v T) { value = v })
	return value, err
}

// each calls do with every JSON value of an answer of the admin port.
func each[T any](ctx context.Context, s *simulator, path string, do func(T)) error {
	answer, err := s.ask(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	defer answer.Close()
	for d := json.NewDecoder(answer); ; {
		var v T
		if err := d.Decode(&v); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("GET %s: %w", path, err)
		}
		do(v)
	}
}

// The names that contactrelay has by default, in the project of the bench.
const (
	project          = "demo"
	changesTopic     = "projects/" + project + "/topics/contact-changes"
	workSubscription = "projects/" + project + "/subscriptions/contact-changes-worker"
	deadSubscription = "projects/" + project + "/subscriptions/contact-changes-dead-operator"
)

// services are the two that a worker needs.
type services struct{ pubsub, people *simulator }

// serve starts both, with topics and subscriptions.
func serve(program string) (*services, error) {
	pubsub, err := simulate(program, "pubsub", "--project", project)
	if err != nil {
		return nil, err
	}
	people, err := simulate(program, "people", "--audit-values")
	if err != nil {
		pubsub.stop()
		return nil, err
	}
	return &services{pubsub, people}, nil
}

func (s *services) stop() {
	s.pubsub.stop()
	s.people.stop()
}

// environment is how a worker finds the services.
func (s *services) environment() []string {
	return []string{
		"PUBSUB_EMULATOR_HOST=" + s.pubsub.Listen, "PEOPLE_EMULATOR_HOST=" + s.people.Listen, "GOOGLE_CLOUD_PROJECT=" + project,
	}
}

// queue is how the worker's subscription stands.
func (s *services) queue(ctx context.Context) (pubsubsim.SubscriptionStats, error) {
	stats, err := read[pubsubsim.Stats](ctx, s.pubsub, "/stats")
	return stats.Subscriptions[workSubscription], err
}

// spent is what the People API was asked for so far. It looks at every contact: not for a time that is measured.
func (s *services) spent(ctx context.Context) (peoplesim.Stats, error) {
	return read[peoplesim.Stats](ctx, s.people, "/stats")
}
