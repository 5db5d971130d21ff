// Command contactrelay applies contact changes from Google Cloud Pub/Sub to Google Contacts.
//
//	contactrelay run        the worker
//	contactrelay dev        everything embedded: no account, no network
//	contactrelay publish    JSON lines to the topic
//	contactrelay check      what keeps the worker from working, and what mends it
//	contactrelay deadletter what could not be applied: see, repair, replay
//	contactrelay version
//
// Exit codes: 0 when it did what was asked, 1 when it could not, 2 when it was asked wrongly, 3 when it left dead letters
// that it was to replay or discard.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"reflect"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
)

// commandLine is what contactrelay can be asked to do.
type commandLine struct {
	Run        runCommand        `cmd:"" help:"Receive contact changes and apply them: the worker."`
	Dev        devCommand        `cmd:"" help:"Try it: Pub/Sub, the People API and the worker in one process, on a sample feed."`
	Publish    publishCommand    `cmd:"" help:"Publish contact changes from JSON lines to the topic."`
	Check      checkCommand      `cmd:"" help:"Say what keeps the worker from working, and what mends it."`
	Deadletter deadletterCommand `cmd:"" help:"See, repair and replay what could not be applied."`
	Version    versionCommand    `cmd:"" help:"Show the version."`
}

// errFailed ends a command that has said itself what is wrong.
var errFailed = errors.New("failed")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal kills
	os.Exit(execute(ctx, os.Args[1:], terminal{in: os.Stdin, out: os.Stdout, err: os.Stderr}))
}

// execute runs the command that args ask for and returns the exit code. Settings come from args and environment.
func execute(ctx context.Context, args []string, t terminal) int {
	out := &output{Writer: t.out}
	t.out = out
	code := perform(ctx, args, t)
	if err := out.failure(); err != nil {
		t.complain("contactrelay: output is lost: %v", err)
		return max(code, 1)
	}
	return code
}

// perform runs the command and returns the exit code.
func perform(ctx context.Context, args []string, t terminal) int {
	faults, helped := &settingFaults{}, false
	parser, err := newParser(&commandLine{}, faults,
		kong.Writers(t.out, t.err),
		kong.Exit(func(int) { helped = true }),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(t),
	)
	if err != nil {
		panic(err) // the tags of a command's struct are wrong
	}
	parsed, err := parseAll(parser, args, faults)
	if helped {
		return 0
	}
	if err == nil {
		err = parsed.Run(faults) // ends with the faults if there are any
	}
	return exitCode(t, err)
}

// newParser reads command lines and the environment into c. A value that cannot be read is a fault in faults.
func newParser(c *commandLine, faults *settingFaults, more ...kong.Option) (*kong.Kong, error) {
	return kong.New(c, append(more,
		kong.Name("contactrelay"),
		kong.Description("Applies contact changes from Google Cloud Pub/Sub to Google Contacts: in order, once. "+
			"Every flag has an environment variable."),
		kong.DefaultEnvars("CONTACTRELAY"),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 80}),
		kong.KindMapper(reflect.Int, faults.mapper(parseInt)),
		kong.KindMapper(reflect.Float64, faults.mapper(parseShare)),
		kong.KindMapper(reflect.Bool, faults.switches()),
		kong.TypeMapper(reflect.TypeFor[time.Duration](), faults.mapper(parseDuration)),
		kong.TypeMapper(reflect.TypeFor[userList](), kong.MapperFunc(decodeUsers)),
		kong.TypeMapper(reflect.TypeFor[byteSize](), faults.mapper(parseByteSize)),
	)...)
}

// exitCode says what went wrong and with which code the process ends.
func exitCode(t terminal, err error) int {
	wrong, isSettings := errors.AsType[settingsError](err)
	switch {
	case err == nil:
		return 0
	case isSettings:
		t.complain("contactrelay: wrong settings:")
		fmt.Fprintln(t.err, hanging(2, wrong.Error()))
		return 2
	case errors.Is(err, errLeft):
		return 3
	case !errors.Is(err, errFailed):
		t.complain("contactrelay: %v", err)
	}
	return 1
}
