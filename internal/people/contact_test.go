package people

import (
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	people "google.golang.org/api/people/v1"
)

func TestUpdateSendsTheDocumentedRequest(t *testing.T) {
	c := client(t, func(w http.ResponseWriter, r *http.Request) {
		if got, want := r.Method+" "+r.URL.Path, "PATCH /v1/people/c1:updateContact"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		q := r.URL.Query()
		if got := q.Get("updatePersonFields"); got != "names,urls" {
			t.Errorf("updatePersonFields = %q", got)
		}
		if got := q.Get("personFields"); got != "metadata" {
			t.Errorf("personFields = %q", got)
		}
		if got := q["sources"]; !slices.Equal(got, []string{"READ_SOURCE_TYPE_CONTACT", "READ_SOURCE_TYPE_PROFILE"}) {
			t.Errorf("sources = %q", got)
		}
		if got := r.Header.Get("Authorization"); got != "Bearer user-1" {
			t.Errorf("Authorization = %q", got)
		}
		want := map[string]any{
			"resourceName": "people/c1",
			"names":        []any{map[string]any{"givenName": "Ada", "familyName": "Example"}},
			"urls":         []any{},
			"metadata":     map[string]any{"sources": []any{map[string]any{"type": "CONTACT", "id": "1", "etag": "#abc"}}},
		}
		if got := decode(t, r.Body); !reflect.DeepEqual(got, want) {
			t.Errorf("body\n got %v\nwant %v", got, want)
		}
		io.WriteString(w, `{"resourceName":"people/c1","etag":"%2"}`)
	})
	read := Read{Fields: "metadata", Sources: []string{"READ_SOURCE_TYPE_CONTACT", "READ_SOURCE_TYPE_PROFILE"}}
	got, err := c.Update(t.Context(), "user-1", ada(), "names,urls", read)
	if err != nil {
		t.Fatal(err)
	}
	if got.ResourceName != "people/c1" || got.Etag != "%2" {
		t.Errorf("got %s with etag %s, want the answered person", got.ResourceName, got.Etag)
	}
}

func TestUpdateWithoutReadFieldsAsksForNoneByName(t *testing.T) {
	c := client(t, func(w http.ResponseWriter, r *http.Request) {
		for _, name := range []string{"personFields", "sources"} {
			if r.URL.Query().Has(name) {
				t.Errorf("the query has %s", name)
			}
		}
		io.WriteString(w, `{"resourceName":"people/c1"}`)
	})
	if _, err := c.Update(t.Context(), "user-1", ada(), "names", Read{}); err != nil {
		t.Fatal(err)
	}
}

func TestUpdateClearsEveryMaskedFieldAndLeavesThePersonAlone(t *testing.T) {
	fields := strings.Split("addresses,biographies,birthdays,calendarUrls,clientData,emailAddresses,events,externalIds,"+
		"genders,imClients,interests,locales,locations,memberships,miscKeywords,names,nicknames,occupations,organizations,"+
		"phoneNumbers,relations,sipAddresses,urls,userDefined", ",")
	var body map[string]any
	c := client(t, func(w http.ResponseWriter, r *http.Request) {
		body = decode(t, r.Body)
		io.WriteString(w, `{}`)
	})
	person := &people.Person{ResourceName: "people/c1", Etag: "%1", ForceSendFields: make([]string, 0, 64)}
	before := *person
	if _, err := c.Update(t.Context(), "user-1", person, strings.Join(fields, ", "), Read{}); err != nil {
		t.Fatal(err)
	}
	for _, field := range fields {
		if got, ok := body[field].([]any); !ok || len(got) != 0 {
			t.Errorf("%s was sent as %v, want an empty list", field, body[field])
		}
	}
	if len(body) != len(fields)+2 {
		t.Errorf("got %d members, want the %d masked ones, the name and the etag", len(body), len(fields))
	}
	if !reflect.DeepEqual(*person, before) || person.ForceSendFields[:1][0] != "" {
		t.Error("the caller's person was changed")
	}
}

func TestUpdatePhotoSendsTheDocumentedRequest(t *testing.T) {
	c := client(t, func(w http.ResponseWriter, r *http.Request) {
		if got, want := r.Method+" "+r.URL.Path, "PATCH /v1/people/c1:updateContactPhoto"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		want := map[string]any{"photoBytes": "/9j/4AA=", "personFields": "photos", "sources": []any{"READ_SOURCE_TYPE_CONTACT"}}
		if got := decode(t, r.Body); !reflect.DeepEqual(got, want) {
			t.Errorf("body\n got %v\nwant %v", got, want)
		}
		if r.URL.Query().Has("personFields") {
			t.Error("personFields is in the query")
		}
		io.WriteString(w, `{"person":{"resourceName":"people/c1"}}`)
	})
	read := Read{Fields: "photos", Sources: []string{"READ_SOURCE_TYPE_CONTACT"}}
	got, err := c.UpdatePhoto(t.Context(), "user-1", "people/c1", "/9j/4AA=", read)
	if err != nil {
		t.Fatal(err)
	}
	if got.ResourceName != "people/c1" {
		t.Errorf("got %v, want the answered person", got)
	}
}

func TestUpdatePhotoWithoutReadFieldsAnswersNoPerson(t *testing.T) {
	c := client(t, answer(http.StatusOK, `{}`))
	got, err := c.UpdatePhoto(t.Context(), "user-1", "people/c1", "/9j/4AA=", Read{})
	if got != nil || err != nil {
		t.Errorf("got %v, %v, want nil, nil", got, err)
	}
}

func TestGetSendsTheDocumentedRequest(t *testing.T) {
	c := client(t, func(w http.ResponseWriter, r *http.Request) {
		if got, want := r.Method+" "+r.URL.Path, "GET /v1/people/c1"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if got := r.URL.Query().Get("personFields"); got != "names,metadata" {
			t.Errorf("personFields = %q", got)
		}
		if got := r.URL.Query()["sources"]; !slices.Equal(got, []string{"READ_SOURCE_TYPE_CONTACT"}) {
			t.Errorf("sources = %q", got)
		}
		json.NewEncoder(w).Encode(ada())
	})
	got, err := c.Get(t.Context(), "user-1", "people/c1", Read{Fields: "names,metadata", Sources: []string{"READ_SOURCE_TYPE_CONTACT"}})
	if err != nil {
		t.Fatal(err)
	}
	if got.Names[0].GivenName != "Ada" {
		t.Errorf("got %v, want the answered person", got)
	}
}

func TestOddResourceNamesStayInThePath(t *testing.T) {
	for _, name := range []string{"people/c1?alt=media", "people/c1#x", "people/c 1", "people/c%2F1"} {
		var path string
		c := client(t, func(w http.ResponseWriter, r *http.Request) {
			path = r.URL.Path
			io.WriteString(w, `{}`)
		})
		if _, err := c.Get(t.Context(), "user-1", name, Read{Fields: "names"}); err != nil {
			t.Fatal(err)
		}
		if path != "/v1/"+name {
			t.Errorf("Get(%q) asks for %q", name, path)
		}
	}
}
