package main

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/lmittmann/tint"
	"github.com/mattn/go-isatty"
)

// logSettings say what is logged and how.
type logSettings struct {
	LogFormat      string `help:"text, json (as Cloud Logging reads it), or auto: text on a terminal." default:"auto"`
	LogLevel       string `help:"debug, info, warn or error." default:"info"`
	LogUsers       bool   `help:"Show users as they are. Without it they are shown as a keyed hash: they may be e-mail addresses."`
	LogHashKeyFile string `help:"Key of that hash, so that it stays the same over restarts. Default: a random key." placeholder:"FILE"`
}

func (l *logSettings) check(f *settingFaults) {
	switch l.LogFormat {
	case "auto", "text", "json":
	default:
		f.add("log-format", "%q is none of auto, text, json", l.LogFormat)
	}
	_, err := l.level()
	f.require(err == nil, "log-level", "%q is none of debug, info, warn, error", l.LogLevel)
	if l.LogHashKeyFile != "" {
		key, err := os.ReadFile(l.LogHashKeyFile)
		f.require(err == nil, "log-hash-key-file", "%v", err)
		f.require(err != nil || len(key) >= 16, "log-hash-key-file", "the key must have 16 bytes or more")
	}
}

func (l *logSettings) level() (level slog.Level, err error) {
	err = level.UnmarshalText([]byte(l.LogLevel))
	return level, err
}

// logger writes to w as the settings say.
func (l *logSettings) logger(w io.Writer) *slog.Logger {
	level, err := l.level()
	if err != nil {
		level = slog.LevelInfo
	}
	if l.LogFormat == "text" || l.LogFormat == "auto" && isTerminal(w) {
		return slog.New(tint.NewTextHandler(w, &tint.Options{Level: level, NoColor: !coloured(w)}))
	}
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: cloudLogging}))
}

// cloudLogging gives the fields of a line the names that Cloud Logging looks for.
// https://cloud.google.com/logging/docs/structured-logging
func cloudLogging(groups []string, a slog.Attr) slog.Attr {
	if len(groups) > 0 {
		return a
	}
	switch a.Key {
	case slog.LevelKey:
		level, _ := a.Value.Any().(slog.Level)
		return slog.String("severity", severity(level))
	case slog.MessageKey:
		a.Key = "message"
	}
	if a.Value.Kind() == slog.KindDuration {
		return slog.Float64(a.Key, a.Value.Duration().Seconds())
	}
	return a
}

// severity is Cloud Logging's word for a level.
func severity(l slog.Level) string {
	switch {
	case l >= slog.LevelError:
		return "ERROR"
	case l >= slog.LevelWarn:
		return "WARNING"
	case l >= slog.LevelInfo:
		return "INFO"
	}
	return "DEBUG"
}

// userLabel is how logs show a user: as it is if asked for, else as a keyed hash.
func (l *logSettings) userLabel() (func(string) string, error) {
	if l.LogUsers {
		return strings.Clone, nil
	}
	key := make([]byte, 32)
	if l.LogHashKeyFile == "" {
		_, _ = rand.Read(key) // never fails
	} else {
		var err error
		if key, err = os.ReadFile(l.LogHashKeyFile); err != nil {
			return nil, err
		}
	}
	return func(user string) string {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(user))
		return hex.EncodeToString(mac.Sum(nil)[:6])
	}, nil
}

// isTerminal reports whether w is a terminal.
func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}

// coloured reports whether to write colours to w: on a terminal, unless NO_COLOR is set (https://no-color.org).
func coloured(w any) bool {
	return isTerminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}
