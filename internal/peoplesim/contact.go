package peoplesim

import (
	"hash/fnv"
	"strconv"
	"strings"
	"time"
)

// contact is a contact of one user.
type contact struct {
	name     string // the resource name under which it was seeded, on which its etags depend
	sourceID string // of its CONTACT source
	profile  contents
	merged   string // its resource name after it was merged, else empty
	current  *revision
	older    []*revision // the newest first, at most keptRevisions
	deleted  time.Time   // zero while it exists
}

// keptRevisions is how many versions back a stale read can reach.
const keptRevisions = 2

// revision is a contact at a version. It is never changed.
type revision struct {
	version int64
	at      time.Time
	values  contents
	photo   string // the SHA-256 of its bytes in hex, empty without one
}

func newContact(name string, now time.Time, values, profile contents) *contact {
	return &contact{
		name: name, sourceID: sourceID(name), profile: profile,
		current: &revision{version: FirstVersion, at: now, values: values},
	}
}

// sourceID gives a contact ID as the service does: in hex.
func sourceID(name string) string {
	id := strings.TrimPrefix(name, contactPrefix)
	n, err := strconv.ParseUint(id, 10, 64)
	if err != nil {
		h := fnv.New64a()
		h.Write([]byte(id))
		n = h.Sum64()
	}
	return strconv.FormatUint(n, 16)
}

// write makes r the current revision.
func (c *contact) write(r *revision) {
	keep := min(len(c.older), keptRevisions-1)
	c.older = append([]*revision{c.current}, c.older[:keep]...)
	c.current = r
}

// etagText is what both etags of a revision have in common.
func (c *contact) etagText(r *revision) string { return etagText(c.name, r.version) }

// at gives the revision that a replica shows which is behind by lag, but by no more than most versions; nil if the
// contact is gone for it.
func (c *contact) at(now time.Time, lag time.Duration, most int) *revision {
	seen := now.Add(-lag)
	if !c.deleted.IsZero() && !c.deleted.After(seen) {
		return nil
	}
	r := c.current
	for i := 0; i < most && i < len(c.older) && r.at.After(seen); i++ {
		r = c.older[i]
	}
	return r
}

// sight is a contact as a read saw it; it stays as it is whatever is written meanwhile.
type sight struct {
	*revision
	contact *contact
	name    string // the resource name to show
}

func (c *contact) sight(r *revision) sight {
	name := c.name
	if c.merged != "" {
		name = c.merged
	}
	return sight{revision: r, contact: c, name: name}
}
