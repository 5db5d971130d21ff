package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"time"
)

func TestALineWithoutEndIsRefusedWhileItIsRead(t *testing.T) {
	devWorld(t)
	code, _, errs := ask(t, t.Context(), "", "publish", "/dev/zero")
	if code != 1 || !strings.Contains(errs, "line 1 is longer than 16 MiB") {
		t.Errorf("exit code %d, %q", code, errs)
	}
}

func TestTheLimitOfALineIsTheSameForFilesAndPipes(t *testing.T) {
	for _, over := range []int{0, 1} {
		long := bytes.Repeat([]byte("x"), maxLine-1+over)
		text := append(append([]byte("first\n"), long...), '\n')
		file := filepath.Join(t.TempDir(), "lines")
		must(t, os.WriteFile(file, text, 0o600))
		for name, stdin := range map[string]io.Reader{file: nil, "-": iotest.HalfReader(bytes.NewReader(text))} {
			count := 0
			lines, err := openLines(t.Context(), name, stdin)
			if err == nil {
				err = lines.each(t.Context(), func(int, []byte) error { count++; return nil })
				lines.close()
			}
			if over == 0 && (err != nil || count != 2) || over == 1 && (err == nil || !strings.Contains(err.Error(), "line 2 is longer")) {
				t.Errorf("%s, %d over the limit: %d lines, %v", name, over, count, err)
			}
		}
	}
}

// never is a terminal at which nobody types.
type never struct{}

func (never) Read([]byte) (int, error) { select {} }

func TestAnInterruptionWhileLinesAreAwaitedEndsThePublication(t *testing.T) {
	devWorld(t)
	fifo := filepath.Join(t.TempDir(), "fifo")
	must(t, syscall.Mkfifo(fifo, 0o600)) // nobody opens its other end
	for _, name := range []string{"-", fifo} {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		var out, errs bytes.Buffer
		code := execute(ctx, []string{"publish", name}, terminal{in: never{}, out: &out, err: &errs})
		if code != 1 || errs.String() != "contactrelay: interrupted\nnot published: all lines\n" || out.Len() != 0 {
			t.Errorf("%s: exit code %d, %q, %q", name, code, out.String(), errs.String())
		}
	}
}

// interrupting is an input that ends with an interruption: the lines are all there, and being checked.
type interrupting struct {
	io.Reader
	interrupt context.CancelFunc
}

func (i interrupting) Read(p []byte) (int, error) {
	n, err := i.Reader.Read(p)
	if err != nil {
		i.interrupt()
	}
	return n, err
}

func TestAnInterruptionWhileLinesAreCheckedSaysThatNoneIsIn(t *testing.T) {
	w := devWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	var out, errs bytes.Buffer
	in := interrupting{strings.NewReader(goodLine("ann@example.com", 1)), cancel}
	code := execute(ctx, []string{"publish", "-"}, terminal{in: in, out: &out, err: &errs})
	if code != 1 || errs.String() != "contactrelay: interrupted\nnot published: all lines\n" || len(waiting(t, w)) != 0 {
		t.Errorf("exit code %d, %q", code, errs.String())
	}
}
