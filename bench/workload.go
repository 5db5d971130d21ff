package main

import (
	"fmt"
	"time"

	"github.com/contactrelay/contactrelay/internal/peoplesim"
)

// workload is a feed and the service that it meets.
type workload struct {
	name  string
	title string
	feed  func(n int) *feed
	n     int // messages
	brief int // messages of a short run

	latency    time.Duration // of every call
	faults     []peoplesim.Fault
	quota      int           // units of reads and of writes that a user has in a minute; 0: no limit
	cap        time.Duration // of a peer's run; 0: none needed
	horizon    time.Duration // of everybody's run, where the last few messages would tell nothing of the rest; 0: until all is done
	ahead      int           // messages that may wait in the subscription; 0: any number
	flags      []string      // of contactrelay
	memory     string        // that all are told they have; empty: memoryLimit
	contenders []contender
	probed     bool         // contactrelay can be asked for its heap
	primer     func() *feed // worked off before the measurement, so that the worker's memories are full; may be nil
}

// patience is after what time a run is given up that should have ended by itself.
const patience = 8 * time.Minute

// peerCap is where the runs of peers are cut off whose rate has long shown; none may run for more than a minute.
const (
	peerCap = 20 * time.Second
	longCap = time.Minute
)

// callLatency is what a call takes in most workloads.
const callLatency = 100 * time.Millisecond

// workloads are all, in the order of the tables.
func workloads() []workload {
	hot := func(masks int) func(int) *feed { return func(n int) *feed { return hotUser(n, masks) } }
	of := func(users int) func(int) *feed {
		return func(n int) *feed { return manyUsers(users, max(1, n/users)) }
	}
	each := func(n int) *feed { return manyUsers(n, 1) }
	small := []string{"--batch-min", "6"}
	all := []workload{
		{name: "hot", title: "one user, 5,000 patches, one mask", feed: hot(1), n: 5000, brief: 600, latency: callLatency, cap: peerCap},
		{name: "masks", title: "the same, six masks in rotation", feed: hot(6), n: 5000, brief: 600, latency: callLatency, cap: peerCap, flags: small},
		{name: "thrice", title: "one user, 3 changes a contact, old etags", feed: thrice, n: 5001, brief: 600, latency: callLatency, cap: peerCap, flags: small},
		{name: "quota", title: "one user, a quota of 90 units a minute", feed: hot(1), n: 5000, brief: 600, latency: callLatency, quota: 90, horizon: 55 * time.Second},
		{name: "users-by-user", title: "500 users, 10 patches each, user by user", feed: func(n int) *feed { return userByUser(500, max(1, n/500)) }, n: 5000, brief: 1000, latency: callLatency, flags: small},
		{name: "users", title: "500 users, 10 patches each, in turn", feed: of(500), n: 5000, brief: 1000, latency: callLatency, flags: small},
		{name: "lone", title: "10,000 users, 1 patch each", feed: each, n: 10_000, brief: 640, latency: callLatency},
		{name: "mixed", title: "mixed: few busy users, photos, batches, bad", feed: mixed, n: 10_000, brief: 600, latency: callLatency, horizon: longCap},
		{name: "faults", title: "faults: 503, lost answers, a user over quota", feed: of(200), n: 5000, brief: 600, latency: callLatency, horizon: longCap, faults: faulty},
	}
	for _, ms := range []int{0, 20, 300} {
		latency := time.Duration(ms) * time.Millisecond
		all = append(all,
			workload{name: fmt.Sprintf("hot-%dms", ms), title: fmt.Sprintf("one user, 5,000 patches, %d ms a call", ms), feed: hot(1), n: 5000, brief: 600, latency: latency, cap: peerCap},
			workload{name: fmt.Sprintf("users-%dms", ms), title: fmt.Sprintf("500 users, 10 patches each, %d ms a call", ms), feed: of(500), n: 5000, brief: 500, latency: latency, flags: small})
	}
	all = append(all,
		workload{name: "cost-hot", title: "pure cost: one user, 50,000 patches", feed: hot(1), n: 50_000, brief: 2000, cap: longCap},
		workload{name: "cost-users", title: "pure cost: 500 users, 100 patches each", feed: of(500), n: 50_000, brief: 2000, flags: small, cap: longCap},
		workload{name: "cost-lone", title: "pure cost: 50,000 users, 1 patch each", feed: each, n: 50_000, brief: 2000, cap: longCap},
	)
	for i := range all {
		all[i].contenders = []contender{ours, single, usual}
	}
	return append(all, growth()...)
}

// faulty is what goes wrong in the workload faults. The user is over quota for 10 s.
var faulty = []peoplesim.Fault{
	{Kind: peoplesim.UserQuota, Rate: 1, Users: []string{peoplesim.UserName(7)}, For: peoplesim.Duration(10 * time.Second), RetryAfter: peoplesim.Duration(10 * time.Second)},
	{Kind: peoplesim.Unavailable, Rate: 0.1},
	{Kind: peoplesim.AnswerLost, Rate: 0.05, Methods: []string{peoplesim.UpdateContact, peoplesim.BatchUpdateContacts}},
}

// growth are the workloads that show how the cost of a message depends on how many users were seen, and on how many
// messages of a user wait. Nothing goes in batches in the first, everything does in the second.
func growth() (all []workload) {
	const few, million = 100_000, 1_000_000
	each := func(users int) func(int) *feed {
		return func(n int) *feed { return manyUsers(min(users, n), max(1, n/users)) }
	}
	for _, users := range []int{1000, 10_000, few} {
		all = append(all, workload{
			name: fmt.Sprintf("seen-%d", users), title: fmt.Sprintf("%s users seen, lone changes", thousands(users)), feed: each(users), n: few,
		})
	}
	all = append(all, workload{
		name: fmt.Sprintf("seen-%d", million), title: "1,000,000 users seen, lone changes, after 200,000 changes of 100,000 contacts",
		feed: func(n int) *feed { return usersFrom(primerUsers, n, 1) }, n: million, probed: true, primer: primer,
	})
	for i := range all {
		all[i].flags, all[i].ahead = []string{"--batch-late", "0"}, 50_000
	}
	for _, waiting := range []int{1000, 10_000, 100_000} {
		// A lane that works holds a quarter of what the worker may, and then takes no more.
		limit := fmt.Sprint(4 * waiting)
		all = append(all, workload{
			name: fmt.Sprintf("waiting-%d", waiting), title: fmt.Sprintf("one user, %s messages waiting", thousands(waiting)),
			feed: func(n int) *feed { return hotUser(n, 1) }, n: 200_000,
			flags: []string{"--max-messages", limit, "--max-bytes", "4GiB"}, memory: "7GiB",
		})
	}
	for i := range all {
		all[i].brief, all[i].contenders = 2000, []contender{ours}
	}
	return all
}

// given is the workload with its messages, or a short run's.
func (w *workload) given(short bool) *feed {
	if short {
		return w.feed(w.brief)
	}
	return w.feed(w.n)
}

// misbehaviour is what the service is told to do.
func (w *workload) misbehaviour() peoplesim.Faults {
	f := peoplesim.Faults{Seed: 1, List: w.faults, Quota: peoplesim.Quota{UserReadsPerMinute: w.quota, UserWritesPerMinute: w.quota}}
	if w.latency > 0 {
		f.List = append([]peoplesim.Fault{{Kind: peoplesim.Latency, Rate: 1, Delay: peoplesim.Duration(w.latency)}}, f.List...)
	}
	return f
}
