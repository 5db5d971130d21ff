package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
)

// lineFile is a file of lines that is read more than once. Standard input and pipes are kept in a temporary file.
type lineFile struct{ file *os.File }

// maxLine bounds a line: a message of Pub/Sub has at most 10 MB, and what the line adds to it is small.
const maxLine = 16 << 20

// openLines opens the file of that name, or keeps what stdin has for "-". It blocks until a pipe or a terminal has
// ended, or until ctx is done. close ends it.
func openLines(ctx context.Context, name string, stdin io.Reader) (*lineFile, error) {
	type opened struct {
		lines *lineFile
		err   error
	}
	done := make(chan opened, 1)
	// Neither opening a pipe nor reading a terminal can be interrupted, so this may outlast the function: it is left
	// alone, and ends with the process.
	go func() {
		lines, err := readLines(ctx, name, stdin)
		done <- opened{lines, err}
	}()
	select {
	case o := <-done:
		return o.lines, o.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func readLines(ctx context.Context, name string, stdin io.Reader) (*lineFile, error) {
	if name == "-" {
		return keepLines(ctx, stdin)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err != nil || info.Mode().IsRegular() {
		return &lineFile{file: f}, err
	}
	defer f.Close()
	return keepLines(ctx, f)
}

// keepLines copies what can be read only once to a temporary file, readable by this user alone.
func keepLines(ctx context.Context, r io.Reader) (*lineFile, error) {
	f, err := os.CreateTemp("", "contactrelay-lines-*")
	if err != nil {
		return nil, err
	}
	// Nobody else needs its name, and without one nothing is left behind however this process ends.
	if err := os.Remove(f.Name()); err != nil {
		return nil, err
	}
	l := &lineFile{file: f}
	if _, err := io.Copy(&lineGuard{to: f, stop: ctx.Err}, r); err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

// lineGuard passes lines on until one is too long, which a device that never ends would be, or until stop says why.
type lineGuard struct {
	to     io.Writer
	stop   func() error
	before int // lines that have ended
	length int // of the line that has not, so far
}

func (g *lineGuard) Write(p []byte) (int, error) {
	if err := g.stop(); err != nil {
		return 0, err
	}
	for piece := range bytes.Lines(p) {
		if g.length += len(piece); g.length > maxLine {
			return 0, lineTooLong(g.before + 1)
		}
		if bytes.HasSuffix(piece, []byte("\n")) {
			g.before, g.length = g.before+1, 0
		}
	}
	return g.to.Write(p)
}

func lineTooLong(number int) error {
	return fmt.Errorf("line %d is longer than %d MiB", number, maxLine>>20)
}

func (l *lineFile) close() { _ = l.file.Close() }

// each calls do with every line that is not blank, and with its number, from 1. It ends at the first error, do's or
// ctx's. The line is do's to keep.
func (l *lineFile) each(ctx context.Context, do func(number int, line []byte) error) error {
	if _, err := l.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	scanner := bufio.NewScanner(l.file)
	scanner.Buffer(make([]byte, 0, 64<<10), maxLine)
	number := 0
	for scanner.Scan() {
		number++
		if err := ctx.Err(); err != nil {
			return err
		}
		line := bytes.TrimSpace(scanner.Bytes())
		if number == 1 {
			line = bytes.TrimPrefix(line, []byte("\ufeff")) // a byte order mark, as some editors write
		}
		if len(line) == 0 {
			continue
		}
		if err := do(number, bytes.Clone(line)); err != nil {
			return err
		}
	}
	if errors.Is(scanner.Err(), bufio.ErrTooLong) {
		return lineTooLong(number + 1)
	}
	return scanner.Err()
}
