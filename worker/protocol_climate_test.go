package worker

import "math/rand/v2"

// protocolClimate is how often what happens in a run. Each seed leaves some of it out, so that a rule is not covered up
// by all that may go wrong besides.
type protocolClimate struct {
	cards, edits, burst int

	publish, reads, hands, replays float64 // in a step
	again                          float64 // a value is one that the field had before
	photos, latest, sick, inverted float64 // of the changes
	photosMove                     bool    // the etag
	lag                            bool

	lost, late             float64 // of the calls
	lostAck                float64
	crash, stops, returns  float64 // in a step
	suffix, moves, overlap float64

	together protocolTogether
}

func newProtocolClimate(rng *rand.Rand, together bool) protocolClimate {
	some := func(often, much float64) float64 {
		if rng.Float64() < often {
			return much * rng.Float64()
		}
		return 0
	}
	c := protocolClimate{
		cards: 1 + rng.IntN(2), edits: 2 + rng.IntN(7), burst: 1 + rng.IntN(4),
		publish: 0.02 + 0.2*rng.Float64(), reads: some(0.5, 0.1), hands: some(0.6, 0.06), replays: some(0.7, 0.1),
		again: some(0.4, 0.4), photos: some(0.4, 0.5), latest: some(0.4, 0.6), sick: some(0.4, 0.3), inverted: some(0.2, 0.6),
		photosMove: rng.IntN(2) == 0, lag: rng.IntN(2) == 0,
		lost: some(0.5, 0.3), late: some(0.4, 0.3), lostAck: some(0.5, 0.4),
		crash: some(0.4, 0.04), stops: some(0.4, 0.03), returns: some(0.4, 0.06), suffix: some(0.5, 0.05), moves: some(0.5, 0.5),
	}
	if c.photos+c.latest == 0 {
		c.overlap = some(0.2, 0.5)
	}
	if together {
		c.cards, c.edits, c.burst, c.photos = 2+rng.IntN(2), c.edits+rng.IntN(8), c.burst+rng.IntN(4), c.photos/2
		c.latest, c.again = max(c.latest, some(0.5, 0.8)), max(c.again, some(0.5, 0.6))
		if c.latest > 0 {
			c.overlap = 0
		}
		c.together = protocolTogether{of: 1, partial: rng.IntN(2) == 0, naming: rng.IntN(3)}
	}
	return c
}

// calm is how a run ends: what is left is done without another fault.
func (c *protocolClimate) calm() {
	*c = protocolClimate{photosMove: c.photosMove, together: c.together}
}
