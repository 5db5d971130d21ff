package main

import (
	"bytes"
	"context"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// testDirectory is where the tests keep the programs that they build.
var testDirectory string

// testsAtOnce is how many parallel tests run at a time unless -parallel says otherwise: they wait for processes, leases and
// redeliveries, seldom for the CPU, so that one for each core, as the default is, would leave the cores idle.
const testsAtOnce = "8"

// calledProgram is the name under which this test program is contactrelay: see invoke.
const calledProgram = "contactrelay"

func TestMain(m *testing.M) {
	if os.Args[0] == calledProgram {
		main()
	}
	var err error
	if testDirectory, err = os.MkdirTemp("", "contactrelay-test-*"); err != nil {
		panic(err)
	}
	withoutEnvironment()
	if err := flag.Set("test.parallel", testsAtOnce); err != nil { // the command line is read after it
		panic(err)
	}
	code := m.Run()
	_ = os.RemoveAll(testDirectory)
	os.Exit(code)
}

// withoutEnvironment takes away whatever the machine has set, so that a test that needs no variables of its own can be
// parallel.
func withoutEnvironment() {
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		if name == emulatorVariable {
			continue // it is for the tests
		}
		if strings.HasPrefix(name, "CONTACTRELAY_") || strings.HasPrefix(name, "GOOGLE_") || strings.HasPrefix(name, "OTEL_") || strings.HasSuffix(name, "_EMULATOR_HOST") {
			os.Unsetenv(name)
		}
	}
	// No credentials of the machine, and no question to a metadata server.
	os.Setenv("GOOGLE_APPLICATION_CREDENTIALS", filepath.Join(testDirectory, "none.json"))
}

// ask runs a command line in this process and returns the exit code and what was printed.
func ask(t *testing.T, ctx context.Context, stdin string, args ...string) (code int, out, err string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = execute(ctx, args, terminal{in: strings.NewReader(stdin), out: &stdout, err: &stderr})
	return code, stdout.String(), stderr.String()
}

// invoke is ask with variables. The environment is a process's, and a test that changes that of this one cannot be
// parallel: so the command line runs in a process of its own, which Ctrl-C interrupts when ctx is done. It is this test
// program again, not one that was built, so that it has the race detector where the tests have it.
func invoke(t *testing.T, ctx context.Context, variables []string, stdin string, args ...string) (code int, out, err string) {
	t.Helper()
	program, failure := os.Executable()
	must(t, failure)
	var stdout, stderr bytes.Buffer
	command := exec.CommandContext(ctx, program, args...)
	command.Args[0] = calledProgram
	// The race detector would have each process wait for a second before it ends.
	command.Env = append(append(os.Environ(), "GORACE=atexit_sleep_ms=0 "+os.Getenv("GORACE")), variables...)
	command.Stdin, command.Stdout, command.Stderr = strings.NewReader(stdin), &stdout, &stderr
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	if failure := command.Run(); command.ProcessState == nil {
		t.Fatal(failure)
	}
	return command.ProcessState.ExitCode(), stdout.String(), stderr.String()
}
