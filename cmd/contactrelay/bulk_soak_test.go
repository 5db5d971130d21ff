//go:build soak

package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/contactrelay/contactrelay/internal/peoplesim"
	"github.com/contactrelay/contactrelay/internal/pubsubsim"
	"github.com/contactrelay/contactrelay/messages"
)

// callLatency is what every call of the People API takes in these tests.
const callLatency = 100 * time.Millisecond

// bulk is a rig with the simulator as broker, contacts, and calls that take callLatency.
func bulk(t *testing.T, outstanding string, users, contacts int) (*rig, simulator) {
	t.Helper()
	broker := simulate(t, "pubsub", "--outstanding-per-key", outstanding)
	r := newRig(t, broker.Listen)
	r.people.put(t, "POST", "/seed", peoplesim.Seeding{Users: users, Contacts: contacts})
	r.people.put(t, "PUT", "/faults", peoplesim.Faults{List: []peoplesim.Fault{slow}})
	return r, broker
}

var slow = peoplesim.Fault{Kind: peoplesim.Latency, Rate: 1, Delay: peoplesim.Duration(callLatency)}

// record is a line of the log as far as these tests read it.
type record struct {
	Time     time.Time `json:"time"`
	Message  string    `json:"message"`
	Verdict  string    `json:"verdict"`
	ID       string    `json:"message_id"`
	Contact  string    `json:"contact"`
	Type     string    `json:"type"`
	Duration float64   `json:"duration"`
}

// records reads the log.
func (p *process) records(t *testing.T) (all []record) {
	t.Helper()
	lines, _ := p.since(0)
	for _, line := range lines {
		var r record
		must(t, json.Unmarshal([]byte(line), &r))
		all = append(all, r)
	}
	return all
}

// span is the time from the start of the worker to the last settlement.
func (p *process) span(t *testing.T) time.Duration {
	t.Helper()
	all := p.records(t)
	first := slices.IndexFunc(all, func(r record) bool { return r.Message == "started" })
	var last time.Time
	for _, r := range all {
		if r.Message == "settled" && r.Time.After(last) {
			last = r.Time
		}
	}
	return last.Sub(all[first].Time)
}

// mostDeliveries is how often the message was delivered that came most often: each delivery leaves a line.
func (p *process) mostDeliveries(t *testing.T) (most int) {
	t.Helper()
	deliveries := map[string]int{}
	for _, r := range p.records(t) {
		if r.Message == "settled" {
			deliveries[r.ID]++
			most = max(most, deliveries[r.ID])
		}
	}
	return most
}

// retryPolicy sets how long the worker's subscription waits before it delivers again.
func (r *rig) retryPolicy(shortest, longest time.Duration) {
	r.t.Helper()
	_, err := r.client.SubscriptionAdminClient.UpdateSubscription(r.t.Context(), &pubsubpb.UpdateSubscriptionRequest{
		Subscription: &pubsubpb.Subscription{
			Name: r.subscription("contact-changes-worker"),
			RetryPolicy: &pubsubpb.RetryPolicy{
				MinimumBackoff: durationpb.New(shortest), MaximumBackoff: durationpb.New(longest),
			},
		},
		UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"retry_policy"}},
	})
	must(r.t, err)
}

// writes counts the calls that write.
func (r *rig) writes() (n int64) {
	r.t.Helper()
	for method, codes := range lines[peoplesim.Stats](r.t, r.people, "/stats")[0].Calls {
		if strings.Contains(strings.ToLower(method), "update") {
			for _, count := range codes {
				n += count
			}
		}
	}
	return n
}

// masked is a patch of one field of a contact, out of six.
func masked(user, contact, field int) messages.Message {
	name := peoplesim.ContactName(user, contact)
	fields := []string{"names", "nicknames", "urls", "occupations", "organizations", "biographies"}
	values := []string{`{"givenName":"changed"}`, `{"value":"changed"}`, `{"value":"https://example.com"}`, `{"value":"changed"}`, `{"name":"changed"}`, `{"value":"changed"}`}
	body := fmt.Sprintf(`{"person":{"resourceName":%q,%q:[%s],"metadata":{"sources":[{"type":"CONTACT","etag":%q}]}},"updatePersonFields":%q}`,
		name, fields[field], values[field], peoplesim.SourceEtag(name, peoplesim.FirstVersion), fields[field])
	return raw(peoplesim.UserName(user), messages.Patch, []byte(body))
}

// hotUser is n changes of as many contacts of one user, with so many masks in rotation.
func hotUser(n, masks int) (all []messages.Message) {
	for i := range n {
		all = append(all, masked(0, i, i%masks))
	}
	return all
}

func TestSoakAHotUserTakesAHandfulOfCalls(t *testing.T) {
	const n = 5000
	for _, masks := range []int{1, 6} {
		t.Run(fmt.Sprint(masks, " masks"), func(t *testing.T) {
			r, _ := bulk(t, "0", 1, n)
			r.publish(hotUser(n, masks))
			// They count as late: what is left of a mask in the end, under 100 contacts, then goes in one call too.
			worker := r.worker("--batch-late=1ns")
			worker.until(n, time.Minute, applied)
			took, calls := worker.span(t), r.writes()
			rate := n / took.Seconds()
			t.Logf("%d messages in %v: %.0f a second, %d calls, %.0f messages a call; one call a message makes 10 a second", n, took, rate, calls, n/float64(calls))
			if per := n / calls; per < 150 {
				t.Errorf("%d messages a call, want 150", per)
			}
			// Six masks of 833 changes each make 31 calls that are not all full: 1,613 a second at the very most.
			if most := n / (float64(calls) * callLatency.Seconds()); rate < 1000 || rate < 0.8*most || masks == 1 && rate < 1600 {
				t.Errorf("%.0f messages a second, want 100 times 10 and 80 %% of %.0f", rate, most)
			}
		})
	}
}

func TestSoakAHotUserWithTenOutstanding(t *testing.T) {
	const n = 1500
	r, _ := bulk(t, "10", 1, n)
	r.publish(hotUser(n, 1))
	worker := r.worker()
	worker.until(n, 3*time.Minute, applied)
	var late []time.Time
	all := worker.records(t)
	for _, rec := range all {
		if rec.Verdict == "applied" && rec.Time.Sub(all[0].Time) > 11*time.Second {
			late = append(late, rec.Time)
		}
	}
	rate := float64(len(late)) / late[len(late)-1].Sub(late[0]).Seconds()
	t.Logf("once the lane is late: %.1f messages a second; one call a message makes 10", rate)
	if rate < 40 {
		t.Errorf("%.1f messages a second, want 40", rate)
	}
}

func TestSoakAHotUserCombinedWithTenOutstanding(t *testing.T) {
	const n = 5000
	r, _ := bulk(t, "10", 1, n)
	var lines strings.Builder
	for _, m := range hotUser(n, 1) {
		fmt.Fprintf(&lines, "{\"user\":%q,\"type\":\"patch\",\"body\":%s}\n", m.OrderingKey, m.Data)
	}
	t.Setenv("PUBSUB_EMULATOR_HOST", r.broker)
	code, out, errs := ask(t, t.Context(), lines.String(), "publish", "--combine", "--project", r.project, "-")
	if code != 0 {
		t.Fatalf("publish: %d %q %q", code, out, errs)
	}
	worker := r.worker()
	worker.until(n/200, time.Minute, applied)
	rate := n / worker.span(t).Seconds()
	t.Logf("%s%.0f changes a second, %d calls; one call a message makes 10", out, rate, r.writes())
	if rate < 1000 {
		t.Errorf("%.0f changes a second, want 1000", rate)
	}
}

func TestSoakManyUsersInBatchesOfTheirOwn(t *testing.T) {
	const users, contacts = 500, 10
	took := map[string]time.Duration{}
	for _, batch := range []string{"--batch-max=1", "--batch-min=6"} {
		r, _ := bulk(t, "0", users, contacts)
		var all []messages.Message
		for c := range contacts {
			for u := range users {
				all = append(all, masked(u, c, 0))
			}
		}
		r.publish(all)
		worker := r.worker(batch)
		worker.until(users*contacts, time.Minute, applied)
		took[batch] = worker.span(t)
		t.Logf("%s: %v, %d calls", batch, took[batch], r.writes())
	}
	if ratio := took["--batch-max=1"].Seconds() / took["--batch-min=6"].Seconds(); ratio < 5 {
		t.Errorf("%.1f times as fast as one call a message, want 5", ratio)
	}
}

func TestSoakAHotUserHoldsUpNoOther(t *testing.T) {
	const hot, others = 20_000, 200
	r, _ := bulk(t, "0", 1+others, hot/others)
	r.people.put(t, "POST", "/seed", peoplesim.Seeding{Users: 1, Contacts: hot})
	r.publish(hotUser(hot, 1))
	worker := r.worker()
	worker.until(100, time.Minute, applied)
	var all []messages.Message
	for u := range others {
		all = append(all, masked(u+1, 0, 0))
	}
	ages := r.ages(worker, all)
	median, slowest := ages[len(ages)/2], ages[len(ages)-1]
	t.Logf("median %v, slowest %v", median, slowest)
	if median > 3*callLatency+100*time.Millisecond || slowest > 10*callLatency {
		t.Errorf("publish to applied: median %v, slowest %v; want within 400 ms and 1 s", median, slowest)
	}
	if n := len(worker.records(t)); n > hot {
		t.Error("the hot user was done before the others began: the test shows nothing")
	}
}

// ages publishes changes of as many contacts and returns the times from their publication to applied, ascending.
func (r *rig) ages(worker *process, all []messages.Message) (ages []time.Duration) {
	r.t.Helper()
	want := map[string]bool{}
	for _, m := range all {
		c, err := messages.Decode(m, messages.Limits{})
		must(r.t, err)
		want[c.Contacts()[0]] = true
	}
	of := func(line string) bool {
		var rec record
		return json.Unmarshal([]byte(line), &rec) == nil && rec.Verdict == "applied" && want[rec.Contact]
	}
	published := time.Now()
	r.publish(all)
	worker.until(len(all), time.Minute, of)
	for _, rec := range worker.records(r.t) {
		if rec.Verdict == "applied" && want[rec.Contact] {
			ages = append(ages, rec.Time.Sub(published))
		}
	}
	slices.Sort(ages)
	return ages
}

func TestSoakAHundredThousandMessagesOfOneUser(t *testing.T) {
	const n = 100_000
	took := map[bool]time.Duration{}
	for _, unlimited := range []bool{false, true} {
		r, broker := bulk(t, "0", 4, n)
		r.retryPolicy(10*time.Second, 600*time.Second)
		r.publish(hotUser(n, 1))
		var flags []string
		if unlimited {
			flags = []string{"--max-messages=1000000", "--max-bytes=8GiB"}
		}
		worker := r.worker(flags...)
		worker.until(20_000, 2*time.Minute, applied)
		slowest := r.ages(worker, []messages.Message{masked(1, 0, 0), masked(2, 0, 0), masked(3, 0, 0)})[2]
		worker.until(n+3, 5*time.Minute, applied)
		took[unlimited] = worker.span(t)
		stats := lines[pubsubsim.Stats](t, broker, "/stats")[0].Subscriptions[r.subscription("contact-changes-worker")]
		t.Logf("unlimited %v: %v, %d calls, %d deliveries, %d redeliveries, others within %v", unlimited, took[unlimited], r.writes(), stats.Deliveries, stats.Redeliveries, slowest)
		if slowest > 10*callLatency {
			t.Errorf("another user's change took %v", slowest)
		}
		if most := worker.mostDeliveries(t); most > 2 {
			t.Errorf("a message was delivered %d times", most)
		}
	}
	if ratio := took[false].Seconds() / took[true].Seconds(); ratio > 1.3 {
		t.Errorf("%.2f times the time of an unlimited budget, want 1.3", ratio)
	}
}

func TestSoakAContactThatFailsForEverHoldsUpNoOther(t *testing.T) {
	const n = 1000
	r, _ := bulk(t, "0", 1, n)
	bad := peoplesim.ContactName(0, 500)
	r.people.put(t, "PUT", "/faults", peoplesim.Faults{List: []peoplesim.Fault{
		slow, {Kind: peoplesim.Internal, Rate: 1, Contacts: []string{bad}},
	}})
	r.publish(hotUser(n, 1))
	worker := r.worker()
	worker.until(800, time.Minute, applied) // the contacts that are in no call with it
	most := worker.span(t)
	worker.until(n-1, time.Minute, applied)
	others := worker.span(t)
	worker.until(1, 2*time.Minute, with(`"reason":"retries_exhausted"`, bad))
	t.Logf("800 of the others within %v, all others within %v, %d calls", most, others, r.writes())
	// The 199 that were in calls with it go alone after the second, at 10 a second.
	if most > 3*time.Second || others > 30*time.Second {
		t.Error("want 800 within 3 s, and all within 30 s")
	}
}

func TestSoakALoneChangeHasNoAddedWait(t *testing.T) {
	const n = 40
	r, _ := bulk(t, "0", n+1, 1)
	worker := r.worker()
	r.publish([]messages.Message{masked(n, 0, 0)})
	worker.until(1, time.Minute, applied)
	var ages []time.Duration
	for u := range n {
		ages = append(ages, r.ages(worker, []messages.Message{masked(u, 0, 0)})...)
	}
	slices.Sort(ages)
	t.Logf("median %v, slowest %v", ages[n/2], ages[n-1])
	if ages[n/2] > callLatency+20*time.Millisecond {
		t.Errorf("publish to applied takes %v at the median, want the call's 100 ms + 20 ms", ages[n/2])
	}
}
