package main

import "time"

// window says how many letters may be published and not removed yet. If the process is killed just these are published
// twice, should it be run again, so they are as few as a brisk replay needs: one while the service is near and answers
// at once, more over a long line.
type window struct {
	took time.Duration // from the publication of a letter to its removal, on average
}

const (
	// brisk is how many letters a second are fast enough.
	brisk = 4000
	// widest bounds the letters that are under way, however slow the service is.
	widest = 200
	// remembered is how many hands the average is of, about.
	remembered = 16
)

// measured notes how long it took to publish and to remove a hand of letters.
func (w *window) measured(took time.Duration) { w.took += (took - w.took) / remembered }

// width is as many letters as are to be under way for the rate to be brisk: it is their number by the time that each
// takes.
func (w *window) width() int {
	return min(1+int(w.took*brisk/time.Second), widest)
}
