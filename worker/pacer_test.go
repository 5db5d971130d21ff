package worker

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// ackLog notes when and in which order answers were given.
type ackLog struct {
	mu  sync.Mutex // guards all
	all []ackTime
}

type ackTime struct {
	number int // negative: a nack
	at     time.Time
}

func (l *ackLog) add(number int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, ackTime{number, time.Now()})
}

func (l *ackLog) read() []ackTime {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.all)
}

// numbered is an answer that is noted.
type numbered struct {
	number int
	log    *ackLog
}

func (a numbered) Ack()  { a.log.add(a.number) }
func (a numbered) Nack() { a.log.add(-a.number) }

// numbers are those of the acks and nacks so far.
func (l *ackLog) numbers() (all []int) {
	for _, a := range l.read() {
		all = append(all, a.number)
	}
	return all
}

// give gives so many answers to a pacer, from a number on.
func (l *ackLog) give(p *pacer, from, n int) {
	for i := range n {
		pacedAnswer{numbered{from + i, l}, p}.Ack()
	}
}

func TestAcksAreGivenInOrderAndNeverMoreThanARequestTakes(t *testing.T) {
	log, p := &ackLog{}, &pacer{}
	log.give(p, 1, 2500)
	for i, want := range []int{1000, 1400, 2400, 2500, 2500} {
		if got := log.numbers(); len(got) != want || !slices.IsSorted(got) || got[want-1] != want {
			t.Fatalf("after %d requests %d acks were given, the last is %d; want %d, in their order", i, len(got), got[len(got)-1], want)
		}
		p.sent(&i, []int{400, 1000, 1000, 100, 0}[i])
	}
}

func TestARequestThatIsTriedAgainMakesNoMoreRoom(t *testing.T) {
	log, p, request := &ackLog{}, &pacer{}, new(int)
	log.give(p, 1, 2500)
	p.sent(request, 400)
	p.sent(request, 400)
	if n := len(log.read()); n != 1400 {
		t.Errorf("%d acks were given, want 1400", n)
	}
}

func TestAcksDoNotWaitForEverForAStreamThatHasEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, p := &ackLog{}, &pacer{}
		log.give(p, 1, 2500)
		time.Sleep(ackPatience - time.Millisecond)
		if n := len(log.read()); n != ackLimit {
			t.Errorf("%d acks were given, want %d", n, ackLimit)
		}
		time.Sleep(2*ackPatience + time.Second)
		if n := len(log.read()); n != 2500 {
			t.Errorf("%d acks were given in the end, want 2500", n)
		}
	})
}

func TestEveryNackGoesAtOnce(t *testing.T) {
	log, p := &ackLog{}, &pacer{}
	log.give(p, 1, ackLimit+1)
	pacedAnswer{numbered{7, log}, p}.Nack()
	if acks := log.numbers(); len(acks) != ackLimit+1 || acks[ackLimit] != -7 {
		t.Errorf("%d answers were given, the last is %d; want %d and the nack", len(acks), acks[len(acks)-1], ackLimit+1)
	}
}
