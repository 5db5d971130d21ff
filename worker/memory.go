package worker

import (
	"crypto/sha256"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

const (
	// maxSettled is how many settled messages are remembered, from section 6 of the design.
	maxSettled = 200_000
	// maxReturned is how many returned ones are: they come again soon, or go to another worker.
	maxReturned = 50_000
)

// memory is the identities of the messages that this worker had lately. A redelivery of one that was settled is answered
// without a call; one that was returned keeps its order. Safe for concurrent use.
type memory struct {
	mu       sync.Mutex // guards the fields below
	settled  *simplelru.LRU[[16]byte, memo]
	returned *simplelru.LRU[[16]byte, rank]
}

// memo is how a message was settled, and the order it had.
type memo struct {
	outcome Outcome
	rank    rank
}

func newMemory() *memory {
	settled, err := simplelru.NewLRU[[16]byte, memo](maxSettled, nil)
	if err != nil {
		panic(err) // only a size below one is refused
	}
	returned, err := simplelru.NewLRU[[16]byte, rank](maxReturned, nil)
	if err != nil {
		panic(err)
	}
	return &memory{settled: settled, returned: returned}
}

// settle remembers how a message ended.
func (m *memory) settle(identity string, outcome Outcome, r rank) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.settled.Add(digest(identity), memo{outcome, r})
}

// giveBack remembers a message that was returned without having ended.
func (m *memory) giveBack(identity string, r rank) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.returned.Add(digest(identity), r)
}

// outcome tells how the message of that identity was settled, and whether it is remembered at all.
func (m *memory) outcome(identity string) (Outcome, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	was, ok := m.settled.Get(digest(identity))
	return was.outcome, ok
}

// rank is what a message of that identity had when it was here, and whether it is remembered at all.
func (m *memory) rank(identity string) (rank, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := digest(identity)
	if was, ok := m.settled.Get(key); ok {
		return was.rank, true
	}
	return m.returned.Get(key)
}

// digest keeps an identity in 16 bytes. A collision would drop a change, so it is cut from a cryptographic hash:
// with 200,000 remembered the chance of one is below 2^-92 a message.
func digest(identity string) [16]byte {
	sum := sha256.Sum256([]byte(identity))
	return [16]byte(sum[:16])
}
