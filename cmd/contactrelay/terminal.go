package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"github.com/mattn/go-isatty"
)

// terminal is where a command reads and writes.
type terminal struct {
	in       io.Reader
	out, err io.Writer
}

// complain says on t.err what is wrong, within the width.
func (t terminal) complain(format string, args ...any) {
	fmt.Fprintf(t.err, "%s\n", hanging(0, fmt.Sprintf(format, args...)))
}

// output is standard output that may get lost, on a full disk for one. The first failure is kept, and what comes after
// it is dropped: the command does what it was asked for, and its exit code tells.
type output struct {
	io.Writer

	mu   sync.Mutex // guards the field below
	lost error
}

// Write never fails.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.lost == nil {
		_, o.lost = o.Writer.Write(p)
	}
	return len(p), nil
}

// failure is why output got lost, nil if none did.
func (o *output) failure() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.lost
}

// isTerminal reports whether w is a terminal.
func isTerminal(w any) bool {
	if o, ok := w.(*output); ok {
		w = o.Writer
	}
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}

// coloured reports whether to write colours to w: on a terminal, unless NO_COLOR is set (https://no-color.org).
func coloured(w any) bool {
	return isTerminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// width is how wide the output may be.
const width = 80

// hanging wraps each line of text at the width: it is indented by so much, and what does not fit by two more.
func hanging(indent int, text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = strings.Repeat(" ", indent) + indented(line, indent+2)
	}
	return strings.Join(lines, "\n")
}

// indented wraps text at the width, with later lines indented.
func indented(text string, indent int) string {
	var b strings.Builder
	column := indent
	for i, word := range strings.Fields(text) {
		switch {
		case i > 0 && column+1+len(word) > width:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			column = indent
		case i > 0:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += len(word)
	}
	return b.String()
}
