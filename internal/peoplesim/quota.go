package peoplesim

import (
	"fmt"
	"net/http"
	"time"
)

// Quota are the limits of the project. They are not published, so there are no defaults: 0 is no limit. A single write
// costs one critical read, one critical write and one daily write, a batch 6, 6 and 200 whatever its size, a read of
// either kind one critical read. Minutes and days are those of the clock.
type Quota struct {
	UserReadsPerMinute     int `json:"userReadsPerMinute,omitzero"`  // critical reads of one user
	UserWritesPerMinute    int `json:"userWritesPerMinute,omitzero"` // critical writes of one user
	ProjectReadsPerMinute  int `json:"projectReadsPerMinute,omitzero"`
	ProjectWritesPerMinute int `json:"projectWritesPerMinute,omitzero"`
	ProjectCallsPerMinute  int `json:"projectCallsPerMinute,omitzero"` // calls, whatever they cost
	ProjectCallsPerSecond  int `json:"projectCallsPerSecond,omitzero"`
	ProjectWritesPerDay    int `json:"projectWritesPerDay,omitzero"` // daily writes
}

// Units are what calls cost.
type Units struct {
	CriticalReads  int64 `json:"criticalReads"`
	CriticalWrites int64 `json:"criticalWrites"`
	DailyWrites    int64 `json:"dailyWrites"`
}

// cost gives the published price of a call.
func (m *method) cost() Units {
	switch m.name {
	case BatchUpdateContacts:
		return Units{CriticalReads: 6, CriticalWrites: 6, DailyWrites: 200}
	case UpdateContact, UpdateContactPhoto:
		return Units{CriticalReads: 1, CriticalWrites: 1, DailyWrites: 1}
	}
	return Units{CriticalReads: 1}
}

// window is what was spent since its start.
type window struct {
	start time.Time
	Units
	calls int64
}

// at gives the window that holds now: this one, or an empty one.
func (w window) at(now time.Time, length time.Duration) window {
	if start := now.Truncate(length); !w.start.Equal(start) {
		return window{start: start}
	}
	return w
}

func (w *window) spend(u Units) {
	w.CriticalReads += u.CriticalReads
	w.CriticalWrites += u.CriticalWrites
	w.DailyWrites += u.DailyWrites
	w.calls++
}

// meter counts what the project spends.
type meter struct {
	second, minute, day window
	total               Units
}

// charge books a call, or says which limit it would break: then it costs nothing.
func (m *meter) charge(q Quota, u *user, cost Units, now time.Time) *problem {
	u.minute = u.minute.at(now, time.Minute)
	m.second, m.minute, m.day = m.second.at(now, time.Second), m.minute.at(now, time.Minute), m.day.at(now, 24*time.Hour)
	for _, l := range []struct {
		limit, spent int64
		breach       breach
	}{
		{int64(q.UserWritesPerMinute), u.minute.CriticalWrites + cost.CriticalWrites, userWrites},
		{int64(q.UserReadsPerMinute), u.minute.CriticalReads + cost.CriticalReads, userReads},
		{int64(q.ProjectWritesPerMinute), m.minute.CriticalWrites + cost.CriticalWrites, projectWrites},
		{int64(q.ProjectReadsPerMinute), m.minute.CriticalReads + cost.CriticalReads, projectReads},
		{int64(q.ProjectCallsPerMinute), m.minute.calls + 1, projectCallsMinute},
		{int64(q.ProjectCallsPerSecond), m.second.calls + 1, projectCallsSecond},
		{int64(q.ProjectWritesPerDay), m.day.DailyWrites + cost.DailyWrites, projectDay},
	} {
		if l.limit > 0 && l.spent > l.limit {
			return l.breach.problem(l.limit)
		}
	}
	for _, w := range []*window{&u.minute, &m.second, &m.minute, &m.day} {
		w.spend(cost)
	}
	m.total.CriticalReads += cost.CriticalReads
	m.total.CriticalWrites += cost.CriticalWrites
	m.total.DailyWrites += cost.DailyWrites
	return nil
}

// breach is a limit that was broken, in the service's words.
type breach struct {
	metric string // as people read it
	per    string
	id     string // quota_metric without the service
	limit  string // quota_limit; it ends in PerUser if it is the user's
	reason string // the legacy one
}

// The limits, by the names seen in answers; those of whole calls are the simulator's own.
var (
	userWrites         = breach{"Critical write requests", "minute per user", "critical_write_requests", "CriticalWritesPerMinutePerProjectPerUser", "userRateLimitExceeded"}
	userReads          = breach{"Critical read requests", "minute per user", "critical_read_requests", "CriticalReadsPerMinutePerProjectPerUser", "userRateLimitExceeded"}
	projectWrites      = breach{"Critical write requests", "minute", "critical_write_requests", "CriticalWritesPerMinutePerProject", "rateLimitExceeded"}
	projectReads       = breach{"Critical read requests", "minute", "critical_read_requests", "CriticalReadsPerMinutePerProject", "rateLimitExceeded"}
	projectCallsMinute = breach{"Requests", "minute", "requests", "RequestsPerMinutePerProject", "rateLimitExceeded"}
	projectCallsSecond = breach{"Requests", "second", "requests", "RequestsPerSecondPerProject", "rateLimitExceeded"}
	projectDay         = breach{"Daily contact writes", "day", "daily_contact_writes", "DailyContactWritesPerDayPerProject", "quotaExceeded"}
)

// problem is the 429 for a broken limit.
func (b breach) problem(limit int64) *problem {
	p := &problem{code: codes.exhausted, domain: "usageLimits"}
	p.reason = b.reason
	p.message = fmt.Sprintf("Quota exceeded for quota metric '%s' and limit '%s per %s' of service 'people.googleapis.com' for consumer 'project_number:%s'.",
		b.metric, b.metric, b.per, projectNumber)
	p.details = []any{errorInfo("RATE_LIMIT_EXCEEDED", map[string]string{
		"service": "people.googleapis.com", "consumer": "projects/" + projectNumber,
		"quota_metric": "people.googleapis.com/" + b.id, "quota_limit": b.limit,
		"quota_limit_value": fmt.Sprint(limit), "quota_location": "global",
	})}
	return p
}

// accountQuota is the 429 that lasts for hours.
func accountQuota() *problem {
	p := &problem{code: codes.exhausted, message: "Resource has been exhausted (e.g. check quota)."}
	p.details = []any{map[string]any{
		"@type":      "type.googleapis.com/google.rpc.QuotaFailure",
		"violations": []any{map[string]any{"subject": "QUOTA_EXCEEDED", "description": "FBS quota limit exceeded"}},
	}}
	return p
}

// tooConcurrent is the 429 for mutates of a user that overlap.
func tooConcurrent() *problem {
	return &problem{code: codes.exhausted, message: "Too many concurrent requests for user.", domain: "usageLimits"}
}

// asForbidden turns a quota problem into the 403 that it sometimes is.
func (p *problem) asForbidden() *problem {
	p.number, p.name, p.http = codes.permissionDenied.number, codes.permissionDenied.name, http.StatusForbidden
	return p
}
