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

// version is the stamped version, else the module's, else the commit it was built from, else "devel".
func version() string {
	if stamped != "" {
		return stamped
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "devel"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return "devel-" + s.Value[:12]
		}
	}
	return "devel"
}
