package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/contactrelay/contactrelay/deadletter"
)

// listCommand shows letters as a table or as JSON lines, newest first.
type listCommand struct {
	benchSettings
	filterSettings
	Limit int  `help:"Show at most so many, the newest; 0: all." default:"0"`
	JSON  bool `name:"json" help:"JSON lines, without anything cut." env:"-"`
}

// Run looks and shows.
func (c *listCommand) Run(ctx context.Context, t terminal, f *settingFaults) error {
	now := time.Now()
	c.benchSettings.resolve(ctx, f)
	filter := c.filter(f, now)
	f.require(c.Limit >= 0, "limit", "must be 0 or more")
	b, err := c.survey(ctx, t, f)
	if err != nil {
		return err
	}
	entries := filter.Select(b.entries)
	shown := entries
	if c.Limit > 0 {
		shown = entries[:min(c.Limit, len(entries))]
	}
	if c.JSON {
		err = printJSON(t, shown)
	} else {
		printEntries(t, shown, deadletter.ShortIDs(b.entries), now)
	}
	if left := len(entries) - len(shown); left > 0 {
		t.complain("%s more: see --limit", plural(left, "letter"))
	}
	b.account(ctx, t, len(entries))
	return err
}

func printEntries(t terminal, entries []*deadletter.Entry, short map[string]string, now time.Time) {
	rows := make([][]string, len(entries))
	for i, e := range entries {
		detail := e.Detail
		if e.Split != "" {
			detail = e.Split + " contacts: " + detail
		}
		rows[i] = []string{
			aged(now.Sub(e.Time)), string(e.Reason), e.Original.OrderingKey, e.Type, strings.TrimPrefix(counted(e.Contacts), "people/"), detail,
			strconv.Itoa(e.Replays), short[e.ID],
		}
	}
	if len(rows) == 0 {
		return
	}
	printTable(t.out, []column{
		{name: "AGE", right: true}, {name: "REASON"}, {name: "USER", most: 30, flex: true}, {name: "TYPE"},
		{name: "CONTACT", most: 24, flex: true}, {name: "DETAIL", flex: true}, {name: "REPLAYS", right: true}, {name: "ID"},
	}, rows, wideness(t.out))
}

// listedLetter is a letter in JSON.
type listedLetter struct {
	ID          string    `json:"id"`
	Reason      string    `json:"reason"`
	Detail      string    `json:"detail,omitempty"`
	Fields      []string  `json:"fields,omitempty"`
	User        string    `json:"user"`
	Type        string    `json:"type"`
	Contacts    []string  `json:"contacts,omitempty"`
	Time        time.Time `json:"time"`
	PublishTime time.Time `json:"publishTime"`
	MessageID   string    `json:"messageId"`
	Replays     int       `json:"replays"`
	Split       string    `json:"split,omitempty"`
	HTTPStatus  int       `json:"httpStatus,omitempty"`
	APIStatus   string    `json:"apiStatus,omitempty"`
	CurrentEtag string    `json:"currentEtag,omitempty"`
	Attempts    int       `json:"attempts"`
}

func listed(e *deadletter.Entry) listedLetter {
	return listedLetter{
		ID: e.ID, Reason: string(e.Reason), Detail: e.Detail, Fields: e.Fields, User: e.Original.OrderingKey, Type: e.Type,
		Contacts: e.Contacts, Time: e.Time, PublishTime: e.Original.PublishTime, MessageID: e.Original.MessageID,
		Replays: e.Replays, Split: e.Split, HTTPStatus: e.HTTPStatus, APIStatus: e.APIStatus, CurrentEtag: e.CurrentEtag,
		Attempts: e.Attempts,
	}
}

func printJSON(t terminal, entries []*deadletter.Entry) error {
	encoder := json.NewEncoder(t.out)
	encoder.SetEscapeHTML(false)
	for _, e := range entries {
		if err := encoder.Encode(listed(e)); err != nil {
			return fmt.Errorf("write letter %s: %w", e.ID, err)
		}
	}
	return nil
}
