package main

import "time"

// window says how many letters may be published and not removed yet. If the process is killed just these are published
// twice, should it be run again. So it is one letter at a time, unless the service is so far away that this would be slow;
// then it is as many as a brisk replay needs.
type window struct {
	took time.Duration // from the publication of a hand to its removal, on average
	late int           // hands in a row that took longer than near
}

const (
	// near is how long it takes at most to publish and to remove a letter where the service is near: one at a time is 200
	// a second or more. With the service on the same machine it takes a tenth of that.
	near = 5 * time.Millisecond
	// chance is how many hands in a row may be late by chance. A long line delays each of them; a machine that is
	// overloaded, or a request that is made again, only some.
	chance = 16
	// brisk is how many letters a second are fast enough where the service is not near.
	brisk = 4000
	// widest bounds the letters that are under way, however slow the service is.
	widest = 200
	// remembered is how many hands the average is of, about.
	remembered = 16
)

// measured notes how long it took to publish and to remove a hand of letters.
func (w *window) measured(took time.Duration) {
	w.took += (took - w.took) / remembered
	w.late++
	if took <= near {
		w.late = 0
	}
}

// width is how many letters may be under way: one where the service is near, and else their brisk rate by the time that
// each takes.
func (w *window) width() int {
	if w.late <= chance {
		return 1
	}
	return min(1+int(w.took*brisk/time.Second), widest)
}
