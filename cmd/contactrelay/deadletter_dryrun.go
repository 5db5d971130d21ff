package main

import (
	"context"
	"fmt"

	"github.com/contactrelay/contactrelay/deadletter"
)

// dryRun says of each letter what its replay would do, and counts. Of what --on-conflict would do with conflicts it
// tells too.
func (c *replayCommand) dryRun(ctx context.Context, t terminal, b *bench, plan *replayPlan) error {
	reader := c.reader(ctx, c.limits())
	defer reader.close()
	forecasts, err := reader.foresee(ctx, plan.entries(), c.OnConflict == overwriteConflict)
	if err != nil {
		return errInterrupted
	}
	short, p := deadletter.ShortIDs(b.entries), paints(coloured(t.out))
	counts := map[deadletter.Effect]int{}
	for _, f := range forecasts {
		counts[f.effect]++
		what := string(f.effect)
		if f.effect == deadletter.Conflict && c.OnConflict != "" {
			what += ": " + c.OnConflict
		}
		fmt.Fprintf(t.out, "%s %s %s %s\n", p.paint(effectColours[f.effect], fmt.Sprintf("%-13s", what)), short[f.entry.ID],
			orNone(f.entry.Original.OrderingKey), orNone(counted(f.entry.Contacts)))
		if why := f.why(); why != "" {
			fmt.Fprintf(t.out, "    %s\n", indented(why, 4))
		}
		for _, prospect := range f.contacts {
			difference(t, prospect)
		}
	}
	fmt.Fprintf(t.out, "\n")
	for _, effect := range deadletter.Effects() {
		if n := counts[effect]; n > 0 {
			fmt.Fprintf(t.out, "%-13s %d\n", effect, n)
		}
	}
	plan.printSpared(t)
	reader.report(t)
	return nil
}
