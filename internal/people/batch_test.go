package people

import (
	"io"
	"net/http"
	"reflect"
	"slices"
	"testing"

	people "google.golang.org/api/people/v1"
)

func TestBatchUpdateSendsTheDocumentedRequest(t *testing.T) {
	c := client(t, func(w http.ResponseWriter, r *http.Request) {
		if got, want := r.Method+" "+r.URL.Path, "POST /v1/people:batchUpdateContacts"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		want := map[string]any{
			"contacts": map[string]any{
				"people/c1": map[string]any{"etag": "%1", "urls": []any{}},
				"people/c2": map[string]any{"etag": "%2", "urls": []any{map[string]any{"value": "https://example.com"}}},
			},
			"updateMask": "urls",
			"readMask":   "metadata",
			"sources":    []any{"READ_SOURCE_TYPE_CONTACT"},
		}
		if got := decode(t, r.Body); !reflect.DeepEqual(got, want) {
			t.Errorf("body\n got %v\nwant %v", got, want)
		}
		io.WriteString(w, `{"updateResult":{
			"people/c1":{"requestedResourceName":"people/c1","person":{"resourceName":"people/c1"}},
			"people/c2":{"requestedResourceName":"people/c2","person":{"resourceName":"people/c2"},"status":{}}}}`)
	})
	contacts := map[string]*people.Person{
		"people/c1": {Etag: "%1"},
		"people/c2": {Etag: "%2", Urls: []*people.Url{{Value: "https://example.com"}}},
	}
	got, err := c.BatchUpdate(t.Context(), "user-1", contacts, "urls", Read{Fields: "metadata", Sources: []string{"READ_SOURCE_TYPE_CONTACT"}})
	if err != nil {
		t.Fatal(err)
	}
	for name := range contacts {
		if r := got[name]; r.Err != nil || r.Renamed != "" || r.Person == nil || r.Person.ResourceName != name {
			t.Errorf("%s: got %+v, want its person", name, r)
		}
	}
	if contacts["people/c1"].ForceSendFields != nil {
		t.Error("the caller's person was changed")
	}
}

func TestBatchUpdateJudgesEveryContactItWasAskedFor(t *testing.T) {
	c := client(t, answer(http.StatusOK, `{"updateResult":{
		"people/c1":{"person":{"resourceName":"people/c1"},"status":{"code":0}},
		"people/c2":{"status":{"code":5,"message":"Requested entity was not found."}},
		"people/c3":{"status":{"code":9,"message":"Request person.etag is different than the current person.etag. Clear local cache and get the latest person."}},
		"people/c4":{"status":{"code":9,"message":"Request must set person.etag or person.metadata.sources.etag for the source that is being updated."}},
		"people/c5":{"requestedResourceName":"people/c5","person":{"resourceName":"people/c55"}},
		"people/c66":{"requestedResourceName":"people/c6","person":{"resourceName":"people/c66"}},
		"people/c7":{},
		"people/c8":{"status":{"code":99}},
		"people/c9":{"httpStatusCode":403},
		"people/other":{"status":{"code":13}}}}`))
	contacts := make(map[string]*people.Person)
	for _, id := range []string{"c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8", "c9", "c10"} {
		contacts["people/"+id] = &people.Person{}
	}
	got, err := c.BatchUpdate(t.Context(), "user-1", contacts, "urls", Read{Fields: "metadata"})
	if err != nil {
		t.Fatal(err)
	}
	type row struct {
		kind    Kind
		http    int
		status  string
		renamed string
	}
	const good = Kind(-1)
	for name, want := range map[string]row{
		"people/c1":  {kind: good},
		"people/c2":  {kind: NotFound, http: 404, status: "NOT_FOUND"},
		"people/c3":  {kind: StaleEtag, http: 400, status: "FAILED_PRECONDITION"},
		"people/c4":  {kind: Rejected, http: 400, status: "FAILED_PRECONDITION"},
		"people/c5":  {kind: good, renamed: "people/c55"},
		"people/c6":  {kind: good, renamed: "people/c66"},
		"people/c7":  {kind: good},
		"people/c8":  {kind: Internal, http: 500, status: "UNKNOWN"},
		"people/c9":  {kind: Forbidden, http: 403},
		"people/c10": {kind: Missing, http: 200},
	} {
		r, ok := got[name]
		if !ok {
			t.Errorf("%s is not among the results", name)
			continue
		}
		seen := row{kind: good, renamed: r.Renamed}
		if r.Err != nil {
			seen.kind, seen.http, seen.status = r.Err.Kind, r.Err.HTTPStatus, r.Err.APIStatus
		}
		if seen != want {
			t.Errorf("%s: got %+v, want %+v", name, seen, want)
		}
	}
	if len(got) != len(contacts) {
		t.Errorf("got %d results for %d contacts", len(got), len(contacts))
	}
}

func TestBatchUpdateWithoutReadFieldsMissesNobody(t *testing.T) {
	c := client(t, func(w http.ResponseWriter, r *http.Request) {
		if mask, ok := decode(t, r.Body)["readMask"]; !ok || mask != "" {
			t.Errorf("readMask = %v, want the empty mask, which is required", mask)
		}
		io.WriteString(w, `{}`)
	})
	got, err := c.BatchUpdate(t.Context(), "user-1", map[string]*people.Person{"people/c1": {}}, "urls", Read{})
	if want := map[string]Result{"people/c1": {}}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
}

func TestAFailedBatchNamesItsContacts(t *testing.T) {
	c := client(t, answer(http.StatusBadRequest, `{"error":{"code":400,"status":"FAILED_PRECONDITION","message":"Batch failed.","details":[
		{"@type":"type.googleapis.com/google.rpc.Help","links":"none"},
		{"@type":"type.googleapis.com/google.people.v1.BatchUpdateContactsErrorDetails","contactErrors":{
			"people/c1":{"code":9,"message":"Request person.metadata.sources.etag is different than the current person.metadata.sources.etag. Clear local cache and get the latest person"},
			"people/c2":{"code":3,"message":"Cannot have more than one person.names per source."},
			"people/c3":{"code":5}}}]}}`))
	_, err := c.BatchUpdate(t.Context(), "user-1", map[string]*people.Person{"people/c1": {}}, "urls", Read{})
	e := factOf(t, err)
	if e.Kind != Rejected || e.APIStatus != "FAILED_PRECONDITION" {
		t.Errorf("got %v, want rejected", e)
	}
	want := map[string]Kind{"people/c1": StaleEtag, "people/c2": Rejected, "people/c3": NotFound}
	got := make(map[string]Kind)
	for name, c := range e.Contacts {
		got[name] = c.Kind
		if c.Method != "people.batchUpdateContacts" {
			t.Errorf("%s: method %q", name, c.Method)
		}
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestGetBatchSendsTheDocumentedRequestAndMissesNobody(t *testing.T) {
	names := []string{"people/c1", "people/c2", "people/c3", "people/c4", "people/c5", "people/c6"}
	c := client(t, func(w http.ResponseWriter, r *http.Request) {
		if got, want := r.Method+" "+r.URL.Path, "GET /v1/people:batchGet"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if got := r.URL.Query()["resourceNames"]; !slices.Equal(got, names) {
			t.Errorf("resourceNames = %q", got)
		}
		if got := r.URL.Query().Get("personFields"); got != "names" {
			t.Errorf("personFields = %q", got)
		}
		io.WriteString(w, `{"responses":[
			{"requestedResourceName":"people/c1","person":{"resourceName":"people/c1"},"status":{}},
			{"requestedResourceName":"people/c2","status":{"code":5},"httpStatusCode":404},
			{"requestedResourceName":"people/c3","person":{"resourceName":"people/c33"}},
			{"person":{"resourceName":"people/c4"},"httpStatusCode":200},
			{"requestedResourceName":"people/c5"},
			null,
			{"requestedResourceName":"people/other","person":{}}]}`)
	})
	got, err := c.GetBatch(t.Context(), "user-1", names, Read{Fields: "names"})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"people/c1": "person",
		"people/c2": "people.getBatchGet: not_found (HTTP 404, NOT_FOUND)",
		"people/c3": "person, now people/c33",
		"people/c4": "person",
		"people/c5": "people.getBatchGet: missing (HTTP 200)",
		"people/c6": "people.getBatchGet: missing (HTTP 200)",
	} {
		r, seen := got[name], "nothing"
		switch {
		case r.Err != nil:
			seen = r.Err.Error()
		case r.Renamed != "":
			seen = "person, now " + r.Renamed
		case r.Person != nil:
			seen = "person"
		}
		if seen != want {
			t.Errorf("%s: got %s, want %s", name, seen, want)
		}
	}
	if len(got) != len(names) {
		t.Errorf("got %d results for %d names", len(got), len(names))
	}
}
