package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/user"
	"sync"
	"time"

	"golang.org/x/oauth2/google"
)

// auditSettings say where it is written down who did what to which letter.
type auditSettings struct {
	Audit     string `help:"File to append a JSON line to for each letter that is replayed or discarded. They are logged in any case." placeholder:"FILE"`
	LogFormat string `help:"text, json (as Cloud Logging reads it), or auto: text on a terminal." default:"auto"`
	LogLevel  string `help:"debug, info, warn or error. Default: info; on a terminal, where progress is shown, warn." placeholder:"LEVEL"`
}

func (s *auditSettings) check(f *settingFaults) {
	(&logSettings{LogFormat: s.LogFormat, LogLevel: s.levelOn(nil)}).check(f)
}

// levelOn is the level at which to log to w.
func (s *auditSettings) levelOn(w io.Writer) string {
	switch {
	case s.LogLevel != "":
		return s.LogLevel
	case isTerminal(w):
		return "warn"
	}
	return "info"
}

// audit is the record of what was done to letters. Safe for concurrent use.
type audit struct {
	who string
	log *slog.Logger

	mu   sync.Mutex // held while lines are written
	file *os.File   // nil: there is none
}

// deed is what was done to one letter: a line of the audit. It holds no user and nothing of the change.
type deed struct {
	Time    time.Time `json:"time"`
	Who     string    `json:"who"`
	Action  string    `json:"action"` // replay, overwrite, discard
	Why     string    `json:"why,omitempty"`
	Reason  string    `json:"reason"` // the letter's
	Letter  string    `json:"letter"`
	Message string    `json:"message,omitempty"` // that replays it: its Pub/Sub ID
	Replays int       `json:"replays"`           // of the letter, this one included
}

// open opens the audit. close ends it.
func (s *auditSettings) open(ctx context.Context, t terminal) (*audit, error) {
	a := &audit{who: principal(ctx), log: (&logSettings{LogFormat: s.LogFormat, LogLevel: s.levelOn(t.err)}).logger(t.err, "")}
	if s.Audit == "" {
		return a, nil
	}
	var err error
	a.file, err = os.OpenFile(s.Audit, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	return a, err
}

// principal is who acts: the account of the credentials if they name one, else the user of this machine.
func principal(ctx context.Context) string {
	if os.Getenv("PUBSUB_EMULATOR_HOST") == "" {
		if credentials, err := google.FindDefaultCredentials(ctx, pubsubScope); err == nil {
			var account struct {
				Email string `json:"client_email"`
			}
			if json.Unmarshal(credentials.JSON, &account) == nil && account.Email != "" {
				return account.Email
			}
		}
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return fmt.Sprintf("uid %d", os.Getuid())
}

// write appends deeds, and logs what is written. It returns when they are handed to the operating system.
func (a *audit) write(ctx context.Context, deeds []deed) error {
	var lines bytes.Buffer
	encoder := json.NewEncoder(&lines)
	for i := range deeds {
		deeds[i].Time, deeds[i].Who = time.Now().UTC(), a.who
		if err := encoder.Encode(deeds[i]); err != nil {
			return fmt.Errorf("write the audit: %w", err)
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.file != nil {
		if _, err := a.file.Write(lines.Bytes()); err != nil {
			return fmt.Errorf("write the audit: %w", err)
		}
	}
	for _, d := range deeds {
		a.log.InfoContext(ctx, "dead letter", "action", d.Action, "letter", d.Letter, "message_id", d.Message,
			"reason", d.Reason, "why", d.Why, "who", d.Who)
	}
	return nil
}

func (a *audit) close() error {
	if a.file == nil {
		return nil
	}
	return a.file.Close()
}
