package main

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"
)

// alerts are those of the module, by key.
func alerts(t *testing.T) map[string]cty.Value {
	t.Helper()
	all := deployed(t).local(t, "alerts").AsValueMap()
	if len(all) < 10 {
		t.Fatalf("%d alerts can be understood, want all", len(all))
	}
	return all
}

// runbook is the entries of the README's runbook by the key of their alert.
func runbook(t *testing.T) map[string]string {
	t.Helper()
	entries := map[string]string{}
	for part := range strings.SplitSeq(readme(t), "\n#### ") {
		if title, text, _ := strings.Cut(part, "\n"); strings.HasPrefix(title, "Alert ") {
			text, _, _ = strings.Cut(text, "\n### ")
			entries[strings.TrimPrefix(title, "Alert ")] = text
		}
	}
	return entries
}

func TestEveryAlertHasItsEntryInTheRunbook(t *testing.T) {
	all, entries := alerts(t), runbook(t)
	for key := range all {
		entry, ok := entries[key]
		for _, part := range []string{"\n- **Fires** ", "\n- **Look** ", "\n- **Do**"} {
			if ok && !strings.Contains(entry, part) {
				t.Errorf("the entry of %s lacks %q", key, part)
			}
		}
		// The anchor that GitHub makes of the title "Alert KEY" is alert-KEY only for such keys.
		if !ok || !regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`).MatchString(key) {
			t.Errorf("the alert %q leads nowhere in the README", key)
		}
	}
	for key := range entries {
		if _, ok := all[key]; !ok {
			t.Errorf("the README has an entry for the alert %s, the module has none", key)
		}
	}
}

func TestAlertsLinkToTheRunbook(t *testing.T) {
	text, err := os.ReadFile(moduleDirectory + "/alerts.tf")
	must(t, err)
	if n := strings.Count(string(text), "${var.runbook_url}#alert-${each.key}\""); n != 2 {
		t.Errorf("%d links to the runbook by the alert's key, want text and link", n)
	}
}

// TestTheOldestLettersAlertLeavesAWeek is for what is lost if nobody comes.
func TestTheOldestLettersAlertLeavesAWeek(t *testing.T) {
	const week, most = 7 * 24 * 60 * 60, 31 * 24 * 60 * 60
	query := alerts(t)["letters-expiring"].GetAttr("query").AsString()
	limit := regexp.MustCompile(`> (\d+)`).FindStringSubmatch(query)
	if limit == nil || limit[1] != "2008800" || most-2008800 < week {
		t.Errorf("%q: want three quarters of 31 days", query)
	}
}

func TestTheModulesREADMEHasAllItsVariablesAndOutputs(t *testing.T) {
	text, err := os.ReadFile(moduleDirectory + "/README.md")
	must(t, err)
	var rows []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\|").FindAllStringSubmatch(string(text), -1) {
		rows = append(rows, row[1])
	}
	m := deployed(t)
	var have []string
	for _, b := range append(m.of("variable"), m.of("output")...) {
		have = append(have, b.Labels[0])
		if !slices.Contains(rows, b.Labels[0]) {
			t.Errorf("terraform/README.md lacks the %s %s", b.Type, b.Labels[0])
		}
	}
	for _, row := range rows {
		if !slices.Contains(have, row) {
			t.Errorf("terraform/README.md has %s, the module does not", row)
		}
	}
}
