package main

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"strings"

	"github.com/contactrelay/contactrelay/messages"
)

// sample is the feed that dev publishes: feed.jsonl as `contactrelay publish` takes it, and what that would refuse in
// broken.jsonl.
//
//go:embed sample
var sample embed.FS

// brokenMessage is a line of broken.jsonl: a message that no careful producer publishes.
type brokenMessage struct {
	Why         string            `json:"why"`
	OrderingKey string            `json:"orderingKey"`
	Attributes  map[string]string `json:"attributes"`
	Text        string            `json:"text"`
}

// feed is the messages of the sample, in order.
func feed() ([]messages.Message, error) {
	var all []messages.Message
	err := eachLine("sample/feed.jsonl", func(line string) error {
		m, _, err := messages.ParseRecord([]byte(line), messages.Limits{})
		all = append(all, m)
		return err
	})
	if err != nil {
		return nil, err
	}
	err = eachLine("sample/broken.jsonl", func(line string) error {
		var b brokenMessage
		err := json.Unmarshal([]byte(line), &b)
		all = append(all, messages.Message{OrderingKey: b.OrderingKey, Attributes: b.Attributes, Data: []byte(b.Text)})
		return err
	})
	return all, err
}

// eachLine calls do with the lines of a file of the sample.
func eachLine(name string, do func(line string) error) error {
	text, err := fs.ReadFile(sample, name)
	if err != nil {
		return err
	}
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		if err := do(line); err != nil {
			return fmt.Errorf("%s, line %d: %w", name, number, err)
		}
	}
	return nil
}
