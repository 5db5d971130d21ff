package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclwrite"
)

// flagsOf are the flags of a command, such as "deadletter list".
func flagsOf(t *testing.T, command string) map[string]*kong.Flag {
	t.Helper()
	parser, err := newParser(&commandLine{}, &settingFaults{})
	must(t, err)
	all := map[string]*kong.Flag{}
	for _, leaf := range parser.Model.Leaves(false) {
		if leaf.Path() == command {
			for _, flag := range leaf.Flags {
				all[flag.Name] = flag
			}
		}
	}
	if len(all) == 0 {
		t.Fatalf("there is no command %s", command)
	}
	return all
}

// openSettings is what the variable settings of the module may hold.
func openSettings(t *testing.T, m *module) (all []string) {
	t.Helper()
	for _, v := range m.local(t, "settings").AsValueSlice() {
		all = append(all, v.AsString())
	}
	return all
}

func TestEveryFlagThatTheModuleSetsExists(t *testing.T) {
	m, run := deployed(t), flagsOf(t, "run")
	for _, name := range append(m.keys(t, "locals", "flags"), openSettings(t, m)...) {
		if run[name] == nil {
			t.Errorf("the module sets --%s, which run does not have", name)
		}
	}
}

func TestEverySettingThatADeploymentNeedsCanBeSetByTheModule(t *testing.T) {
	m := deployed(t)
	reached := append(m.keys(t, "locals", "flags"), openSettings(t, m)...)
	notForIt := map[string]string{
		"help":            "is no setting",
		"people-endpoint": "is the service",
		"key-file":        "is for delegation with a key: the module's has none",
	}
	for name := range flagsOf(t, "run") {
		if _, not := notForIt[name]; slices.Contains(reached, name) == not {
			t.Errorf("--%s of run: in the module %t, left out on purpose %t; see terraform/flags.tf", name, !not, not)
		}
	}
}

func TestTheProgramReadsSettingsAsTheModuleWritesThem(t *testing.T) {
	args, run := []string{"run"}, flagsOf(t, "run")
	for _, name := range openSettings(t, deployed(t)) {
		value := run[name].Default
		if run[name].IsBool() {
			value = "true"
		}
		args = append(args, "--"+name+"="+value)
	}
	if c := parsed(t, args...).Run; !c.LogUsers || c.MaxCalls != 64 {
		t.Errorf("log-users %t, max-calls %d after %q", c.LogUsers, c.MaxCalls, args)
	}
}

func TestTheModulesNamesAreTheProgramsDefaults(t *testing.T) {
	m := deployed(t)
	for _, c := range []struct{ kind, label, want string }{
		{"google_pubsub_topic", "changes", flagsOf(t, "publish")["topic"].Default},
		{"google_pubsub_subscription", "changes", flagsOf(t, "run")["subscription"].Default},
		{"google_pubsub_topic", "letters", flagsOf(t, "run")["dead-letter-topic"].Default},
		{"google_pubsub_subscription", "letters", flagsOf(t, "deadletter list")["dead-letter-subscription"].Default},
		{"google_pubsub_topic", "outcomes", filepath.Base(devOutcomeTopic)},
		{"google_pubsub_subscription", "outcomes", filepath.Base(devOutcomeSubscription)},
	} {
		if got := m.name(t, c.kind, c.label); got != c.want {
			t.Errorf("the module names %s.%s %q, the program %q", c.kind, c.label, got, c.want)
		}
	}
}

func TestTheProbesAskWhereTheProgramAnswers(t *testing.T) {
	text, err := os.ReadFile(moduleDirectory + "/worker.tf")
	must(t, err)
	paths := regexp.MustCompile(`path = "(/[a-z]+)"\n\s+port = local\.http_port`).FindAllStringSubmatch(string(text), -1)
	if len(paths) != 2 || paths[0][1] != "/livez" || paths[1][1] != "/livez" {
		t.Errorf("the probes ask %q, want /livez for both, which asks nothing remote", paths)
	}
	port := deployed(t).local(t, "http_port").AsBigFloat().String()
	if flagsOf(t, "run")["http"].Default != ":"+port {
		t.Errorf("the probes ask port %s, run listens on %s", port, flagsOf(t, "run")["http"].Default)
	}
}

func TestOperatorsAreToldVariablesThatTheProgramHas(t *testing.T) {
	known := map[string]bool{}
	for _, command := range []string{"check", "publish", "deadletter list", "deadletter show"} {
		for _, flag := range flagsOf(t, command) {
			for _, name := range flag.Envs {
				known[name] = true
			}
		}
	}
	for _, name := range deployed(t).keys(t, "output.operator_environment", "value") {
		if !known["CONTACTRELAY_"+name] {
			t.Errorf("operators are told to set CONTACTRELAY_%s, which no command of theirs reads", name)
		}
	}
}

// TestAllOfTheModulesFilesAreHCLInItsForm reads those, too, that nothing else does here: examples and tests.
func TestAllOfTheModulesFilesAreHCLInItsForm(t *testing.T) {
	read := 0
	must(t, filepath.WalkDir(moduleDirectory, func(path string, _ os.DirEntry, err error) error {
		if err != nil || !regexp.MustCompile(`\.(tf|hcl|tfvars\.example)$`).MatchString(path) {
			return err
		}
		read++
		text, err := os.ReadFile(path)
		if _, diagnostics := hclparse.NewParser().ParseHCL(text, path); diagnostics.HasErrors() {
			t.Error(diagnostics)
		}
		if !bytes.Equal(hclwrite.Format(text), text) {
			t.Errorf("terraform fmt would change %s", path)
		}
		return err
	}))
	if read < 25 {
		t.Errorf("%d files were read, want all", read)
	}
}
