package main

import (
	"io"
	"os"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
)

// bar is the progress of a long publication, on a terminal. Nil is none. Its methods are safe for concurrent use.
type bar struct {
	mu    sync.Mutex // held while the line is drawn or cleared
	shown *progressbar.ProgressBar
}

// barFrom is the number of lines from which on a terminal shows a progress bar.
const barFrom = 1000

// newBar returns a bar for so many lines, nil if they are few or there is no terminal that can show one.
func newBar(t terminal, total int) *bar {
	if total < barFrom {
		return nil
	}
	return slowBar(t, total)
}

// slowBar returns a bar for lines that take their time, however few they are; nil if there is no terminal that can show
// one.
func slowBar(t terminal, total int) *bar {
	if !isTerminal(t.err) || os.Getenv("TERM") == "dumb" {
		return nil
	}
	return drawBar(t.err, total)
}

// drawBar returns a bar on w.
func drawBar(w io.Writer, total int) *bar {
	return &bar{shown: progressbar.NewOptions(total, progressbar.OptionSetWriter(w), progressbar.OptionSetDescription("publishing"),
		progressbar.OptionShowCount(), progressbar.OptionSetPredictTime(true), progressbar.OptionSetWidth(20),
		progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionUseANSICodes(true), progressbar.OptionClearOnFinish())}
}

// add counts lines that are settled.
func (b *bar) add(lines int) {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	_ = b.shown.Add(lines)
}

// clear takes the bar off its line until the next add.
func (b *bar) clear() {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	_ = b.shown.Clear()
}

// end takes the bar away, whether or not it is full.
func (b *bar) end() {
	if b == nil {
		return
	}
	_ = b.shown.Exit()
	b.clear()
}
