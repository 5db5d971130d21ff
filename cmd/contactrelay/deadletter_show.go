package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/contactrelay/contactrelay/deadletter"
	"github.com/contactrelay/contactrelay/messages"
)

// showCommand shows one letter, and what its replay would do.
type showCommand struct {
	benchSettings
	peopleSettings
	MaxPhotoBytes byteSize `help:"Largest photo, decoded: as the worker's." default:"5MiB"`
	JSON          bool     `name:"json" help:"JSON." env:"-"`
	ID            string   `arg:"" name:"id" help:"ID of the letter, or its beginning."`
}

// Run looks, reads the contacts, and shows.
func (c *showCommand) Run(ctx context.Context, t terminal, f *settingFaults) error {
	c.benchSettings.resolve(ctx, f)
	f.require(c.MaxPhotoBytes >= 1, "max-photo-bytes", "must be 1B or more")
	b, err := c.survey(ctx, t, f)
	if err != nil {
		return err
	}
	e, err := b.find(c.ID)
	if err != nil {
		return err
	}
	reader := c.reader(ctx, messages.Limits{MaxPhotoBytes: int(c.MaxPhotoBytes)})
	defer reader.close()
	forecasts, err := reader.foresee(ctx, []*deadletter.Entry{e}, false)
	if err != nil {
		return errInterrupted
	}
	if c.JSON {
		err = printLetterJSON(t, forecasts[0])
	} else {
		printLetter(t, forecasts[0])
	}
	reader.report(t)
	return err
}

// shownLetter is a letter and what its replay would do, in JSON.
type shownLetter struct {
	listedLetter
	Attributes map[string]string     `json:"attributes"`
	Body       json.RawMessage       `json:"body,omitempty"`
	Bytes      []byte                `json:"bytes,omitempty"` // of a body that is not JSON
	Effect     deadletter.Effect     `json:"effect"`
	Fault      string                `json:"fault,omitempty"`
	Prospects  []deadletter.Prospect `json:"prospects,omitempty"`
}

func printLetterJSON(t terminal, f *forecast) error {
	record := f.entry.Record()
	shown := shownLetter{
		listedLetter: listed(f.entry), Attributes: record.Attributes, Body: json.RawMessage(record.Body), Bytes: record.Bytes,
		Effect: f.effect, Prospects: f.contacts,
	}
	if f.fault != nil {
		shown.Fault = f.fault.Error()
	}
	return printIndented(t, shown)
}

// printIndented prints JSON over several lines.
func printIndented(t terminal, v any) error {
	encoder := json.NewEncoder(t.out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}

func printLetter(t terminal, f *forecast) {
	e := f.entry
	line := func(name, text string) {
		if text != "" {
			fmt.Fprintf(t.out, "%-11s %s\n", name, indented(orNone(text), 12))
		}
	}
	stamp := func(at time.Time) string {
		if at.IsZero() {
			return ""
		}
		return fmt.Sprintf("%s (%s ago)", at.Format(time.RFC3339), aged(time.Since(at)))
	}
	line("letter", e.ID)
	line("reason", string(e.Reason))
	line("detail", e.Detail)
	line("fields", strings.Join(e.Fields, ", "))
	line("user", e.Original.OrderingKey)
	line("type", e.Type)
	line("contacts", strings.Join(e.Contacts, ", "))
	line("of a batch", e.Split)
	line("written", stamp(e.Time))
	line("published", stamp(e.Original.PublishTime))
	line("message", e.Original.MessageID)
	line("answer", strings.TrimSpace(fmt.Sprintf("%s %s", nonZero(e.HTTPStatus), e.APIStatus)))
	line("etag", e.CurrentEtag)
	line("attempts", nonZero(e.Attempts))
	line("replays", nonZero(e.Replays))
	for _, name := range slices.Sorted(maps.Keys(e.Original.Attributes)) {
		line("attribute", name+": "+e.Original.Attributes[name])
	}
	fmt.Fprintf(t.out, "\n%s\n", pretty(e.Original.Data))
	for _, prospect := range f.contacts {
		sideBySide(t, prospect)
	}
	if f.fault != nil {
		fmt.Fprintf(t.out, "\n%s: %s\n", f.effect, indented(f.why(), 2))
	}
}

// nonZero is a number; nothing of 0.
func nonZero(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}
