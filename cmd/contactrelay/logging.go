package main

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/lmittmann/tint"
)

// logSettings say what is logged and how.
type logSettings struct {
	LogFormat      string `help:"text, json (as Cloud Logging reads it), or auto: text on a terminal." default:"auto"`
	LogLevel       string `help:"debug, info, warn or error." default:"info"`
	LogUsers       bool   `help:"Show users as they are. Without it they are shown as a keyed hash: they may be e-mail addresses."`
	LogHashKeyFile string `help:"Key of that hash, so that it stays the same over restarts. Default: a random key." placeholder:"FILE"`

	hashKey []byte // from LogHashKeyFile, by check; the file may be a pipe, which gives it once
}

// Bounds of the key in bytes: shorter ones can be guessed, and no key is as long as a file given by mistake.
const (
	minHashKey = 16
	maxHashKey = 64 << 10
)

func (l *logSettings) check(f *settingFaults) {
	switch l.LogFormat {
	case "auto", "text", "json":
	default:
		f.add("log-format", "%q is none of auto, text, json", l.LogFormat)
	}
	_, err := l.level()
	f.require(err == nil, "log-level", "%q is none of debug, info, warn, error", l.LogLevel)
	if l.LogHashKeyFile != "" {
		l.hashKey, err = readHashKey(l.LogHashKeyFile)
		f.require(err == nil, "log-hash-key-file", "%v", err)
	}
}

func readHashKey(name string) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	key, err := io.ReadAll(io.LimitReader(file, maxHashKey+1))
	switch {
	case err != nil:
		return nil, err
	case len(key) < minHashKey:
		return nil, fmt.Errorf("the key must have %d bytes or more", minHashKey)
	case len(key) > maxHashKey:
		return nil, fmt.Errorf("the key must have %d KiB or less", maxHashKey>>10)
	}
	return key, nil
}

func (l *logSettings) level() (level slog.Level, err error) {
	err = level.UnmarshalText([]byte(l.LogLevel))
	return level, err
}

// logger writes to w as the settings say. The project is that of the traces.
func (l *logSettings) logger(w io.Writer, project string) *slog.Logger {
	level, err := l.level()
	if err != nil {
		level = slog.LevelInfo
	}
	if l.LogFormat == "text" || l.LogFormat == "auto" && isTerminal(w) {
		return slog.New(tint.NewTextHandler(w, &tint.Options{Level: level, NoColor: !coloured(w)}))
	}
	return slog.New(newCloudLog(w, level, project))
}

// userLabel is how logs show a user: as it is if asked for, else as a keyed hash.
func (l *logSettings) userLabel() func(string) string {
	if l.LogUsers {
		return strings.Clone
	}
	key := l.hashKey
	if key == nil {
		key = make([]byte, 32)
		_, _ = rand.Read(key) // never fails
	}
	return func(user string) string {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(user))
		return hex.EncodeToString(mac.Sum(nil)[:6])
	}
}
