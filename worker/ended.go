package worker

import (
	"maps"
	"slices"

	"github.com/contactrelay/contactrelay/deadletter"
)

// ended is the verdict on a message of whose parts none is open: dead-lettered if the change of any contact could not be
// made, applied if any was written, already applied if any was in place, else superseded. It writes the letters: one for
// each reason, with the contacts it holds for.
func (w *Worker) ended(h *held) verdict {
	reasons := map[deadletter.Reason][]*part{}
	outcome := Superseded
	for _, p := range h.parts {
		o := p.outcome()
		if o == Applied || outcome == Superseded {
			outcome = o
		}
		if o == Superseded && p.parked == nil {
			w.tally.resolved("superseded")
		}
		if p.parked != nil {
			reasons[p.parked.reason] = append(reasons[p.parked.reason], p)
		}
	}
	if len(reasons) == 0 {
		return verdict{outcome: outcome, fields: h.named()}
	}
	var first verdict
	for _, reason := range slices.Sorted(maps.Keys(reasons)) {
		parts := reasons[reason]
		v := *parts[0].parked
		v.fields = fieldsOfParts(parts)
		if len(parts) > 1 {
			v.currentEtag = "" // each contact has its own
		}
		split := subset{of: len(h.parts)}
		for _, p := range parts {
			split.names = append(split.names, p.resource)
		}
		if v = w.write(h, v, split); v.outcome == "" {
			h.letters = nil // none, or all: the next try writes them anew
			return v
		}
		if first.outcome == "" {
			first = v
		}
	}
	return first
}

// fieldsOfParts is the fields that a letter about these contacts names.
func fieldsOfParts(parts []*part) []string {
	fields := map[string]bool{}
	for _, p := range parts {
		for _, f := range p.parked.fields {
			fields[f] = true
		}
	}
	return slices.Sorted(maps.Keys(fields))
}

// named is the fields of which a change was dropped or merged, over all contacts.
func (h *held) named() []string {
	var fields []string
	for _, p := range h.parts {
		fields = append(fields, p.named...)
	}
	slices.Sort(fields)
	return slices.Compact(fields)
}
