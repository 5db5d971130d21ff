package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// checkCommand finds out whether run would work, and says what mends what is wrong. It changes nothing.
type checkCommand struct {
	project
	Subscription    string `help:"Subscription that the changes come from; with message ordering." default:"contact-changes-worker"`
	DeadLetterTopic string `help:"Topic that dead letters go to." default:"contact-changes-dead"`
	outcomeSettings
	peopleSettings
	User string `help:"User to sign in as, to see whether that works; empty: nobody." placeholder:"USER"`
	JSON bool   `name:"json" help:"Write the findings as JSON."`
}

// lookedAt is what came of one thing that was looked at.
type lookedAt struct {
	Check string `json:"check"`
	State state  `json:"state"`
	Wrong string `json:"wrong,omitempty"`
	Mend  string `json:"mend,omitempty"` // a command, a line of Terraform or what to do
}

// state is how a lookedAt turned out.
type state string

const (
	good    state = "ok"
	wrong   state = "wrong"
	skipped state = "skipped" // it could not be looked at, because of what is wrong before it
)

// checkTimeout is for how long the subscription, the dead-letter topic and the People API are looked at, each.
const checkTimeout = 30 * time.Second

// findings are the things that were looked at, in their order.
type findings struct{ all []lookedAt }

func (f *findings) good(check string) { f.all = append(f.all, lookedAt{Check: check, State: good}) }

func (f *findings) wrong(check, what, mend string) {
	f.all = append(f.all, lookedAt{Check: check, State: wrong, Wrong: what, Mend: mend})
}

func (f *findings) skipped(check, why string) {
	f.all = append(f.all, lookedAt{Check: check, State: skipped, Wrong: why})
}

// require notes a lookedAt that is good if ok.
func (f *findings) require(ok bool, check, what, mend string) {
	if ok {
		f.good(check)
		return
	}
	f.wrong(check, what, mend)
}

// Run looks at everything and fails if anything is wrong.
func (c *checkCommand) Run(ctx context.Context, t terminal, f *settingFaults) error {
	c.project.resolve(ctx, f)
	checkName(f, "subscription", "subscriptions", c.Subscription)
	checkName(f, "dead-letter-topic", "topics", c.DeadLetterTopic)
	c.outcomeSettings.check(f)
	c.peopleSettings.resolve(f)
	if err := f.err(); err != nil {
		return err
	}
	defer c.signInSettings.close()
	found := &findings{}
	found.good("settings")
	if err := c.lookAtPubSub(ctx, found); err != nil {
		return err
	}
	if err := c.lookAtPeople(ctx, found); err != nil {
		return err
	}
	return found.show(t, c.JSON)
}

// show writes the findings, and fails if one is wrong.
func (f *findings) show(t terminal, asJSON bool) error {
	failed := false
	for _, one := range f.all {
		failed = failed || one.State == wrong
	}
	if asJSON {
		e := json.NewEncoder(t.out)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		if err := e.Encode(map[string]any{"ok": !failed, "findings": f.all}); err != nil {
			return err
		}
	} else {
		marks := map[state]string{good: "ok", wrong: "WRONG", skipped: "-"}
		for _, one := range f.all {
			line := marks[one.State] + " " + one.Check
			if one.Wrong != "" {
				line += ": " + one.Wrong
			}
			fmt.Fprintln(t.out, hanging(0, line))
			if one.Mend != "" {
				// Not wrapped: it is to be copied.
				fmt.Fprintln(t.out, "    "+strings.ReplaceAll(one.Mend, "\n", "\n    "))
			}
		}
	}
	if failed {
		return errFailed
	}
	return nil
}
