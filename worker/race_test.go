//go:build race

package worker

// raced is whether the race detector is on. It makes a run five times as long and looks for something else: some of the
// seeds will do.
const raced = true
