//go:build soak

package worker

import (
	"fmt"
	"testing"
)

// TestSoakModel is TestModel with 100,000 other seeds, in blocks, so that not all of them wait for their turn at once.
func TestSoakModel(t *testing.T) {
	const soakSeeds, block = 100_000, 1000
	for from := uint64(modelSeeds); from < modelSeeds+soakSeeds; from += block {
		t.Run(fmt.Sprintf("from=%d", from), func(t *testing.T) { modelRuns(t, from, from+block) })
	}
}
