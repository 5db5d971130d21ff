package worker

import (
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// audited is how many contacts the auditor keeps.
const audited = 100_000

// auditor sees to it that the changes of a contact end in the order of their arrival. It finds nothing unless the
// worker is wrong. Safe for concurrent use.
type auditor struct {
	mu   sync.Mutex // guards last
	last *simplelru.LRU[digest, int64]
}

func newAuditor() *auditor {
	lru, err := simplelru.NewLRU[digest, int64](audited, nil)
	if err != nil {
		panic(err) // only a size below one is refused
	}
	return &auditor{last: lru}
}

// finished notes that a message has ended.
func (a *auditor) finished(h *held, w *Worker) {
	if h.replay {
		return // it is older than what was done since, and writes what that left
	}
	for _, p := range h.parts {
		if p.found.written && a.overtaken(digestOf(h.user(), p.resource), h.number) {
			w.tally.violated()
			w.log.Error("order violation: a change ended after a later one of its contact", "message_id", h.id, "contact", p.resource)
		}
	}
}

// overtaken reports whether a later change of the contact has ended before this one.
func (a *auditor) overtaken(contact digest, number int64) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	last, known := a.last.Get(contact)
	if known && last > number {
		return true
	}
	a.last.Add(contact, number)
	return false
}
