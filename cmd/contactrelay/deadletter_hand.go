package main

import (
	"context"
	"fmt"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/proto"
)

// handBytes bounds a hand: a request has 10 MB at most, and a letter that comes near to that goes alone.
const handBytes = 5_000_000

// hand is letters of one user that are published in one request and, once that is confirmed, removed in one.
type hand struct {
	tasks    []*task
	messages []*pubsubpb.PubsubMessage // of those that are published
	after    []*task                   // of the user: what comes next
	took     time.Duration
	err      error // why it is not published; then all of it is still there
}

// byUser splits tasks, in which whole users stand together.
func byUser(tasks []*task) (users [][]*task) {
	for begin, i := 0, 1; i <= len(tasks); i++ {
		if i == len(tasks) || tasks[i].user() != tasks[begin].user() {
			users = append(users, tasks[begin:i])
			begin = i
		}
	}
	return users
}

// takeHand makes a hand of the first of a user's tasks, at most so many. Letters that no message can hold are left out,
// and unfit is told why.
func takeHand(tasks []*task, most int, unfit func(error)) *hand {
	h := &hand{}
	for size := 0; len(tasks) > 0 && len(h.tasks) < most; tasks = tasks[1:] {
		m, err := tasks[0].message()
		if err != nil {
			unfit(err)
			continue
		}
		if size += proto.Size(m); size > handBytes && len(h.tasks) > 0 {
			break
		}
		if h.tasks = append(h.tasks, tasks[0]); m != nil {
			h.messages = append(h.messages, m)
		}
	}
	h.after = tasks
	return h
}

func (t *task) user() string { return t.entry.Original.OrderingKey }

// message is what replays the letter, nil if it is only removed.
func (t *task) message() (*pubsubpb.PubsubMessage, error) {
	if t.replay == nil {
		return nil, nil
	}
	m, err := t.replay.Again()
	if err != nil {
		return nil, fmt.Errorf("letter %s: %w", t.entry.ID, err)
	}
	return &pubsubpb.PubsubMessage{Data: m.Data, Attributes: m.Attributes, OrderingKey: m.OrderingKey}, nil
}

// deed is the line of the audit for the task.
func (t *task) deed() deed {
	d := deed{Action: t.action, Why: t.why, Reason: string(t.entry.Reason), Letter: t.entry.ID, Replays: t.entry.Replays}
	if t.replay != nil {
		d.Replays++
	}
	return d
}

// carryOut publishes the letters of a hand and removes them.
func (p *performance) carryOut(ctx context.Context, h *hand) {
	if p.ramp != nil {
		for _, t := range h.tasks {
			p.ramp.Sent(t.entry)
		}
	}
	begin := time.Now()
	var ids []string
	if ids, h.err = p.publish(ctx, h.messages); h.err != nil {
		p.fail(h.err)
		return
	}
	p.settle(ctx, h.tasks, ids)
	h.took = time.Since(begin)
}

// publish blocks until the service has confirmed all messages, and returns their IDs.
func (p *performance) publish(ctx context.Context, messages []*pubsubpb.PubsubMessage) ([]string, error) {
	if len(messages) == 0 {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	answer, err := p.client.TopicAdminClient.Publish(ctx, &pubsubpb.PublishRequest{Topic: p.topic, Messages: messages})
	if err != nil {
		return nil, err
	}
	if ids := answer.GetMessageIds(); len(ids) == len(messages) {
		return ids, nil
	}
	return nil, fmt.Errorf("of %s the service confirmed %d", plural(len(messages), "message"), len(answer.GetMessageIds()))
}
