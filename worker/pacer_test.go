package worker

import (
	"testing"
	"testing/synctest"
	"time"
)

// ackedAt notes when and in which order acks came.
type ackedAt struct {
	number int
	to     *[]ackTime
}

type ackTime struct {
	number int
	at     time.Time
}

func (a ackedAt) Ack()  { *a.to = append(*a.to, ackTime{a.number, time.Now()}) }
func (a ackedAt) Nack() { *a.to = append(*a.to, ackTime{-a.number, time.Now()}) }

func TestAcksLeaveInOrderAndNeverMoreThanARequestATick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var acks []ackTime
		p := &pacer{}
		begin := time.Now()
		for i := range 3000 {
			pacedAnswer{ackedAt{i + 1, &acks}, p}.Ack()
			if i%700 == 0 {
				time.Sleep(30 * time.Millisecond)
			}
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if len(acks) != 3000 {
			t.Fatalf("%d of 3000 acks were given", len(acks))
		}
		for i, a := range acks {
			if a.number != i+1 {
				t.Fatalf("ack %d came at place %d", a.number, i+1)
			}
			if i >= 1000 && a.at.Sub(acks[i-1000].at) < ackWindow {
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
		var acks []ackTime
		p := &pacer{}
		for i := range ackLimit {
			pacedAnswer{ackedAt{i + 1, &acks}, p}.Ack()
		}
		if len(acks) != ackLimit {
			t.Errorf("%d of %d acks went at once", len(acks), ackLimit)
		}
		pacedAnswer{ackedAt{1, &acks}, p}.Ack() // waits
		pacedAnswer{ackedAt{7, &acks}, p}.Nack()
		if last := acks[len(acks)-1]; last.number != -7 {
			t.Errorf("the nack waited")
		}
		time.Sleep(time.Second)
	})
}
