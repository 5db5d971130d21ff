package worker

import "strings"

// allowed reports whether the worker may act for the user: whoever may publish to the topic could otherwise change
// anyone's contacts. An entry with an @ inside is a user, any other a domain.
func (w *Worker) allowed(user string) bool {
	if len(w.config.AllowUsers) == 0 {
		return true
	}
	_, domain, _ := strings.Cut(user, "@")
	for _, entry := range w.config.AllowUsers {
		if strings.EqualFold(entry, user) {
			return true
		}
		if d := strings.TrimPrefix(entry, "@"); domain != "" && !strings.Contains(d, "@") && strings.EqualFold(d, domain) {
			return true
		}
	}
	return false
}
