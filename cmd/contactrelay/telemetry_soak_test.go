//go:build soak

package main

import "testing"

// TestSoakStopsUnderLoad is TestAStopUnderLoadSendsTheLastCountsAndLosesNothing with twenty stops.
func TestSoakStopsUnderLoad(t *testing.T) { stopsUnderLoad(t, 20) }
