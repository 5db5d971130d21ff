package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// stamped is the version that the build was given: -ldflags "-X main.stamped=v1.2.3".
var stamped string

type versionCommand struct{}

// Run prints the version and what it was built with.
func (versionCommand) Run(t terminal, f *settingFaults) error {
	if err := f.err(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(t.out, "contactrelay %s %s %s/%s\n", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}

// version is the version of this program.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	return versionOf(stamped, info)
}

// versionOf is the stamped version, else the module's, else the commit that the build is of, else "devel": go run and
// -buildvcs=false leave no trace of the commit. In a checkout the toolchain makes the module's version of the commit.
func versionOf(stamped string, info *debug.BuildInfo) string {
	if stamped != "" {
		return stamped
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	commit := settings["vcs.revision"]
	if commit == "" {
		return "devel"
	}
	if settings["vcs.modified"] == "true" {
		return "devel-" + commit[:min(12, len(commit))] + "+dirty"
	}
	return "devel-" + commit[:min(12, len(commit))]
}
