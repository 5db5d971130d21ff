package main

import (
	"fmt"
)

// aim is a figure that contactrelay shall reach.
type aim struct {
	what    string
	wanted  string
	got     string
	reached bool
}

// aims are those of which all was measured. Limits and ratios are those of the project's issue 8.
func (r *results) aims() (all []aim) {
	for _, a := range []func(*results) []aim{
		hotAims, costAims, growthAims, memoryAims, startAims, correctnessAims,
	} {
		all = append(all, a(r)...)
	}
	return all
}

// least is the aim that a figure is at least so much; most, at most.
func least(what string, got, limit float64, unit string) aim {
	return aim{what, "≥ " + number(limit) + unit, number(got) + unit, got >= limit}
}

func most(what string, got, limit float64, unit string) aim {
	return aim{what, "≤ " + number(limit) + unit, number(got) + unit, got <= limit}
}

// hotAims are about throughput.
func hotAims(r *results) (all []aim) {
	const batch = 200 // contacts in a call
	faster := func(workload, title string, times float64) {
		if f, peer := r.of(workload, ours), r.of(workload, usual); f != nil && peer != nil {
			all = append(all, least(title+": times the usual worker's messages a second", f.Rate/peer.Rate, times, ""))
		}
	}
	faster("hot", "one user, 100 ms a call", 150)
	if f := r.of("hot", ours); f != nil {
		all = append(all,
			least("one user: part of 200 messages a latency", 100*f.Rate*callLatency.Seconds()/batch, 85, " %"),
			least("one user: messages a call", 1/f.Calls, 180, ""))
	}
	faster("quota", "one user under an enforced quota", 30)
	faster("users-by-user", "500 users, 10 patches each, user by user", 6)
	faster("users", "500 users, 10 patches each, in turn", 6)
	return all
}

// costAims are about CPU time.
func costAims(r *results) (all []aim) {
	for _, c := range []struct {
		workload, title string
		limit           float64
	}{
		{"cost-hot", "one user", 0.5}, {"cost-users", "500 users", 0.5}, {"cost-lone", "lone changes", 1.1},
	} {
		if f, peer := r.of(c.workload, ours), r.of(c.workload, usual); f != nil && peer != nil {
			all = append(all, most("CPU a message, times the usual worker's: "+c.title, f.CPUMicros/peer.CPUMicros, c.limit, ""))
		}
	}
	return all
}

// growthAims are about what stays flat.
func growthAims(r *results) (all []aim) {
	const limit = 1.2
	for _, g := range []struct{ what, few, many string }{
		{"CPU a message at 1,000,000 users seen, times that at 1,000", "seen-1000", "seen-1000000"},
		{"CPU a message at 100,000 waiting of one user, times that at 1,000", "waiting-1000", "waiting-100000"},
	} {
		if few, many := r.of(g.few, ours), r.of(g.many, ours); few != nil && many != nil {
			all = append(all, most(g.what, many.CPUMicros/few.CPUMicros, limit, ""))
		}
	}
	if f := r.of("seen-1000000", ours); f != nil {
		all = append(all, most("heap added by a million users after the memories were full", megabytes(f.HeapGrown), 20, " MB"))
	}
	return all
}

// memoryAims are about messages that wait.
func memoryAims(r *results) (all []aim) {
	const over = 2048 // bytes beside the body
	for _, w := range r.Weights {
		all = append(all, most("heap of a message that waits, beside its body: "+w.What, float64(w.over()), over, " B"))
	}
	return all
}

// startAims are about the program itself.
func startAims(r *results) (all []aim) {
	if r.StartMillis > 0 {
		all = append(all, most("start to first call", r.StartMillis, 150, " ms"))
	}
	if r.BinaryBytes > 0 {
		all = append(all, most("program", megabytes(r.BinaryBytes), 35, " MB"))
	}
	return all
}

// correctnessAims: nothing ever goes wrong.
func correctnessAims(r *results) []aim {
	var sum verdict
	for _, f := range r.Figures {
		if f.Contender != usual {
			sum.Lost += f.Verdict.Lost
			sum.Doubled += f.Verdict.Doubled
			sum.OutOfOrder += f.Verdict.OutOfOrder
			sum.FalseLetters += f.Verdict.FalseLetters
		}
	}
	got := fmt.Sprintf("%d, %d, %d, %d", sum.Lost, sum.Doubled, sum.OutOfOrder, sum.FalseLetters)
	return []aim{{"lost, doubled, out of order, falsely dead-lettered, in all runs", "0", got, sum.clean()}}
}

// aimTable shows what was reached.
func aimTable(aims []aim) string {
	rows := [][]string{{"aim", "wanted", "measured", ""}}
	for _, a := range aims {
		mark := "reached"
		if !a.reached {
			mark = "**missed**"
		}
		rows = append(rows, []string{a.what, a.wanted, a.got, mark})
	}
	return markdown(rows)
}
