package main

import (
	"math"
	"os"
	"runtime/debug"
)

// roomyPercent is how much garbage may gather, in percent of what is live, where the limit of memory is known. Looking for
// garbage takes a quarter of the worker's CPU time at Go's own 100; what it takes falls in proportion.
const roomyPercent = 400

// useMemory trades memory for CPU time where GOMEMLIMIT says how much memory there is: the limit rules then, and garbage is
// collected as often as it takes to stay below. Without it, and where GOGC says otherwise, all stays as it is: a worker whose
// messages fill half of an unknown memory must not let it grow to five times of what they take.
func useMemory() {
	limit := debug.SetMemoryLimit(-1) // which asks
	if _, chosen := os.LookupEnv("GOGC"); !chosen && limit < math.MaxInt64 {
		debug.SetGCPercent(roomyPercent)
	}
}
