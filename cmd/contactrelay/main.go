// Command contactrelay applies contact changes from Google Cloud Pub/Sub to Google Contacts.
//
//	contactrelay run        the worker
//	contactrelay dev        everything embedded: no account, no network
//	contactrelay publish    JSON lines to the topic
//	contactrelay version
//
// Exit codes: 0 when it did what was asked, 1 when it could not, 2 when it was asked wrongly.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
)

// commandLine is what contactrelay can be asked to do.
type commandLine struct {
	Run     runCommand     `cmd:"" help:"Receive contact changes and apply them: the worker."`
	Dev     devCommand     `cmd:"" help:"Try it: Pub/Sub, the People API and the worker in one process, on a sample feed."`
	Publish publishCommand `cmd:"" help:"Publish contact changes from JSON lines to the topic."`
	Version versionCommand `cmd:"" help:"Show the version."`
}

// terminal is where a command reads and writes.
type terminal struct {
	in       io.Reader
	out, err io.Writer
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

// parseAll parses args and notes every unknown flag as a fault: kong by itself ends at the first.
func parseAll(parser *kong.Kong, args []string, faults *settingFaults) (*kong.Context, error) {
	args = slices.Clone(args)
	for {
		parsed, err := parser.Parse(args)
		if err == nil {
			return parsed, nil
		}
		i := slices.IndexFunc(args, func(arg string) bool {
			name, _, _ := strings.Cut(arg, "=")
			return strings.HasPrefix(arg, "-") && strings.HasPrefix(err.Error()+",", "unknown flag "+name+",")
		})
		if i < 0 {
			return nil, settingsError{faults.join(fmt.Errorf("%w; contactrelay --help shows what there is", err))}
		}
		faults.errs = append(faults.errs, err)
		args = slices.Delete(args, i, i+1)
	}
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
		kong.KindMapper(reflect.Bool, faults.switches()),
		kong.TypeMapper(reflect.TypeFor[time.Duration](), faults.mapper(parseDuration)),
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
		fmt.Fprintf(t.err, "contactrelay: wrong settings:\n%s", wrong.list())
		return 2
	case !errors.Is(err, errFailed):
		fmt.Fprintf(t.err, "contactrelay: %v\n", err)
	}
	return 1
}
