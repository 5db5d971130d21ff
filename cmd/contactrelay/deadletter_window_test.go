package main

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/contactrelay/contactrelay/deadletter"
)

func TestOneLetterAtATimeIsUnderWayToAServiceThatIsNear(t *testing.T) {
	var w window
	for n := range 1000 {
		if got := w.width(); got != 1 {
			t.Fatalf("after %d hands there are %d letters under way, want 1", n, got)
		}
		took := 100 * time.Millisecond // the machine has much else to do
		if n%chance == chance-1 {
			took = near
		}
		w.measured(took)
	}
}

func TestOverALongLineAsFewLettersAreUnderWayAsABriskReplayNeeds(t *testing.T) {
	for took, want := range map[time.Duration]int{
		6 * time.Millisecond: 24, 20 * time.Millisecond: 80, 40 * time.Millisecond: 160, time.Minute: widest,
	} {
		var w window
		for range 200 {
			w.measured(took)
		}
		if got := w.width(); got != want {
			t.Errorf("where each takes %v there are %d under way, want %d", took, got, want)
		}
		w.measured(near)
		if got := w.width(); got != 1 {
			t.Errorf("where one took %v no more there are %d under way, want 1", took, got)
		}
	}
}

// farAway is the address of a service to which each way takes so long.
func farAway(t *testing.T, address string, each time.Duration) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	var lines sync.WaitGroup
	t.Cleanup(lines.Wait)
	t.Cleanup(func() { _ = listener.Close() })
	lines.Go(func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", address)
			if err != nil {
				_ = near.Close()
				continue
			}
			lines.Go(func() { carryLate(t.Context(), far, near, each) })
			lines.Go(func() { carryLate(t.Context(), near, far, each) })
		}
	})
	return listener.Addr().String()
}

// carryLate copies what comes, each piece so much later, until either end is closed. Once ctx is done nothing is late.
func carryLate(ctx context.Context, to, from net.Conn, late time.Duration) {
	type piece struct {
		bytes []byte
		due   time.Time
	}
	under := make(chan piece, 10_000) // what is on the line
	var line sync.WaitGroup
	line.Go(func() {
		defer to.Close()
		for p := range under {
			wait(ctx, time.Until(p.due))
			_, _ = to.Write(p.bytes) // an end that is closed is seen by whoever reads from it
		}
	})
	for {
		buffer := make([]byte, 64<<10)
		n, err := from.Read(buffer)
		if err != nil {
			break
		}
		under <- piece{buffer[:n], time.Now().Add(late)}
	}
	close(under)
	line.Wait()
}

func TestAServiceThatIsReachedSlowlyIsNotTakenForAnEmptyOne(t *testing.T) {
	r := newBenchRig(t)
	r.park(aLetter(1, deadletter.Rejected, "alice@example.com"))
	r.set("PUBSUB_EMULATOR_HOST", farAway(t, r.pubsubAddress, 350*time.Millisecond))
	// Connecting and a pull take two round trips of 0.7 s each.
	if code, out, errs := r.ask("", "list", "--wait=1s"); code != 0 || !strings.Contains(out, "alice@example.com") {
		t.Errorf("exit code %d, %q, %s", code, out, errs)
	}
}

// TestAReplayOverALongLineIsQuickAndKeepsTheOrder: letter by letter it would take 16 s.
func TestAReplayOverALongLineIsQuickAndKeepsTheOrder(t *testing.T) {
	r := newBenchRig(t)
	const letters = 400
	for n := range letters {
		user := "hot@example.com"
		if n%2 == 0 {
			user = fmt.Sprintf("user-%02d@example.com", n%40)
		}
		r.park(aLetter(n, deadletter.Rejected, user))
	}
	r.set("PUBSUB_EMULATOR_HOST", farAway(t, r.pubsubAddress, 10*time.Millisecond))
	begin := time.Now()
	if code, _, errs := r.ask("", "replay", "--all", "--yes", "--wait=1s", "--log-level=warn"); code != 0 {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	if took := time.Since(begin); took > 6*time.Second {
		t.Errorf("it took %v", took)
	}
	checkOrder(t, r.published(), letters)
	if n := len(r.left()); n > 0 {
		t.Errorf("%d letters are left", n)
	}
}
