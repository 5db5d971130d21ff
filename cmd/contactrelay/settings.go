package main

import (
	"net"
	"os"
	"time"

	"github.com/contactrelay/contactrelay/worker"
)

// peopleSettings say where the People API is and who signs in.
type peopleSettings struct {
	PeopleEndpoint string `help:"Where the People API is, as http(s)://host[:port]. Default: the service, or PEOPLE_EMULATOR_HOST." placeholder:"URL"`
	signInSettings
}

// resolve fills in what PEOPLE_EMULATOR_HOST implies and notes what is wrong.
func (p *peopleSettings) resolve(f *settingFaults) {
	p.AllowUsers.check(f, "allow-users")
	emulator := os.Getenv("PEOPLE_EMULATOR_HOST")
	if p.Credentials == "" {
		p.Credentials = byDelegation
		if emulator != "" {
			p.Credentials = byEmulator
		}
	}
	if emulator == "" || checkVariableAddress(f, "PEOPLE_EMULATOR_HOST", emulator) { // else what it leads to is wrong for the same reason
		if emulator != "" && p.PeopleEndpoint == "" {
			p.PeopleEndpoint = "http://" + emulator
		}
		p.checkEndpoint(f)
	}
	p.signInSettings.open(f)
}

// checkEndpoint sees to it that the bearer tokens of an emulator, which are user IDs, never go to the service, and real
// ones never over the network in clear text.
func (p *peopleSettings) checkEndpoint(f *settingFaults) {
	service := p.PeopleEndpoint == ""
	if !service {
		at, err := parseEndpoint(p.PeopleEndpoint)
		if err != nil {
			f.add("people-endpoint", "%v", err)
			return
		}
		service = isGoogle(at.Hostname())
		f.require(p.Credentials == byEmulator || at.Scheme == "https" || isLoopback(at.Hostname()),
			"people-endpoint", "real tokens go over https alone, save to this machine")
	}
	f.require(p.Credentials != byEmulator || !service, "people-endpoint", "the service itself takes no emulator credentials: give the emulator's URL")
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
	UserWrites    int           `name:"user-writes-per-minute" help:"Ceiling of a user's writes in a minute, a batch call counted as 6; 0: none." default:"0"`
	ProjectWrites int           `name:"project-writes-per-minute" help:"The same of all users together." default:"0"`
	CallTimeout   time.Duration `help:"Limit of one call." default:"30s"`
	Attempts      int           `help:"Calls for one change that may fail for passing reasons." default:"8"`
	RetryFor      time.Duration `help:"The same as a time since the first failure." default:"5m"`
	Drain         time.Duration `help:"From SIGTERM to the end of the calls then in flight." default:"7s"`
}

// grace is what Cloud Run leaves between SIGTERM and SIGKILL; the last second of it is for acks and exit.
const grace = 10 * time.Second

func (w *workSettings) check(f *settingFaults) {
	// What waits may hold a half of the two. With less, one message that waits is returned, and what was learnt of it lost.
	f.require(w.MaxMessages >= leastMessages, "max-messages", "must be %d or more", leastMessages)
	f.require(w.MaxBytes >= leastBytes, "max-bytes", "must be 20MB or more: room for two messages of the largest size")
	f.require(w.MaxCalls >= 1, "max-calls", "must be 1 or more")
	f.require(w.MaxPhotoBytes >= 1, "max-photo-bytes", "must be 1B or more")
	f.require(w.BatchMin >= 1, "batch-min", "must be 1 or more")
	f.require(w.BatchMax >= 1 && w.BatchMax <= 200, "batch-max", "must be from 1 to 200: the service takes no more")
	f.require(w.BatchLate >= 0, "batch-late", "must be 0 or more")
	checkCeiling(f, "user-writes-per-minute", w.UserWrites)
	checkCeiling(f, "project-writes-per-minute", w.ProjectWrites)
	f.require(w.CallTimeout > 0, "call-timeout", "must be more than 0")
	f.require(w.Attempts >= 1, "attempts", "must be 1 or more")
	f.require(w.RetryFor > 0, "retry-for", "must be more than 0")
	f.require(w.Drain >= 0 && w.Drain <= grace-time.Second, "drain", "must be from 0 to %v: Cloud Run kills after %v", grace-time.Second, grace)
}

func checkCeiling(f *settingFaults, flag string, writes int) {
	f.require(writes == 0 || writes >= worker.LeastCeiling, flag, "must be 0 or %d or more: a batch call counts 6 at once", worker.LeastCeiling)
}

// The least that the worker can hold.
const (
	leastMessages = 10
	leastBytes    = 20_000_000
)

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
		UserWrites:    w.UserWrites,
		ProjectWrites: w.ProjectWrites,
		CallTimeout:   w.CallTimeout,
		Attempts:      w.Attempts,
		RetryFor:      w.RetryFor,
		Drain:         w.Drain,
		AllowUsers:    allowUsers,
	}
}
