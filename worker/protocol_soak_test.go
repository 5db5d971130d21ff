//go:build soak

package worker

import "testing"

// TestSoakProtocol is TestProtocol with 200,000 other seeds.
func TestSoakProtocol(t *testing.T) {
	protocolRuns(t, protocolSeeds, protocolSeeds+200_000)
}

// TestSoakProtocolTogether is TestProtocolTogether with 50,000 other seeds.
func TestSoakProtocolTogether(t *testing.T) {
	protocolRuns(t, togetherFrom+protocolSeeds, togetherFrom+protocolSeeds+50_000)
}
