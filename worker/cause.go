package worker

import "github.com/contactrelay/contactrelay/internal/people"

// Causes that are no kind of a fact, as logs, metrics, health and [Stuck] show them.
const (
	causeOutage    = "outage"     // calls fail, of all users
	causeFuse      = "fuse"       // every user is refused
	causeLetter    = "letter"     // a dead letter cannot be written, or not be published
	causePanic     = "panic"      // our own fault
	causeStaleRead = "stale_read" // the contact is shown as it was before
	causeConflict  = "conflict"   // a second look at it
)

// PauseCauses returns all that [Tally.Paused] can be.
func PauseCauses() []string {
	return []string{
		causeOutage, causeFuse,
		people.ServiceDisabled.String(), people.ClientRejected.String(), people.Unauthenticated.String(),
	}
}

// RetryCauses returns all that [Tally.Retries] can count by: the facts that time may cure, and what is no fact of a call.
func RetryCauses() []string {
	causes := []string{causeFuse, causeLetter, causePanic, causeStaleRead, causeConflict}
	for _, kind := range []people.Kind{
		people.Unexpected, people.Network, people.Unavailable, people.Internal, people.StaleEtag, people.Missing,
		people.UserQuota, people.ProjectQuota, people.AccountQuota,
		people.Unauthenticated, people.TokenFailed, people.ServiceDisabled, people.ClientRejected,
	} {
		causes = append(causes, kind.String())
	}
	return causes
}
