package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// process is a program that runs.
type process struct {
	command *exec.Cmd
	begun   time.Time
	said    *tail
	ended   chan error
}

// start runs a program with these variables and no others.
func start(program string, environment []string, args ...string) (*process, error) {
	p := &process{command: exec.Command(program, args...), said: &tail{}, ended: make(chan error, 1)}
	p.command.Env = environment
	p.command.Stdout, p.command.Stderr = p.said, p.said
	p.begun = time.Now()
	if err := p.command.Start(); err != nil {
		return nil, err
	}
	go func() { p.ended <- p.command.Wait() }() // stop waits for it
	return p, nil
}

// grace is how long a process has from SIGTERM to its end. contactrelay promises 8 s; a peer in a long backoff may never
// come.
const grace = 10 * time.Second

// stop ends the process: asked first, then killed.
func (p *process) stop() {
	_ = p.command.Process.Signal(syscall.SIGTERM) // it may have ended
	select {
	case err := <-p.ended:
		p.ended <- err // for another stop
		return
	case <-time.After(grace):
	}
	p.kill()
}

// kill ends the process at once.
func (p *process) kill() {
	_ = p.command.Process.Kill()
	p.ended <- <-p.ended
}

// failure says that the process has ended by itself, and what it said last; nil while it runs.
func (p *process) failure() error {
	select {
	case err := <-p.ended:
		p.ended <- err
		return fmt.Errorf("%s ended: %v; it said:\n%s", p.command.Path, err, p.said)
	default:
		return nil
	}
}

// cpu is the CPU time that the process has used, of all its threads. Unlike getrusage it tells while the process runs, so
// that its start and its stop can be left out.
func (p *process) cpu() (time.Duration, error) {
	// The clock of another process: see clock_getcpuclockid(3) and the kernel's include/linux/posix-timers_types.h.
	const ofProcess = 2
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^p.command.Process.Pid<<3|ofProcess), &t); err != nil {
		return 0, fmt.Errorf("read the CPU time of %s: %w", p.command.Path, err)
	}
	return time.Duration(t.Nano()), nil
}

// peak is the most memory that the process ever had, in bytes. The maximum of getrusage would not do: a child starts with
// that of its parent.
func (p *process) peak() (int64, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.command.Process.Pid))
	if err != nil {
		return 0, err
	}
	for lines := bufio.NewScanner(bytes.NewReader(data)); lines.Scan(); {
		if text, ok := strings.CutPrefix(lines.Text(), "VmHWM:"); ok {
			kilobytes, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(text, "kB")), 10, 64)
			return kilobytes << 10, err
		}
	}
	return 0, fmt.Errorf("no VmHWM in the status of %s", p.command.Path)
}

// tail keeps the end of what a process says. It is safe for concurrent use.
type tail struct {
	mu   sync.Mutex // guards text
	text []byte
}

// maxTail is how much of it, in bytes.
const maxTail = 64 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if over := len(t.text) - maxTail; over > 0 {
		t.text = t.text[over:]
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}
