//go:build soak

package main

import (
	"testing"
	"time"

	"github.com/contactrelay/contactrelay/internal/peoplesim"
	"github.com/contactrelay/contactrelay/messages"
)

// TestSoakStopsUnderLoad is TestAStopUnderLoadSendsTheLastCountsAndLosesNothing with twenty stops.
func TestSoakStopsUnderLoad(t *testing.T) { stopsUnderLoad(t, 20) }

// TestSoakAStopThatTakesTheWholeDrainStillSendsTheLastCounts has calls that are never answered.
func TestSoakAStopThatTakesTheWholeDrainStillSendsTheLastCounts(t *testing.T) {
	r, c := newRig(t, simulate(t, "pubsub").Listen), collect(t)
	r.people.put(t, "POST", "/seed", peoplesim.Seeding{Users: 20, Contacts: 2})
	r.people.put(t, "PUT", "/faults", peoplesim.Faults{List: []peoplesim.Fault{{Kind: peoplesim.Hang, Rate: 1, Contacts: []string{peoplesim.ContactName(0, 1)}}}})
	var all []messages.Message
	for user := range 20 {
		all = append(all, firstChange(user, 0, "changed"), firstChange(user, 1, "changed"))
	}
	r.publish(all)
	w := r.observed(c, nil)
	w.until(len(all)-1, time.Minute, applied)
	took, err := w.terminate()
	if err != nil || took < 7*time.Second || took > 8*time.Second {
		t.Errorf("SIGTERM to exit: %v, %v; want 7 to 8 s and no error", took, err)
	}
	if ended := c.counted("contactrelay_messages_total", "outcome"); ended["applied"] != len(all)-1 || ended["returned"] != 1 {
		t.Errorf("the last metrics say %v", ended)
	}
	t.Logf("SIGTERM to exit: %v", took)
}
