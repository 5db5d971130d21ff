package main

import (
	"math"
	"runtime/debug"
	"testing"
)

func TestGarbageMayGatherOnlyWhereTheLimitOfMemoryIsKnownAndNobodyChoseOtherwise(t *testing.T) {
	for _, c := range []struct {
		name  string
		limit int64
		gogc  string
		want  int
	}{
		{"no limit", math.MaxInt64, "", 100},
		{"a limit", 1 << 40, "", roomyPercent},
		{"a limit and GOGC", 1 << 40, "100", 100},
	} {
		t.Run(c.name, func(t *testing.T) {
			limit, percent := debug.SetMemoryLimit(c.limit), debug.SetGCPercent(100)
			defer func() {
				debug.SetMemoryLimit(limit)
				debug.SetGCPercent(percent)
			}()
			if c.gogc != "" {
				t.Setenv("GOGC", c.gogc)
			}
			useMemory()
			if got := debug.SetGCPercent(100); got != c.want {
				t.Errorf("garbage may gather up to %d %% of what is live, want %d", got, c.want)
			}
		})
	}
}
