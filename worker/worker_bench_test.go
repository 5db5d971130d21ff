package worker

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/contactrelay/contactrelay/deadletter"
	"github.com/contactrelay/contactrelay/internal/people"
	"github.com/contactrelay/contactrelay/messages"
)

// echo is a service that makes every change at once: it answers with a new etag for each contact that a request names.
// What it costs is in these benchmarks, as little as can be.
type echo struct{}

var contactKeys = regexp.MustCompile(`"(people/c\d+)":\{`)

func (echo) RoundTrip(r *http.Request) (*http.Response, error) {
	sent, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	const person = `"metadata":{"sources":[{"type":"CONTACT","id":"1","etag":"#gS4M/DM4aJs=","updateTime":"2026-10-01T00:00:00Z"}]}`
	var body bytes.Buffer
	if r.Method == http.MethodPatch {
		fmt.Fprintf(&body, `{"resourceName":"people/c1","etag":"%%Eg==",%s}`, person)
	} else {
		separator := `{"updateResult":{`
		for _, found := range contactKeys.FindAllSubmatch(sent, -1) {
			fmt.Fprintf(&body, `%s"%s":{"httpStatusCode":200,"requestedResourceName":"%s","person":{"resourceName":"%s",%s}}`,
				separator, found[1], found[1], found[1], person)
			separator = ","
		}
		body.WriteString("}}")
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(&body), Request: r}, nil
}

// tap is a source out of which the benchmark lets deliveries, and an answer that counts what was acknowledged.
type tap struct {
	deliveries chan delivery
	acked      atomic.Int64
	wanted     atomic.Int64
	done       chan struct{} // has room for one
}

func (t *tap) Ordered(context.Context) (bool, error) { return true, nil }
func (t *tap) Streams() int                          { return 1 }

func (t *tap) Receive(ctx context.Context, _ int, take func(context.Context, delivery)) error {
	for {
		select {
		case d := <-t.deliveries:
			take(ctx, d)
		case <-ctx.Done():
			return nil
		}
	}
}

func (t *tap) Ack() {
	if t.acked.Add(1) == t.wanted.Load() {
		t.done <- struct{}{}
	}
}

func (t *tap) Nack() {}

// noTopic takes no dead letter: there is none here.
type noTopic struct{}

func (noTopic) Publish(context.Context, deadletter.Message) error { return io.ErrClosedPipe }

// feedOf is a delivery of a patch of its own for each number, of so many users in turn, as a CRM publishes it.
func (t *tap) feedOf(number, users int) delivery {
	name := fmt.Sprintf("people/c%d", number)
	body := fmt.Sprintf(`{"person":{"metadata":{"sources":[{"etag":"#gS4M/DM4aJs=","type":"CONTACT"}]},"nicknames":[{"value":"crm-%d"}],`+
		`"resourceName":%q},"updatePersonFields":"nicknames"}`, number, name)
	return delivery{
		id: fmt.Sprint(number), publish: time.Unix(int64(number), 0), answer: t,
		message: messages.Message{
			OrderingKey: fmt.Sprintf("user-%d@example.com", number%users), Data: []byte(body),
			Attributes: map[string]string{
				"ce-type": string(messages.Patch), "ce-id": fmt.Sprint("change-", number), "ce-source": "//crm.example.com", "ce-specversion": "1.0",
			},
		},
	}
}

// newBenched is a worker that logs warnings, and whose service is an echo.
func newBenched(b *testing.B, t *tap) *Worker {
	b.Helper()
	client, err := people.New(b.Context(), people.Config{Endpoint: "http://people.test", Transport: echo{}, Token: people.EmulatorToken})
	if err != nil {
		b.Fatal(err)
	}
	c := Config{
		Subscription: "projects/test/subscriptions/changes", Version: "test", MaxMessages: 10_000, MaxBytes: 256 << 20, MaxCalls: 64, MaxPhotoBytes: 5 << 20,
		BatchMin: 6, BatchMax: 200, BatchLate: 10 * time.Second,
		CallTimeout: 30 * time.Second, Attempts: 8, RetryFor: 5 * time.Minute, Drain: time.Second,
		UserLabel: strings.Clone,
	}
	return New(c, t, noTopic{}, client, slog.New(slog.NewJSONHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelWarn})))
}

// cpuTime is what the process has used so far. Acks are paced: the time on the clock tells nothing.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkMessage is all that the worker does for a message, from its delivery to its ack, save what the clients of both
// services cost.
func BenchmarkMessage(b *testing.B) {
	for _, c := range []struct {
		name  string
		users int
	}{{"of one user", 1}, {"of 500 users", 500}, {"of a user each", 1 << 40}} {
		b.Run(c.name, func(b *testing.B) {
			const burst = 5000
			t := &tap{deliveries: make(chan delivery), done: make(chan struct{}, 1)}
			w := newBenched(b, t)
			ctx, cancel := context.WithCancel(b.Context())
			var running sync.WaitGroup
			running.Go(func() { _ = w.Run(ctx) })
			defer running.Wait()
			defer cancel()
			number, used := 0, time.Duration(0)
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				all := make([]delivery, burst)
				for i := range all {
					all[i] = t.feedOf(number, c.users)
					number++
				}
				t.wanted.Add(burst)
				begun := cpuTime(b)
				b.StartTimer()
				for _, d := range all {
					t.deliveries <- d
				}
				<-t.done
				used += cpuTime(b) - begun
			}
			b.ReportMetric(float64(used.Nanoseconds())/float64(b.N*burst), "cpu-ns/message")
		})
	}
}

// heldFrom is messages as they stand in a lane, of contacts of their own.
func (t *tap) heldFrom(w *Worker, first, n int) (items []*held) {
	for i := range n {
		h := w.decode(t.feedOf(first+i, 1))
		h.number = int64(first + i)
		h.rank = rank{own: order{h.publish, h.number}}
		items = append(items, h)
	}
	return items
}

// BenchmarkDecode is what a delivery costs before it comes into its lane.
func BenchmarkDecode(b *testing.B) {
	t := &tap{}
	w, d := newBenched(b, t), t.feedOf(1, 1)
	b.ReportAllocs()
	for b.Loop() {
		w.decode(d)
	}
}

// BenchmarkPlan is how a lane is told with whom a message can go, and how many go.
func BenchmarkPlan(b *testing.B) {
	t := &tap{}
	w := newBenched(b, t)
	h := t.heldFrom(w, 1, 1)[0]
	now := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		if w.group(h) == "" || len(w.touches(h)) != 1 || w.take(h, 200, now) != 200 {
			b.Fatal("a patch goes alone")
		}
	}
}

// BenchmarkCall is a call for one message and for 200, from the choice of what is sent to the verdict on each.
func BenchmarkCall(b *testing.B) {
	for _, n := range []int{1, 200} {
		b.Run(fmt.Sprint("of ", n), func(b *testing.B) {
			t := &tap{}
			w := newBenched(b, t)
			number := 0
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				items := t.heldFrom(w, number, n)
				number += n
				b.StartTimer()
				w.attempt(b.Context(), items, func(string, string, func(*held) bool) {})
				if items[n-1].verdict.outcome != Applied {
					b.Fatalf("the last is %q", items[n-1].verdict.outcome)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/message")
		})
	}
}

// BenchmarkSettle is what the end of a message costs, with its ack.
func BenchmarkSettle(b *testing.B) {
	t := &tap{}
	w := newBenched(b, t)
	number := 0
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		h := t.heldFrom(w, number, 1)[0]
		number++
		h.verdict = verdict{outcome: Applied}
		h.parts[0].found.written, h.parts[0].done = true, true
		b.StartTimer()
		w.finish(h)
		w.release(h)
	}
}
