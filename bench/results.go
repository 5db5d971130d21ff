package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// results are all that was measured, and where.
type results struct {
	Date    string `json:"date"`
	Machine string `json:"machine"`
	Go      string `json:"go"`
	Version string `json:"version"` // of contactrelay: a commit
	Short   bool   `json:"short,omitzero"`

	Figures     []*figures `json:"figures"`
	Weights     []weight   `json:"weights,omitempty"`
	StartMillis float64    `json:"startMillis,omitzero"`
	BinaryBytes int64      `json:"binaryBytes,omitzero"`
}

// describe says where and with what a measurement is made.
func describe(ctx context.Context) (*results, error) {
	version, err := exec.CommandContext(ctx, "git", "describe", "--always", "--dirty").Output()
	if err != nil {
		return nil, fmt.Errorf("ask git for the version: %w", err)
	}
	processor, err := processorName()
	if err != nil {
		return nil, err
	}
	return &results{
		Date:    time.Now().UTC().Format(time.DateOnly),
		Machine: fmt.Sprintf("%s, %d cores, %s/%s", processor, runtime.NumCPU(), runtime.GOOS, runtime.GOARCH),
		Go:      runtime.Version(), Version: strings.TrimSpace(string(version)),
	}, nil
}

// processorName is the processor's.
func processorName() (string, error) {
	data, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "", err
	}
	for lines := bufio.NewScanner(bytes.NewReader(data)); lines.Scan(); {
		if name, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value), nil
		}
	}
	return "unknown processor", nil
}

// of is the figures of a contender at a workload; nil if there are none.
func (r *results) of(workload string, c contender) *figures {
	for _, f := range r.Figures {
		if f.Workload == workload && f.Contender == c {
			return f
		}
	}
	return nil
}

// json is the results as they are kept.
func (r *results) json() (string, error) {
	data, err := json.MarshalIndent(r, "", "  ")
	return string(data) + "\n", err
}

// readResults reads what was kept.
func readResults(name string) (*results, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	r := new(results)
	if err := json.Unmarshal(data, r); err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return r, nil
}
