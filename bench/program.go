package main

import (
	"context"
	_ "embed" // of the probe
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// programs are what is measured, built into a folder of their own.
type programs struct {
	folder       string
	contactrelay string
	probed       string // the same with what is in probe.go.txt
	peer         string
	simulate     string
}

// buildFlags are those with which all programs are built: as one would ship them.
var buildFlags = []string{"-trimpath", "-ldflags=-s -w"}

// build builds the programs from the source beside this module.
func build(ctx context.Context) (p *programs, err error) {
	folder, err := os.MkdirTemp("", "contactrelay-bench-*")
	if err != nil {
		return nil, err
	}
	p = &programs{
		folder:       folder,
		contactrelay: filepath.Join(folder, "contactrelay"),
		probed:       filepath.Join(folder, "contactrelay-probed"),
		peer:         filepath.Join(folder, "peer"),
		simulate:     filepath.Join(folder, "simulate"),
	}
	defer func() {
		if err != nil {
			p.remove()
		}
	}()
	overlay, err := p.overlay()
	if err != nil {
		return nil, err
	}
	for _, b := range []struct{ module, path, to, overlay string }{
		{"..", "./cmd/contactrelay", p.contactrelay, ""},
		{"..", "./cmd/contactrelay", p.probed, overlay},
		{"..", "./internal/cmd/simulate", p.simulate, ""},
		{".", "./peer", p.peer, ""},
	} {
		args := append([]string{"build", "-overlay", b.overlay, "-o", b.to}, buildFlags...)
		command := exec.CommandContext(ctx, "go", append(args, b.path)...)
		command.Dir = b.module
		if out, err := command.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("build %s: %w\n%s", b.path, err, out)
		}
	}
	return p, nil
}

// remove deletes what was built.
func (p *programs) remove() { _ = os.RemoveAll(p.folder) }

// probe is a file that the build adds to a contactrelay that is to be looked into.
//
//go:embed probe.go.txt
var probe []byte

// overlay is the name of a file that tells go build to add the probe to contactrelay.
func (p *programs) overlay() (string, error) {
	root, err := filepath.Abs("..")
	if err != nil {
		return "", err
	}
	source, description := filepath.Join(p.folder, "probe.go"), filepath.Join(p.folder, "overlay.json")
	data, err := json.Marshal(map[string]any{"Replace": map[string]string{
		filepath.Join(root, "cmd", "contactrelay", "probe.go"): source,
	}})
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(source, probe, 0o600); err != nil {
		return "", err
	}
	return description, os.WriteFile(description, data, 0o600)
}
