package worker

import (
	"crypto/sha256"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// remembered is how many settled messages are remembered, from section 6 of the design.
const remembered = 200_000

// memory is the identities of the messages that were settled lately. A redelivery of one is answered without a
// call. Safe for concurrent use.
type memory struct {
	mu      sync.Mutex // guards settled
	settled *simplelru.LRU[[16]byte, Outcome]
}

func newMemory() *memory {
	lru, err := simplelru.NewLRU[[16]byte, Outcome](remembered, nil)
	if err != nil {
		panic(err) // only a size below one is refused
	}
	return &memory{settled: lru}
}

func (m *memory) add(identity string, o Outcome) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.settled.Add(digest(identity), o)
}

// outcome tells how the message of that identity was settled, and whether it is remembered at all.
func (m *memory) outcome(identity string) (Outcome, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.settled.Get(digest(identity))
}

// digest keeps an identity in 16 bytes. A collision would drop a change, so it is cut from a cryptographic hash:
// with 200,000 remembered the chance of one is below 2^-92 a message.
func digest(identity string) [16]byte {
	sum := sha256.Sum256([]byte(identity))
	return [16]byte(sum[:16])
}
