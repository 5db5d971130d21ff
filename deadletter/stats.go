package deadletter

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Stats counts entries in the ways that show what went wrong, and how much of it.
type Stats struct {
	Letters int `json:"letters"`
	// Reasons has a row for each reason that occurs, the most frequent first.
	Reasons []ReasonCount `json:"reasons"`
	// Users has the users with the most letters, the most first; UserCount is how many users there are in all.
	Users     []Count `json:"users"`
	UserCount int     `json:"userCount"`
	// Failures has the groups of the same failure, the largest first; FailureCount is how many there are in all.
	Failures     []Failure `json:"failures"`
	FailureCount int       `json:"failureCount"`
}

// Count is how many letters have something in common.
type Count struct {
	Name    string `json:"name"`
	Letters int    `json:"letters"`
}

// ReasonCount is the letters of a reason, in all and by age: see [Ages].
type ReasonCount struct {
	Reason  Reason `json:"reason"`
	Letters int    `json:"letters"`
	Ages    []int  `json:"ages"`
}

// Failure is letters that fail alike: for one reason, with details that differ only in numbers and names.
type Failure struct {
	Reason  Reason `json:"reason"`
	Detail  string `json:"detail"`
	Letters int    `json:"letters"`
	Example string `json:"example"` // the ID of the newest one
}

// Age is a range of ages: below Under, from the range before it on. The last one has no bound.
type Age struct {
	Name  string
	Under time.Duration
}

// Ages are the ranges that letters are counted by.
func Ages() []Age {
	return []Age{{"< 1 h", time.Hour}, {"< 1 d", 24 * time.Hour}, {"< 1 w", 7 * 24 * time.Hour}, {"older", 0}}
}

// Sum counts entries as of now. At most so many users and failures are listed.
func Sum(entries []*Entry, now time.Time, most int) Stats {
	reasons, users, failures := map[Reason]*ReasonCount{}, map[string]int{}, map[[2]string]*Failure{}
	for _, e := range entries {
		r := reasons[e.Reason]
		if r == nil {
			r = &ReasonCount{Reason: e.Reason, Ages: make([]int, len(Ages()))}
			reasons[e.Reason] = r
		}
		r.Letters++
		r.Ages[ageOf(now.Sub(e.Time))]++
		users[e.Original.OrderingKey]++
		key := [2]string{string(e.Reason), normal(e.Detail)}
		if failures[key] == nil {
			failures[key] = &Failure{Reason: e.Reason, Detail: key[1], Example: e.ID} // the newest comes first
		}
		failures[key].Letters++
	}
	s := Stats{Letters: len(entries), Reasons: []ReasonCount{}, Users: []Count{}, UserCount: len(users), Failures: []Failure{}, FailureCount: len(failures)}
	for _, r := range reasons {
		s.Reasons = append(s.Reasons, *r)
	}
	for name, n := range users {
		s.Users = append(s.Users, Count{name, n})
	}
	for _, f := range failures {
		s.Failures = append(s.Failures, *f)
	}
	slices.SortFunc(s.Reasons, func(a, b ReasonCount) int {
		return cmp.Or(b.Letters-a.Letters, strings.Compare(string(a.Reason), string(b.Reason)))
	})
	slices.SortFunc(s.Users, func(a, b Count) int { return cmp.Or(b.Letters-a.Letters, strings.Compare(a.Name, b.Name)) })
	slices.SortFunc(s.Failures, func(a, b Failure) int {
		return cmp.Or(b.Letters-a.Letters, strings.Compare(string(a.Reason)+a.Detail, string(b.Reason)+b.Detail))
	})
	s.Users, s.Failures = s.Users[:min(most, len(s.Users))], s.Failures[:min(most, len(s.Failures))]
	return s
}

// ageOf is the index of a letter's age in Ages.
func ageOf(d time.Duration) int {
	ages := Ages()
	for i, a := range ages {
		if d < a.Under {
			return i
		}
	}
	return len(ages) - 1
}

// differing is what varies between details of the same failure: keys and indices in paths, resource names, numbers.
var differing = regexp.MustCompile(`\[[^\]]*\]|people/\S+|[0-9]+`)

// normal is a detail without what varies.
func normal(detail string) string {
	return differing.ReplaceAllStringFunc(detail, func(s string) string {
		switch {
		case strings.HasPrefix(s, "["):
			return "[…]"
		case strings.HasPrefix(s, "people/"):
			return "people/…"
		}
		return "#"
	})
}
