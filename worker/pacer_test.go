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

func TestAcksLeaveInOrderAndNeverMoreThanARequestATick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, p := &ackLog{}, &pacer{}
		begin := time.Now()
		for i := range 3000 {
			pacedAnswer{numbered{i + 1, log}, p}.Ack()
			if i%700 == 0 {
				time.Sleep(30 * time.Millisecond)
			}
		}
		time.Sleep(time.Second)
		acks := log.read()
		if len(acks) != 3000 {
			t.Fatalf("%d of 3000 acks were given", len(acks))
		}
		for i, a := range acks {
			if a.number != i+1 {
				t.Fatalf("ack %d came at place %d", a.number, i+1)
			}
			if i >= 1000 && a.at.Sub(acks[i-1000].at) < 100*time.Millisecond {
				t.Fatalf("more than 1000 acks within %v", a.at.Sub(acks[i-1000].at))
			}
		}
		if took := acks[2999].at.Sub(begin); took > 650*time.Millisecond {
			t.Errorf("3000 acks took %v", took)
		}
	})
}

func TestAFewAcksAndEveryNackGoAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, p := &ackLog{}, &pacer{}
		for i := range ackLimit {
			pacedAnswer{numbered{i + 1, log}, p}.Ack()
		}
		if n := len(log.read()); n != ackLimit {
			t.Errorf("%d of %d acks went at once", n, ackLimit)
		}
		pacedAnswer{numbered{1, log}, p}.Ack() // waits
		pacedAnswer{numbered{7, log}, p}.Nack()
		if acks := log.read(); acks[len(acks)-1].number != -7 {
			t.Errorf("the nack waited")
		}
		time.Sleep(time.Second)
	})
}
