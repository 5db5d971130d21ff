//go:build soak

package main

import (
	"fmt"
	"testing"
	"time"
)

// TestSoakCrash is TestCrash with more seeds, users and kills, and lives that are long enough to settle conflicts.
func TestSoakCrash(t *testing.T) {
	for seed := uint64(11); seed <= 16; seed++ {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			t.Parallel()
			crashRun(t, crashPlan{seed: seed, users: 20, kills: 40, longest: 6 * time.Second})
		})
	}
}
