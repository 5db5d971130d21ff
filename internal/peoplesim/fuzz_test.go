package peoplesim

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// FuzzRequest sends any request to a simulator: it must answer with JSON or a page, and never panic.
func FuzzRequest(f *testing.F) {
	f.Add("PATCH", "/v1/people/c1:updateContact", "updatePersonFields=names,memberships&fields=names(givenName)", `{`+guard()+`,"names":[{"givenName":"A"}],"memberships":[{"contactGroupMembership":{"contactGroupResourceName":"contactGroups/x"}}]}`)
	f.Add("PATCH", "/v1/people/c1:updateContact", "updatePersonFields=miscKeywords,phoneNumbers,addresses", `{"etag":"%EgA=",`+guard()+`,"miscKeywords":[{"type":"OUTLOOK_USER"}],"addresses":[{}],"phoneNumbers":[{"value":"+"}]}`)
	f.Add("PATCH", "/v1/people/c1:updateContactPhoto", "", `{"photoBytes":"iVBORw0KGgo=","personFields":"photos"}`)
	f.Add("POST", "/v1/people:batchUpdateContacts", "$.xgafv=1", `{"contacts":{"people/c1":{`+guard()+`},"people/me":{}},"updateMask":"urls","readMask":"metadata"}`)
	f.Add("GET", "/v1/people:batchGet", "resourceNames=people/c1&resourceNames=people/me&personFields=names", "")
	f.Add("GET", "/v1/people/c1", "requestMask.includeField=person.names&sources=READ_SOURCE_TYPE_PROFILE", "")
	f.Add("GET", "/v1/people/%2e", "personFields=%zz", "\xff")
	f.Add("PATCH", "/v1/people/c1:updateContact", "updatePersonFields=names", strings.Repeat(`{"names":[`, 2000))
	f.Fuzz(func(t *testing.T, verb, path, query, body string) {
		r, err := http.NewRequestWithContext(t.Context(), verb, "http://people.example.com/", strings.NewReader(body))
		if err != nil {
			return // no method of HTTP
		}
		r.URL.Path, r.URL.RawQuery = path, query
		r.Header.Set("Authorization", "Bearer "+ann)
		s := seeded(t, Config{AuditValues: true})
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		page := strings.HasPrefix(w.Body.String(), "<!DOCTYPE html>")
		if !page && !json.Valid(w.Body.Bytes()) {
			t.Errorf("%s %s?%s %q answers %d %q", verb, path, query, body, w.Code, w.Body)
		}
		if w.Code/100 == 5 || w.Code == http.StatusOK && page {
			t.Errorf("%s %s?%s %q answers %d", verb, path, query, body, w.Code)
		}
		for _, c := range s.Snapshot() {
			c.Person()
		}
	})
}
