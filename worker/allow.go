package worker

import "strings"

// Allows reports whether a worker with these [Config.AllowUsers] acts for a user: whoever may publish to the topic could
// otherwise change anyone's contacts. An entry with an @ inside is a user, any other a domain.
func Allows(entries []string, user string) bool {
	if len(entries) == 0 {
		return true
	}
	_, domain, _ := strings.Cut(user, "@")
	for _, entry := range entries {
		if strings.EqualFold(entry, user) {
			return true
		}
		if d := strings.TrimPrefix(entry, "@"); domain != "" && !strings.Contains(d, "@") && strings.EqualFold(d, domain) {
			return true
		}
	}
	return false
}
