package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/contactrelay/contactrelay/messages"
)

// shakyTopic confirms what it takes after a moment, and fails when fails says so: then it has taken some of a sheaf.
type shakyTopic struct {
	fails func() bool

	mu    sync.Mutex // guards the fields below
	took  map[string][]string
	users map[string]bool // who is being published to
	most  int             // the most at once
	over  int             // how often two sheaves of one user were under way
}

var errShaky = errors.New("shaky")

func (s *shakyTopic) PublishAll(ctx context.Context, all []messages.Message) (int, error) {
	user := all[0].OrderingKey
	s.mu.Lock()
	if s.users[user] {
		s.over++
	}
	s.users[user] = true
	s.most = max(s.most, len(s.users))
	s.mu.Unlock()
	wait(ctx, 20*time.Millisecond)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.users, user)
	if ctx.Err() != nil {
		return 0, ctx.Err()
	}
	n, err := len(all), error(nil)
	if s.fails() {
		n, err = rand.IntN(len(all)), errShaky
	}
	for _, m := range all[:n] {
		s.took[user] = append(s.took[user], string(m.Data))
	}
	return n, err
}

// box is an outbox that runs on a shaky topic.
type box struct {
	*outbox
	topic *shakyTopic
	tally *tally
	log   *lockedBuffer
	stop  func() // without waiting for what is left
	ended chan struct{}
}

func newBox(fails func() bool) *box {
	b := &box{topic: &shakyTopic{fails: fails, took: map[string][]string{}, users: map[string]bool{}}, tally: &tally{}, log: &lockedBuffer{}, ended: make(chan struct{})}
	b.outbox = newOutbox(b.topic, 8, b.tally, slog.New(slog.NewTextHandler(b.log, nil)))
	ctx, stop := context.WithCancel(context.Background())
	b.stop = stop
	go func() { defer close(b.ended); b.run(ctx) }()
	return b
}

func (b *box) counts() map[string]int { return b.tally.outcomes }

func outcomeOf(user string, i int) messages.Message {
	return messages.Message{OrderingKey: user, Data: fmt.Append(nil, i)}
}

func TestOutcomesOfAUserKeepTheirOrderWhateverFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(1, 2))
		b := newBox(func() bool { return rand.IntN(3) == 0 })
		const users, each = 30, 300
		for i := range each {
			for u := range users {
				b.add(outcomeOf(fmt.Sprint("user ", u), i))
			}
			time.Sleep(time.Duration(random.IntN(20)) * time.Millisecond)
		}
		b.close()
		<-b.ended
		b.stop()
		for user, took := range b.topic.took {
			if len(took) != each {
				t.Errorf("%s: %d outcomes, want %d", user, len(took), each)
			}
			for i, data := range took {
				if data != fmt.Sprint(i) {
					t.Fatalf("%s: outcome %d is %s", user, i, data)
				}
			}
		}
		if b.topic.over > 0 || b.topic.most > 8 || b.topic.most < 2 || len(b.topic.took) != users {
			t.Errorf("%d overlaps, %d users at once (want 2 to 8), %d users in all", b.topic.over, b.topic.most, len(b.topic.took))
		}
		if c := b.counts(); c["published"] != users*each || c["retried"] == 0 || c["dropped"] != 0 {
			t.Errorf("counted %v", c)
		}
	})
}

func TestATopicThatIsGoneCostsABoundAndALineAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mended bool
		b := newBox(func() bool { return !mended })
		const all = 3 * maxOutcomes
		for i := range all {
			b.add(outcomeOf(fmt.Sprint("user ", i%2000), i))
			time.Sleep(time.Hour / all)
		}
		b.mu.Lock()
		items, piles, ready, waiting := b.items, len(b.piles), b.ready.Len(), b.waiting.Len()
		b.mu.Unlock()
		if items > maxOutcomes || piles > 2000 || ready > piles || waiting > items {
			t.Errorf("%d outcomes in %d piles, %d ready, %d waiting", items, piles, ready, waiting)
		}
		if n := strings.Count(b.log.String(), "\n"); n < 40 || n > 61 {
			t.Errorf("%d lines in an hour, want one a minute at most, and not much less", n)
		}
		b.topic.mu.Lock()
		mended = true
		b.topic.mu.Unlock()
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		taken := 0
		for _, took := range b.topic.took {
			taken += len(took)
		}
		c := b.counts()
		if taken != c["published"] || c["published"]+c["dropped"] != all || c["published"] < maxOutcomes {
			t.Errorf("%d outcomes, %d taken, counted %v", all, taken, c)
		}
		for i := all - 100; i < all; i++ {
			took := b.topic.took[fmt.Sprint("user ", i%2000)]
			if took[len(took)-1] != fmt.Sprint(i) {
				t.Fatalf("the newest outcome of a user is not there: %v, want %d", took[len(took)-1], i)
			}
		}
		b.close()
		<-b.ended
		b.stop()
	})
}

func TestTheOldestOutcomeIsDroppedAlsoIfANewerOneHasFailed(t *testing.T) {
	b := newOutbox(&shakyTopic{}, 1, &tally{}, slog.New(slog.DiscardHandler))
	b.maxItems = 5
	for i, user := range []string{"a", "b", "c", "d", "a"} {
		b.add(outcomeOf(user, i+1))
	}
	u, sheaf := b.take(t.Context())
	b.settle(u, sheaf, 0, true) // 1 and 5
	b.add(outcomeOf("e", 6))
	b.add(outcomeOf("f", 7))
	var left []string
	for e := b.waiting.Front(); e != nil; e = e.Next() {
		left = append(left, string(e.Value.(*parcel).message.Data))
	}
	if got := strings.Join(left, " "); got != "3 4 5 6 7" {
		t.Errorf("%s are left, want 3 4 5 6 7", got)
	}
}

func TestOutcomesAreBoundedInBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBox(func() bool { return true })
		for range 100 {
			b.add(messages.Message{OrderingKey: "user", Data: make([]byte, 1<<20)})
		}
		b.mu.Lock()
		if b.bytes > maxOutcomeBytes || b.bytes < maxOutcomeBytes-1<<21 {
			t.Errorf("%d bytes held, want at most %d", b.bytes, maxOutcomeBytes)
		}
		b.mu.Unlock()
		b.stop()
		<-b.ended
		if n := b.counts()["dropped"]; n != 100 {
			t.Errorf("%d dropped of 100 that nobody took", n)
		}
	})
}

func TestAClosedOutboxTriesAtOnceWhatWaited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fails := true
		b := newBox(func() bool { return fails })
		b.add(outcomeOf("user", 0))
		time.Sleep(time.Hour) // the pauses are long by now
		b.topic.mu.Lock()
		fails = false
		b.topic.mu.Unlock()
		begun := time.Now()
		b.close()
		<-b.ended
		b.stop()
		if took := time.Since(begun); took > 100*time.Millisecond || b.counts()["published"] != 1 {
			t.Errorf("closed after %v, counted %v", took, b.counts())
		}
	})
}

func TestAnOutcomeTopicThatFailsHoldsUpNoChange(t *testing.T) {
	announced(t, func(t *testing.T, w *world) {
		must(t, w.broker.DeleteTopic(outcomesTopic))
		w.seed(ann, 20)
		for i := range 20 {
			w.publish(ann, rename(contactName(i+1), "x", 1))
		}
		w.start()
		time.Sleep(5 * time.Second)
		w.check(map[string]int{"applied": 20}) // nothing is left in the subscription
		if f := w.worker.Faults(); len(f) > 0 {
			t.Errorf("unready: %v", f)
		}
		time.Sleep(time.Hour)
		must(t, w.broker.DeleteSubscription(announcements))
		w.makeOutcomes()
		time.Sleep(time.Minute)
		told := w.told()
		if len(told) != 20 {
			t.Fatalf("%d outcomes after the topic came back, want 20", len(told))
		}
		for i, o := range told {
			if o.Contacts[contactName(i+1)].Result != messages.Applied {
				t.Errorf("outcome %d: %+v", i, o.Contacts)
			}
		}
		if c := w.worker.Tally().Outcomes; c["published"] != 20 || c["retried"] == 0 || c["dropped"] > 0 {
			t.Errorf("counted %v", c)
		}
		if n := strings.Count(w.log.String(), `"level":"ERROR"`); n < 40 || n > 61 {
			t.Errorf("%d error lines in an hour, want one a minute at most, and not much less", n)
		}
	})
}

func TestOutcomesAreFlushedAtTheStopWithinTheDrain(t *testing.T) {
	announced(t, func(t *testing.T, w *world) {
		w.seed(ann, 1)
		w.fail(latency(5 * time.Second))
		w.publish(ann, rename("people/c1", "x", 1))
		w.start()
		time.Sleep(time.Second)
		begun := time.Now()
		must(t, w.stop()) // while the call is in flight
		if took := time.Since(begun); took > 5*time.Second || len(w.told()) != 1 {
			t.Errorf("stopped after %v with %d outcomes, want the one of the call in flight", took, len(w.told()))
		}
	})
}

func TestAStopDoesNotWaitForATopicThatIsGone(t *testing.T) {
	announced(t, func(t *testing.T, w *world) {
		w.seed(ann, 1)
		w.publish(ann, rename("people/c1", "x", 1))
		must(t, w.broker.DeleteTopic(outcomesTopic))
		w.start()
		time.Sleep(time.Second)
		begun := time.Now()
		must(t, w.stop())
		if took := time.Since(begun); took >= 8*time.Second {
			t.Errorf("the stop took %v", took)
		}
		if c := w.worker.Tally().Outcomes; c["dropped"] != 1 || !strings.Contains(w.log.String(), "stopped before all outcomes were published") {
			t.Errorf("counted %v:\n%s", c, w.log)
		}
	})
}
