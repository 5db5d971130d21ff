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
	settled  *simplelru.LRU[digest, memo]
	returned *simplelru.LRU[digest, rank]
}

// memo is how a message was settled, and the order it had.
type memo struct {
	outcome Outcome
	rank    rank
}

func newMemory() *memory {
	settled, err := simplelru.NewLRU[digest, memo](maxSettled, nil)
	if err != nil {
		panic(err) // only a size below one is refused
	}
	returned, err := simplelru.NewLRU[digest, rank](maxReturned, nil)
	if err != nil {
		panic(err)
	}
	return &memory{settled: settled, returned: returned}
}

// settle remembers how a message ended.
func (m *memory) settle(identity digest, outcome Outcome, r rank) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.settled.Add(identity, memo{outcome, r})
}

// giveBack remembers a message that was returned without having ended.
func (m *memory) giveBack(identity digest, r rank) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.returned.Add(identity, r)
}

// outcome tells how the message of that identity was settled, and whether it is remembered at all.
func (m *memory) outcome(identity digest) (Outcome, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	was, ok := m.settled.Get(identity)
	return was.outcome, ok
}

// rank is what a message of that identity had when it was here, and whether it is remembered at all.
func (m *memory) rank(identity digest) (rank, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := identity
	if was, ok := m.settled.Get(key); ok {
		return was.rank, true
	}
	return m.returned.Get(key)
}

// digest keeps an identity, or who has which contact, in 16 bytes. A collision would drop a change, so it is cut from a
// cryptographic hash: with 200,000 remembered the chance of one is below 2^-92 a message.
type digest [16]byte

// digestOf is the digest of what belongs to a user.
func digestOf(user, what string) digest {
	var room [256]byte // on the stack: what is longer is rare
	text := append(append(append(room[:0], user...), 0), what...)
	sum := sha256.Sum256(text)
	return digest(sum[:len(digest{})])
}
