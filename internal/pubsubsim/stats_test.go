package pubsubsim

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
)

// awaiting is an Await that may not have ended.
type awaiting struct {
	ended chan struct{} // closed when it has; guards the fields below
	stats SubscriptionStats
	err   error
}

// await begins to wait for what is wanted of a subscription.
func (d desk) await(ctx context.Context, subscription string, wanted map[string]uint64) *awaiting {
	a := &awaiting{ended: make(chan struct{})}
	go func() {
		defer close(a.ended)
		a.stats, a.err = d.Await(ctx, subscription, wanted)
	}()
	synctest.Wait()
	return a
}

// expect fails the test unless a has ended by now, or not.
func (a *awaiting) expect(t *testing.T, ended bool, when string) {
	t.Helper()
	synctest.Wait()
	select {
	case <-a.ended:
		if !ended {
			t.Fatalf("%s: Await has ended: %+v, %v", when, a.stats, a.err)
		}
	default:
		if ended {
			t.Fatalf("%s: Await has not ended", when)
		}
	}
}

func TestAwaitEndsWithTheFirstThatIsSo(t *testing.T) {
	for _, c := range []struct {
		wanted map[string]uint64
		ends   string // with what of the story
	}{
		{map[string]uint64{"backlog": 2}, "before anything"},
		{map[string]uint64{"ended_streams": 0}, "before anything"},
		{map[string]uint64{"streams": 1}, "a stream"},
		{map[string]uint64{"outstanding": 2}, "a stream"},
		{map[string]uint64{"backlog": 1}, "an ack"},
		{map[string]uint64{"acks": 1}, "an ack"},
		{map[string]uint64{"outstanding": 1, "backlog": 9, "ended_streams": 9}, "an ack"},
		{map[string]uint64{"lost_acks": 1}, "a lost ack"},
		{map[string]uint64{"backlog": 4}, "a message"},
		{map[string]uint64{"dropped_acks": 1}, "an ack out of order"},
		{map[string]uint64{"ended_streams": 1}, "the end of the stream"},
		{map[string]uint64{"backlog": 0}, "a purge"},
	} {
		synctest.Test(t, func(t *testing.T) {
			d := newDesk(t, Config{}, ordered())
			d.publish("user-1", "1 2")
			a := d.await(t.Context(), worker, c.wanted)
			var st *Stream
			var held pile
			reached := false
			for _, step := range []struct {
				name string
				do   func()
			}{
				{"before anything", func() {}},
				{"a stream", func() { st = d.stream(StreamConfig{}); held = d.now(st) }},
				{"an ack", func() { d.ack(held.only("1")) }},
				{"a lost ack", func() { d.must(d.SetFaults(Faults{LostAck: 1})); d.ack(held.only("2")); d.must(d.SetFaults(Faults{})) }},
				{"a message", func() { d.publish("user-2", "a b c"); held = d.now(st) }},
				{"an ack out of order", func() { d.ack(held.only("b")) }},
				{"the end of the stream", func() { st.Close() }},
				{"a purge", func() { d.must(d.Purge(worker)) }},
			} {
				step.do()
				reached = reached || step.name == c.ends
				a.expect(t, reached, step.name)
			}
			if a.err != nil || !a.stats.reach(c.wanted) {
				t.Errorf("%v: %+v, %v", c.wanted, a.stats, a.err)
			}
		})
	}
}

func TestAwaitHearsOfLeasesThatRunOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, Config{}, SubscriptionSettings{Ordering: true, AckDeadline: 20 * time.Second})
		d.publish("user-1", "1")
		st := d.stream(StreamConfig{})
		d.now(st)
		st.Close()
		a := d.await(t.Context(), worker, map[string]uint64{"outstanding": 0})
		time.Sleep(20*time.Second - 1)
		a.expect(t, false, "while the lease runs")
		time.Sleep(time.Nanosecond)
		a.expect(t, true, "when it has run out")
	})
}

func TestASumThatIsPassedIsReachedAndACountIsNot(t *testing.T) {
	s := SubscriptionStats{Backlog: 3, Outstanding: 3, Streams: 3, Acks: 3, LostAcks: 3, DroppedAcks: 3, EndedStreams: 3}
	for name, sum := range map[string]bool{
		"backlog": false, "outstanding": false, "streams": false, "acks": true, "lost_acks": true, "dropped_acks": true, "ended_streams": true,
	} {
		for n, want := range map[uint64]bool{2: sum, 3: true, 4: false} {
			if got := s.reach(map[string]uint64{name: n}); got != want {
				t.Errorf("%s=3 reaches %d is %v, want %v", name, n, got, want)
			}
		}
	}
}

func TestWhatCannotBeAwaited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, Config{}, ordered())
		never := map[string]uint64{"backlog": 1}
		for _, c := range []struct {
			subscription string
			wanted       map[string]uint64
			want         codes.Code
		}{
			{worker, map[string]uint64{"nacks": 1}, codes.InvalidArgument},
			{worker, map[string]uint64{"backlog": 0, "Backlog": 0}, codes.InvalidArgument},
			{worker, nil, codes.InvalidArgument},
			{clerk, never, codes.NotFound},
			{"clerk", never, codes.InvalidArgument},
		} {
			a := d.await(t.Context(), c.subscription, c.wanted)
			a.expect(t, true, c.subscription)
			wantCode(t, a.err, c.want)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		gone, late := d.await(t.Context(), worker, never), d.await(ctx, worker, never)
		time.Sleep(time.Minute)
		late.expect(t, true, "its time is over")
		wantCode(t, late.err, codes.DeadlineExceeded)
		gone.expect(t, false, "another's time is over")
		d.must(d.DeleteSubscription(worker))
		gone.expect(t, true, "the subscription is deleted")
		wantCode(t, gone.err, codes.NotFound)
	})
}

func TestAdminAnswersWhenWhatIsAskedForIsSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, Config{}, ordered())
		ask := func(ctx context.Context, query string) (answer *httptest.ResponseRecorder, answered chan struct{}) {
			answer, answered = httptest.NewRecorder(), make(chan struct{})
			go func() {
				defer close(answered)
				d.Admin().ServeHTTP(answer, httptest.NewRequestWithContext(ctx, http.MethodGet, "/await?"+query, nil))
			}()
			synctest.Wait()
			return answer, answered
		}
		for query, want := range map[string]int{
			"subscription=" + worker + "&backlog=0":               http.StatusOK,
			"subscription=" + worker + "&backlog=7&outstanding=0": http.StatusOK,
			"subscription=" + worker + "&backlog=-1":              http.StatusBadRequest,
			"subscription=" + worker + "&backlog=":                http.StatusBadRequest,
			"subscription=" + worker + "&nacks=1":                 http.StatusBadRequest,
			"subscription=" + worker:                              http.StatusBadRequest,
			"subscription=" + clerk + "&backlog=0":                http.StatusNotFound,
			"backlog=0":                                           http.StatusBadRequest,
		} {
			answer, answered := ask(t.Context(), query)
			<-answered
			if answer.Code != want {
				t.Errorf("%s: %d %s, want %d", query, answer.Code, answer.Body, want)
			}
		}

		answer, answered := ask(t.Context(), "subscription="+worker+"&backlog=2")
		d.publish("user-1", "1")
		synctest.Wait()
		select {
		case <-answered:
			t.Fatalf("answered %s with one message", answer.Body)
		default:
		}
		d.publish("user-1", "2")
		<-answered
		var stats SubscriptionStats
		if err := json.Unmarshal(answer.Body.Bytes(), &stats); err != nil || stats != d.stats() {
			t.Errorf("answered %+v, %v, want %+v", stats, err, d.stats())
		}

		ctx, cancel := context.WithCancel(t.Context())
		_, answered = ask(ctx, "subscription="+worker+"&backlog=9")
		cancel()
		<-answered // or the bubble never ends
	})
}
