package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"strconv"

	"cloud.google.com/go/pubsub/v2"
	"github.com/cenkalti/backoff/v4"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/people/v1"
)

// worker makes one call for each message.
type worker struct {
	contacts *people.PeopleService
	dead     *pubsub.Publisher
	places   chan struct{} // holds a token for each call in flight
	log      *slog.Logger
}

// pooled is a client that keeps a connection for each call in flight.
func pooled(calls int) *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConns, transport.MaxIdleConnsPerHost = calls, calls
	return &http.Client{Transport: transport}
}

// handle makes the change of a message and acknowledges it, or sends it to the dead letters if it cannot be made. What has
// to wait for too long goes back.
func (w *worker) handle(ctx context.Context, m *pubsub.Message) {
	err := backoff.Retry(func() error {
		err := w.apply(ctx, m)
		if err != nil && !passing(err) {
			return backoff.Permanent(err)
		}
		return err
	}, backoff.WithContext(backoff.NewExponentialBackOff(), ctx))
	switch {
	case err == nil:
		m.Ack()
	case passing(err):
		w.log.WarnContext(ctx, "returned", "message_id", m.ID, "err", err)
		m.Nack()
	default:
		w.park(ctx, m, err)
	}
}

// passing reports whether time may cure it: no answer, 5xx, a quota.
func passing(err error) bool {
	if _, ok := errors.AsType[*badMessage](err); ok {
		return false
	}
	e, ok := errors.AsType[*googleapi.Error](err)
	return !ok || e.Code >= http.StatusInternalServerError || e.Code == http.StatusTooManyRequests
}

// badMessage is one that cannot be read.
type badMessage struct{ error }

// apply makes the call that a message asks for.
func (w *worker) apply(ctx context.Context, m *pubsub.Message) error {
	call, err := w.callFor(ctx, m)
	if err != nil {
		return &badMessage{err}
	}
	w.places <- struct{}{}
	defer func() { <-w.places }()
	return call()
}

// callFor reads a message. The bodies are those of the endpoints, with the parameters of their paths and queries.
func (w *worker) callFor(ctx context.Context, m *pubsub.Message) (call func() error, err error) {
	switch kind := m.Attributes["ce-type"]; kind {
	case "contactrelay.patch.v1":
		var body struct {
			Person             people.Person `json:"person"`
			UpdatePersonFields string        `json:"updatePersonFields"`
		}
		err = json.Unmarshal(m.Data, &body)
		call = send(w.contacts.UpdateContact(body.Person.ResourceName, &body.Person).
			UpdatePersonFields(body.UpdatePersonFields).PersonFields("metadata").Context(ctx), m.OrderingKey)
	case "contactrelay.photo.v1":
		var body struct {
			people.UpdateContactPhotoRequest
			ResourceName string `json:"resourceName"`
		}
		err = json.Unmarshal(m.Data, &body)
		call = send(w.contacts.UpdateContactPhoto(body.ResourceName, &body.UpdateContactPhotoRequest).Context(ctx), m.OrderingKey)
	case "contactrelay.batch.v1":
		body := people.BatchUpdateContactsRequest{ReadMask: "metadata"}
		err = json.Unmarshal(m.Data, &body)
		call = send(w.contacts.BatchUpdateContacts(&body).Context(ctx), m.OrderingKey)
	default:
		err = fmt.Errorf("a message of type %q", kind)
	}
	return call, err
}

// request is one of the library's calls.
type request[T any] interface {
	Header() http.Header
	Do(...googleapi.CallOption) (T, error)
}

// send makes a call as a user. The token of an emulator is the user's ID.
func send[T any](r request[T], user string) func() error {
	return func() error {
		r.Header().Set("Authorization", "Bearer "+user)
		_, err := r.Do()
		return err
	}
}

// park publishes a message as a dead letter, and then acknowledges it.
func (w *worker) park(ctx context.Context, m *pubsub.Message, cause error) {
	attributes := map[string]string{"error-code": "0"}
	if e, ok := errors.AsType[*googleapi.Error](cause); ok {
		attributes["error-code"] = strconv.Itoa(e.Code)
	}
	maps.Copy(attributes, m.Attributes)
	letter := &pubsub.Message{Data: m.Data, Attributes: attributes, OrderingKey: m.OrderingKey}
	if _, err := w.dead.Publish(ctx, letter).Get(ctx); err != nil {
		w.log.ErrorContext(ctx, "no dead letter", "message_id", m.ID, "err", err)
		w.dead.ResumePublish(m.OrderingKey)
		m.Nack()
		return
	}
	m.Ack()
}
