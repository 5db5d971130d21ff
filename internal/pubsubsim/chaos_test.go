package pubsubsim

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// TestThePromisesHoldWhateverGoesWrong runs a subscriber that does all kinds of things against a broker with all
// faults, and checks what the service promises all the same: no message is lost, none of a key is skipped, no stream
// holds too much. Run one seed again with -run 'WhateverGoesWrong/seed=17$'.
func TestThePromisesHoldWhateverGoesWrong(t *testing.T) {
	for seed := range uint64(100) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rng := rand.New(rand.NewPCG(seed, 2))
				c := &chaos{
					rng:   rng,
					order: make(map[string][]string),
					next:  make(map[string]int),
				}
				settings := ordered()
				if c.dead = seed%4 == 0; c.dead {
					settings = deadLetter(letters, minAttempts)
				}
				c.desk = newDesk(t, Config{OutstandingPerKey: []int{1, 10, 0}[rng.IntN(3)], Seed: seed}, settings)
				c.must(c.SetFaults(Faults{
					Duplicate: 0.1, LostAck: 0.1, AckFailure: 0.05, CutStream: 0.05, CutStreamEvery: Duration(time.Minute),
					SlowRedelivery: Duration(time.Second), PublishLost: 0.05, PublishUnconfirmed: 0.05,
				}))
				for range 200 {
					c.step()
				}
				c.finish()
			})
		})
	}
}

type chaos struct {
	desk
	rng    *rand.Rand
	dead   bool                // there is a dead-letter policy, and so no order
	order  map[string][]string // by key: the messages in publish order, the stored ones that nobody confirmed included
	next   map[string]int      // by key: the one after that which was delivered last
	stream *Stream
	held   []chaosDelivery
}

type chaosDelivery struct {
	Delivery
	stream *Stream
	until  time.Time
}

const chaosWindow = 20

func (c *chaos) step() {
	switch c.rng.IntN(8) {
	case 0, 1:
		c.publishSome()
	case 2, 3, 4:
		c.receive()
	case 5, 6:
		c.answer()
	default:
		time.Sleep(time.Duration(c.rng.Int64N(int64(5 * time.Second))))
	}
}

func (c *chaos) publishSome() {
	key := []string{"", "a", "b", "c"}[c.rng.IntN(4)]
	messages := slices.Repeat([]Message{{OrderingKey: key, Data: []byte("x")}}, 1+c.rng.IntN(5))
	_, _ = c.Publish(changes, messages)
	backlog, err := c.Backlog(worker, 0)
	c.must(err)
	for _, w := range backlog {
		if !slices.Contains(c.order[w.OrderingKey], w.ID) {
			c.order[w.OrderingKey] = append(c.order[w.OrderingKey], w.ID)
		}
	}
}

func (c *chaos) receive() {
	if c.stream == nil {
		c.stream = c.desk.stream(StreamConfig{MaxMessages: chaosWindow})
	}
	ctx, cancel := context.WithTimeout(c.t.Context(), time.Millisecond)
	defer cancel()
	got, err := c.stream.Next(ctx)
	for _, d := range got {
		c.take(d)
	}
	if err != nil && ctx.Err() == nil {
		c.stream = nil
	}
}

// take checks that a delivery continues its key where the last one left it, or goes back.
func (c *chaos) take(d Delivery) {
	c.held = append(c.held, chaosDelivery{d, c.stream, time.Now().Add(minAckDeadline)})
	on := 0
	for _, h := range c.held {
		if h.stream == c.stream && h.until.After(time.Now()) {
			on++
		}
	}
	if on > chaosWindow {
		c.t.Fatalf("the stream holds %d, may hold %d", on, chaosWindow)
	}
	key := d.Message.OrderingKey
	if key == "" || c.dead {
		return
	}
	index := slices.Index(c.order[key], d.Message.ID)
	if index < 0 || index > c.next[key] {
		c.t.Fatalf("message %d of key %q was delivered, next is %d", index, key, c.next[key])
	}
	c.next[key] = index + 1
}

// answer acks, nacks or extends some of what is held, in any order.
func (c *chaos) answer() {
	var some []string
	c.held = slices.DeleteFunc(c.held, func(h chaosDelivery) bool {
		take := c.rng.IntN(3) > 0
		if take {
			some = append(some, h.AckID)
		}
		return take
	})
	if len(some) == 0 {
		return
	}
	// Errors are among the faults.
	switch c.rng.IntN(5) {
	case 0:
		_ = c.ModifyAckDeadline(worker, some, 0)
	case 1:
		_ = c.ModifyAckDeadline(worker, some, 20*time.Second)
	default:
		_ = c.Ack(worker, some)
	}
}

func (c *chaos) finish() {
	c.must(c.SetFaults(Faults{Duplicate: 0.1, LostAck: 0.1, CutStream: 0.05}))
	for range 5000 {
		s := c.stats()
		if s.Published != s.Acks-s.UndoneAcks+s.DeadLettered+uint64(s.Backlog) {
			c.t.Fatalf("the sums do not add up: %+v", s)
		}
		if s.Backlog == 0 {
			c.expectEmpty()
			return
		}
		c.receive()
		if len(c.held) > 0 {
			var ids []string
			for _, h := range c.held {
				ids = append(ids, h.AckID)
			}
			_ = c.Ack(worker, ids)
			c.held = nil
		}
		time.Sleep(time.Second)
	}
	c.t.Fatalf("messages stay behind: %+v", c.stats())
}
