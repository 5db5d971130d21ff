package main

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/contactrelay/contactrelay/messages"
)

// notPersonal are the members of a body whose values stand in no contact's fields, or are a word of everyday for a kind
// of value: "home", "work".
var notPersonal = []string{
	"etag", "metadata", "resourceName", "updatePersonFields", "updateMask", "personFields", "readMask", "sources", "precondition", "type", "contentType",
}

// personal is the texts in a value that are about a person.
func personal(value any) (texts []string) {
	switch v := value.(type) {
	case string:
		if len(v) > 2 {
			texts = append(texts, v[:min(len(v), 60)]) // of a photo the beginning
		}
	case []any:
		for _, one := range v {
			texts = append(texts, personal(one)...)
		}
	case map[string]any:
		for name, one := range v {
			if !slices.Contains(notPersonal, name) {
				texts = append(texts, personal(one)...)
			}
		}
	}
	return texts
}

// secrets is what of the sample feed must be shown nowhere: users, and all that a body says of a person.
func secrets(t *testing.T, all []messages.Message) []string {
	t.Helper()
	texts := slices.Clone(sampleUsers)
	quoted := regexp.MustCompile(`"(givenName|familyName|value|photoBytes|shoeSize)\\?": ?\\?"([^"\\]+)`) // of what is no JSON
	for _, m := range all {
		var body any
		if json.Unmarshal(m.Data, &body) == nil {
			texts = append(texts, personal(body)...)
			continue
		}
		for _, match := range quoted.FindAllStringSubmatch(string(m.Data), -1) {
			texts = append(texts, match[2])
		}
	}
	slices.Sort(texts)
	return slices.Compact(texts)
}

// TestTheSampleFeedShowsWhatHappenedAndNothingOfAPerson has the worker work through dev's feed, with its log at debug, and
// reads all that it shows of itself.
func TestTheSampleFeedShowsWhatHappenedAndNothingOfAPerson(t *testing.T) {
	t.Parallel()
	w, err := newWorld(t.Context(), byEmulator)
	must(t, err)
	t.Cleanup(w.close)
	c := collect(t)
	run := start(t, []string{
		"PUBSUB_EMULATOR_HOST=" + w.pubsubAddress, "PEOPLE_EMULATOR_HOST=" + w.peopleAddress, otlpEndpoint + "=http://" + c.address,
	}, "run", "--http=127.0.0.1:0", "--log-level=debug", "--trace-ratio=1")
	run.until(1, time.Minute, with(`"message":"started"`))
	begun, _ := run.since(0) // it is the first line
	address := logLine(t, begun[0])["http"].(string)
	ids, err := w.publishFeed(t.Context())
	must(t, err)
	run.until(len(ids), time.Minute, with(`"message":"settled"`))
	w.settle(t.Context())
	_, metrics := health(t, address, "/metrics")
	_, ready := health(t, address, "/readyz")
	_, lanes := health(t, address, "/lanes")
	if took, err := run.terminate(); err != nil || took > 8*time.Second {
		t.Errorf("SIGTERM to exit: %v, %v", took, err)
	}

	lint(t, metrics)
	if n := seriesIn(metrics); n > 200 {
		t.Errorf("%d series", n)
	}
	all, _ := run.since(0)
	for _, text := range all {
		if line := logLine(t, text); line["severity"] == nil || line["message"] == nil || line["time"] == nil {
			t.Errorf("%s lacks severity, message or time", text)
		}
	}
	sent, err := feed()
	must(t, err)
	if len(c.named("process")) < len(sent) || !strings.Contains(c.text(), "contactrelay_message_age_seconds") {
		t.Errorf("the collector has %d messages, want %d and the metrics", len(c.named("process")), len(sent))
	}
	shown := map[string]string{
		"log": strings.Join(all, "\n"), "metrics": metrics, "readyz": ready, "lanes": lanes, "what was sent by OTLP": c.text(),
	}
	found := secrets(t, sent)
	if len(found) < 40 {
		t.Fatalf("the feed has %d texts about persons, want many: %q", len(found), found)
	}
	for where, text := range shown {
		for _, secret := range found {
			if strings.Contains(text, secret) {
				t.Errorf("%q is in the %s", secret, where)
			}
		}
		if leak := regexp.MustCompile(`[A-Za-z0-9.]+@[a-z]+\.[a-z]+|\+1 555`).FindString(text); leak != "" {
			t.Errorf("%q is in the %s", leak, where)
		}
	}
}
