package main

import (
	"context"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"golang.org/x/oauth2/google"

	"github.com/contactrelay/contactrelay/worker"
)

// project is the Google Cloud project of topics and subscriptions.
type project struct {
	Project string `help:"Google Cloud project. Default: that of the credentials; demo with PUBSUB_EMULATOR_HOST." env:"CONTACTRELAY_PROJECT,GOOGLE_CLOUD_PROJECT" placeholder:"ID"`
}

// pubsubScope is what Pub/Sub's credentials are asked for.
const pubsubScope = "https://www.googleapis.com/auth/pubsub"

// resolve finds the project where it is not given.
func (p *project) resolve(ctx context.Context, f *settingFaults) {
	switch {
	case p.Project != "":
	case os.Getenv("PUBSUB_EMULATOR_HOST") != "":
		p.Project = "demo"
	default:
		credentials, err := google.FindDefaultCredentials(ctx, pubsubScope)
		if err == nil {
			p.Project = credentials.ProjectID
		}
		f.require(p.Project != "", "project", "not given, and there are no credentials that name one")
	}
}

// fullName makes "projects/P/topics/T" of a topic's ID; what is a full name already stays. kind is the plural.
func (p *project) fullName(kind, id string) string {
	if strings.HasPrefix(id, "projects/") {
		return id
	}
	return "projects/" + p.Project + "/" + kind + "/" + id
}

// requireName notes a fault of a flag that names a topic or a subscription and is empty.
func requireName(f *settingFaults, flag, name string) {
	f.require(strings.TrimSpace(name) != "", flag, "must not be empty")
}

// peopleSettings say where the People API is and who signs in.
type peopleSettings struct {
	PeopleEndpoint string `help:"Where the People API is, as http(s)://host[:port]. Default: the service, or PEOPLE_EMULATOR_HOST." placeholder:"URL"`
	signInSettings
}

// resolve fills in what PEOPLE_EMULATOR_HOST implies and notes what is wrong.
func (p *peopleSettings) resolve(f *settingFaults) {
	if host := os.Getenv("PEOPLE_EMULATOR_HOST"); host != "" {
		if p.PeopleEndpoint == "" {
			p.PeopleEndpoint = "http://" + host
		}
		if p.Credentials == "" {
			p.Credentials = byEmulator
		}
	}
	if p.Credentials == "" {
		p.Credentials = byDelegation
	}
	at, err := url.Parse(p.PeopleEndpoint)
	f.require(p.PeopleEndpoint == "" || err == nil && (at.Scheme == "http" || at.Scheme == "https") && at.Host != "",
		"people-endpoint", "must be http://host[:port] or https://host[:port]")
	for i, user := range p.AllowUsers {
		p.AllowUsers[i] = strings.TrimSpace(user)
		f.require(p.AllowUsers[i] != "", "allow-users", "entry %d is empty", i+1)
	}
	service := p.PeopleEndpoint == "" || err == nil && (strings.HasSuffix(strings.ToLower("."+at.Hostname()), ".googleapis.com"))
	f.require(p.Credentials != byEmulator || !service, "people-endpoint", "the service itself takes no emulator credentials: give the emulator's URL")
	f.require(p.Credentials == byEmulator || err != nil || at.Scheme != "http" || at.Host == "" || isLoopback(at.Hostname()),
		"people-endpoint", "real tokens go over https alone, save to this machine")
	p.signInSettings.open(f)
}

// isLoopback reports whether a host is this machine.
func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// workSettings say how the worker works. The defaults are those of the design.
type workSettings struct {
	MaxMessages   int           `help:"Messages held at once." default:"10000"`
	MaxBytes      byteSize      `help:"Bytes of messages held at once." default:"256MiB"`
	MaxCalls      int           `help:"Calls of the People API in flight." default:"64"`
	MaxPhotoBytes byteSize      `help:"Largest photo, decoded." default:"5MiB"`
	BatchMin      int           `help:"Contacts of a user with one mask from which they go in one call." default:"100"`
	BatchMax      int           `help:"Contacts in one call: 1 to 200." default:"200"`
	BatchLate     time.Duration `help:"Age from which 6 contacts or more go in one call; 0: never." default:"10s"`
	CallTimeout   time.Duration `help:"Limit of one call." default:"30s"`
	Attempts      int           `help:"Calls for one change that may fail for passing reasons." default:"8"`
	RetryFor      time.Duration `help:"The same as a time since the first failure." default:"5m"`
	Drain         time.Duration `help:"From SIGTERM to the end of the calls then in flight." default:"7s"`
}

// grace is what Cloud Run leaves between SIGTERM and SIGKILL; the last second of it is for acks and exit.
const grace = 10 * time.Second

func (w *workSettings) check(f *settingFaults) {
	f.require(w.MaxMessages >= 1, "max-messages", "must be 1 or more")
	f.require(w.MaxBytes >= 1, "max-bytes", "must be 1B or more")
	f.require(w.MaxCalls >= 1, "max-calls", "must be 1 or more")
	f.require(w.MaxPhotoBytes >= 1, "max-photo-bytes", "must be 1B or more")
	f.require(w.BatchMin >= 1, "batch-min", "must be 1 or more")
	f.require(w.BatchMax >= 1 && w.BatchMax <= 200, "batch-max", "must be from 1 to 200: the service takes no more")
	f.require(w.BatchLate >= 0, "batch-late", "must be 0 or more")
	f.require(w.CallTimeout > 0, "call-timeout", "must be more than 0")
	f.require(w.Attempts >= 1, "attempts", "must be 1 or more")
	f.require(w.RetryFor > 0, "retry-for", "must be more than 0")
	f.require(w.Drain >= 0 && w.Drain <= grace-time.Second, "drain", "must be from 0 to %v: Cloud Run kills after %v", grace-time.Second, grace)
}

// config is the worker's configuration from these settings.
func (w *workSettings) config(allowUsers []string) worker.Config {
	return worker.Config{
		Version:       version(),
		MaxMessages:   w.MaxMessages,
		MaxBytes:      int(w.MaxBytes),
		MaxCalls:      w.MaxCalls,
		MaxPhotoBytes: int(w.MaxPhotoBytes),
		BatchMin:      w.BatchMin,
		BatchMax:      w.BatchMax,
		BatchLate:     w.BatchLate,
		CallTimeout:   w.CallTimeout,
		Attempts:      w.Attempts,
		RetryFor:      w.RetryFor,
		Drain:         w.Drain,
		AllowUsers:    allowUsers,
	}
}
